"""The laws of the house, read from the source: imports point down, siblings never import each other."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[1] / "src" / "finback"

# From the ground up; the rooms of one level do not know each other.
LEVELS = [
    {"errors"},
    {"types", "config", "files", "registry", "shipped"},
    {"audio"},
    {"features"},
    {"data", "augment", "models", "diffusion", "vocode"},
    {"training", "metrics", "plots", "fetch"},
    {"settings"},
    {"predictor", "train"},
    {"generators", "card"},
    {"generate", "vocoding", "latent", "ship", "export"},
    {"studio"},
    {"pregenerate"},
    {"ensemble", "evaluate", "reconstruct", "audit", "doctor", "generator_audit", "synthesize", "maps"}
    | {"vocoder_audit"},
    {"report"},
    {"pipeline", "lineup", "estimate", "leaderboard"},
    {"compare", "gain"},
    {"cli"},
    {"__main__"},
]
LEVEL = {room: i for i, rooms in enumerate(LEVELS) for room in rooms}
FILES = sorted(SOURCE.rglob("*.py"))


def room_of(path: Path) -> str:
    first = path.relative_to(SOURCE).parts[0]
    return first.removesuffix(".py")


def imports(path: Path) -> set[str]:
    """Full names of all modules that a file imports, at the top or inside functions."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {f"{node.module}.{alias.name}" for alias in node.names} | {node.module}
    return found


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(SOURCE)))
def test_imports_point_down(path: Path) -> None:
    room = room_of(path)
    if room == "__init__":
        return
    assert room in LEVEL, f"{room} has no place in LEVELS"
    for name in imports(path):
        parts = name.split(".")
        if parts[0] != "finback" or len(parts) < 2 or parts[1].startswith("_"):
            continue
        other = parts[1]
        if other in LEVEL and other != room:
            assert LEVEL[other] < LEVEL[room], f"{room} imports {other}, which is not below it"


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(SOURCE)))
def test_rooms_keep_their_laws(path: Path) -> None:
    room, names = room_of(path), imports(path)
    roots = {name.split(".")[0] for name in names}
    text = path.read_text(encoding="utf-8")
    if path != SOURCE / "audio" / "io.py":
        assert "soundfile" not in roots
    if room == "metrics":
        assert "torch" not in roots
    if room in ("models", "diffusion"):
        assert "pathlib" not in roots
    if room != "cli":
        calls = [n.func for n in ast.walk(ast.parse(text)) if isinstance(n, ast.Call)]
        assert not [c for c in calls if isinstance(c, ast.Name) and c.id == "print"]
        assert "rich" not in roots
    assert "pickle" not in roots
    assert not roots & {"socket", "socketserver", "http"}


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(SOURCE)))
def test_rooms_stay_small(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 300
    assert ast.get_docstring(ast.parse(text)) or not text.strip(), "the module docstring is the manual"
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef):
            assert (node.end_lineno or 0) - node.lineno < 60, node.name
            is_command = room_of(path) == "cli"
            arguments = len(node.args.args) + len(node.args.kwonlyargs) - (node.args.args[:1] == ["self"])
            assert is_command or arguments <= 9, node.name  # eight and self


def test_importing_finback_loads_nothing_heavy() -> None:
    heavy = ("torch", "numpy", "pydantic", "matplotlib")
    script = f"import sys, finback; print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_asking_for_help_loads_nothing_heavy() -> None:
    script = (
        "import sys\nfrom finback.cli.app import app\n"
        "print([m for m in ('torch', 'numpy', 'sklearn', 'pyarrow', 'matplotlib') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_every_public_name_is_there() -> None:
    import finback

    for name in finback.__all__:
        assert getattr(finback, name) is not None
    with pytest.raises(AttributeError, match="nothing_here"):
        _ = finback.nothing_here
