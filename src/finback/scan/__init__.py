"""Long recordings and archives: from files to a journal of scores, and from the journal to events and tables.

One model with one setting analyses spans of recordings; every finished span is a part of the journal, written
once. Events, effort and all tables are made from the journal in a second step, which can be repeated.

    result = finback.scan("watkins", "site/", "scans/site")      # scan/scan.py

The room and its one public function have one name, so the room can be called.
"""

from __future__ import annotations

import sys
import types
from typing import Any


class _Room(types.ModuleType):
    def __call__(self, *arguments: Any, **changes: Any) -> Any:
        from finback.scan.scan import scan

        return scan(*arguments, **changes)


sys.modules[__name__].__class__ = _Room
