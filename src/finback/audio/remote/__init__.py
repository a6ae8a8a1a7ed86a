"""Files at addresses, read by ranges of bytes.

`opened(address)` is a binary file that can be read anywhere. Behind it stands a `Store`, which fetches blocks
from a `Source` (an object store through fsspec, or a web server), keeps some of them, and tries again when
the network fails. A file that changes while it is read is an error, never a mixture of both.
"""

from finback.audio.remote.source import State as State
from finback.audio.remote.store import RemoteFile as RemoteFile
from finback.audio.remote.store import opened as opened
from finback.audio.remote.store import state as state
