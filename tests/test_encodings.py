"""Text files are UTF-8 on every system: no call of the source leaves the encoding to the locale."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[1] / "src" / "finback"


def leaves_it_to_the_locale(call: ast.Call) -> bool:
    """Whether a call opens text, or reads the text of a process, without naming the encoding."""
    name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
    given = {keyword.arg: keyword.value for keyword in call.keywords}
    if "encoding" in given:
        return False
    if name in ("read_text", "write_text", "TextIOWrapper"):
        is_named = name == "read_text" and bool(call.args)
        return not is_named
    if name in ("run", "Popen", "check_output"):
        return "text" in given or "universal_newlines" in given
    if isinstance(call.func, ast.Name) and name in ("open", "NamedTemporaryFile"):
        mode = given.get("mode", call.args[1] if len(call.args) > 1 else ast.Constant("r"))
        return isinstance(mode, ast.Constant) and "b" not in str(mode.value)
    return False


@pytest.mark.parametrize("path", sorted(SOURCE.rglob("*.py")), ids=lambda p: str(p.relative_to(SOURCE)))
def test_every_text_file_has_an_encoding(path: Path) -> None:
    calls = [n for n in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(n, ast.Call)]
    found = [call.lineno for call in calls if leaves_it_to_the_locale(call)]
    assert not found, "write encoding='utf-8'"


@pytest.mark.parametrize(
    ("code", "found"),
    [
        ("open(p)", True),
        ("open(p, 'w')", True),
        ("open(p, 'rb')", False),
        ("open(p, encoding='utf-8')", False),
        ("p.read_text()", True),
        ("p.write_text(t, encoding='utf-8')", False),
        ("subprocess.run(x, text=True)", True),
    ],
)
def test_the_law_sees_calls(code: str, found: bool) -> None:
    call = ast.parse(code, mode="eval").body
    assert isinstance(call, ast.Call)
    assert leaves_it_to_the_locale(call) is found
