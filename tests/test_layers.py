"""The rules of the layout, read from the source: a package imports lower floors only, and limits hold.

A ninth floor or a fifteenth package needs a decision record first (docs/decisions/0021).
"""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[1] / "src" / "finback"

# From the lowest floor up; the packages of one floor do not import each other.
FLOORS = (
    {"core"},
    {"audio", "metrics"},
    {"features", "data"},
    {"models", "datasets", "report"},
    {"training", "generation", "scan"},
    {"evaluation"},
    {"cli", "serve"},
)
FLOOR = {package: i for i, packages in enumerate(FLOORS) for package in packages}
FOLDERS_OF_DATA = {"presets", "weights", "__pycache__"}

# The same rule inside packages, lowest part first: parts of one set do not import each other. REST stands
# for all parts that are not named; these may import each other.
REST = "*"
INSIDE: dict[str, tuple[set[str], ...]] = {
    "core": ({"text"}, {"errors", "progress", "version"}, {REST}, {"storage"}, {"runs"}),
    "features": (
        {"spec", "mel", "pcen", "mfcc"},
        {"scales"},
        {"logmel", "stft"},
        {"backbones"},
        {REST},
        {"cache"},
    ),
    "data": (
        {"problems", "numbers", "table_text"},
        {"table_rows", "file_matching"},
        {"tables"},
        {"columns"},
        {"layouts", "clock_times"},
        {"formats", "manifest"},
        {"sources"},
        {REST},
        {"splits"},
        {"audit"},
        {"label_files"},
        {"index"},
        {"dataset"},
        {"locate"},
    ),
    "datasets": ({"fetch", "simulate"},),
    "models": ({"networks", "weights"}, {REST}, {"predictor"}, {"predict"}, {"ensemble", "export"}),
    "report": ({"plots"}, {"pages"}),
    "training": ({"augment"}, {REST}, {"tasks"}, {"stages"}, {"rare_species"}, {"classifier"}, {"generator"}),
    "scan": (
        {"spans"},
        {"settings", "grid"},
        {REST},
        {"engines"},
        {"work"},
        {"pace"},
        {"scan"},
        {"dry_run", "negatives"},
    ),
    "generation": ({"diffusion", "vocoders"}, {REST}, {"quality_gate"}, {"fill_rare"}),
    "evaluation": (
        {REST},
        {"comparison", "detections", "synthetic_study", "generator_audit", "embedding_map", "vocoder_audit"},
        {"pages", "data_sets"},
        {"pipeline"},
        {"demo", "results", "default_run"},
        {"forecast"},
        {"trained_run"},
        {"compare"},
    ),
}

FILES = sorted(SOURCE.rglob("*.py"))
each_file = pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(SOURCE)))


def package_of(path: Path) -> str:
    return path.relative_to(SOURCE).parts[0].removesuffix(".py")


@cache
def nodes(path: Path) -> list[ast.AST]:
    """All nodes of the syntax tree of a file."""
    return list(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))


@cache
def imports(path: Path) -> frozenset[str]:
    """Full names of all modules that a file imports, at the top or inside functions."""
    found: set[str] = set()
    for node in nodes(path):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {f"{node.module}.{alias.name}" for alias in node.names} | {node.module}
    return frozenset(found)


def floor_inside(package: str, part: str) -> int:
    floors = INSIDE[package]
    named = [i for i, parts in enumerate(floors) if part in parts]
    return named[0] if named else next(i for i, parts in enumerate(floors) if REST in parts)


def parts_of_own_package(path: Path) -> Iterator[tuple[str, str]]:
    """(its own part, part that it imports) for all that a file imports of its own package."""
    package, *rest = path.relative_to(SOURCE).parts
    for name in imports(path):
        root, _, inner = name.partition(f"finback.{package}.")
        other = inner.split(".")[0]
        is_part = (SOURCE / package / other).is_dir() or (SOURCE / package / f"{other}.py").is_file()
        if not root and other and is_part and other != rest[0].removesuffix(".py"):
            yield rest[0].removesuffix(".py"), other


def test_the_house_stays_small() -> None:
    assert len(FLOORS) <= 8
    assert len(FLOOR) <= 14
    packages = {p.name for p in SOURCE.iterdir() if p.is_dir()} - FOLDERS_OF_DATA
    assert packages <= set(FLOOR), "a package without a floor"
    assert {p.name for p in SOURCE.glob("*.py")} == {"__init__.py", "__main__.py"}


@each_file
def test_imports_point_down(path: Path) -> None:
    package = package_of(path)
    if package in ("__init__", "__main__"):  # the public names, and the command
        return
    for name in imports(path):
        root, *rest = name.split(".")
        if root == "finback" and rest and rest[0] in FLOOR and rest[0] != package:
            assert FLOOR[rest[0]] < FLOOR[package], f"{package} imports {name}, which is not below it"


@each_file
def test_imports_point_down_inside_a_room(path: Path) -> None:
    package = package_of(path)
    if package not in INSIDE or path.name == "__init__.py":
        return
    for own, other in parts_of_own_package(path):
        low, high = floor_inside(package, other), floor_inside(package, own)
        rest = REST in INSIDE[package][low] and {own, other}.isdisjoint(INSIDE[package][low])
        assert low < high or (low == high and rest), f"{own} imports {other}, which is not below it"


@each_file
def test_rooms_keep_their_laws(path: Path) -> None:
    package, names = package_of(path), imports(path)
    roots = {name.split(".")[0] for name in names}
    if path != SOURCE / "audio" / "decoder.py":
        assert "soundfile" not in roots
    if package in ("core", "metrics", "data", "datasets"):
        assert "torch" not in roots
    if package == "core":
        assert "matplotlib" not in roots
    if (SOURCE / "models" / "networks") in path.parents:
        assert "pathlib" not in roots
    if package == "report":
        assert not [n for n in names if n.startswith("finback.models")], "a page is a function of data"
    if package != "cli":
        calls = [n.func for n in nodes(path) if isinstance(n, ast.Call)]
        assert not [c for c in calls if isinstance(c, ast.Name) and c.id == "print"]
    if package != "cli" and path != SOURCE / "core" / "bars.py":
        assert "rich" not in roots
    assert "pickle" not in roots
    if package != "serve":
        assert not roots & {"socket", "socketserver", "http"}
    if (SOURCE / "datasets" / "fetch") not in path.parents:
        assert "requests" not in roots


def n_parameters(node: ast.FunctionDef) -> int:
    own = (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs)
    return len([a for a in own if a.arg not in ("self", "cls")])


@each_file
def test_files_and_functions_stay_small(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 300
    assert ast.get_docstring(ast.parse(text)), "the module docstring is the manual, also of a package"
    for node in nodes(path):
        if isinstance(node, ast.FunctionDef):
            assert (node.end_lineno or 0) - node.lineno < 60, node.name
            assert package_of(path) == "cli" or n_parameters(node) <= 8, node.name


def test_files_of_tests_stay_small() -> None:
    lines = {
        path: len(path.read_text(encoding="utf-8").splitlines())
        for path in Path(__file__).parent.rglob("*.py")
    }
    assert not {str(path): n for path, n in lines.items() if n > 300}


def run(script: str) -> str:
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def loaded(modules: tuple[str, ...], after: str) -> str:
    return run(f"import sys\n{after}\nprint([m for m in {modules} if m in sys.modules])")


def test_importing_finback_loads_nothing_heavy() -> None:
    assert loaded(("torch", "numpy", "pydantic", "matplotlib"), "import finback") == "[]"


def test_asking_for_help_loads_nothing_heavy() -> None:
    heavy = ("torch", "numpy", "sklearn", "pyarrow", "matplotlib")
    assert loaded(heavy, "from finback.cli.app import app") == "[]"


def test_the_first_process_of_a_scan_stays_small() -> None:
    after = "import finback.cli.scan, finback.scan.scan, finback.models.pretrained, finback.cli.licences"
    assert loaded(("torch", "matplotlib", "sklearn"), after) == "[]"


def test_training_loads_nothing_that_draws() -> None:
    after = "import finback.training.classifier, finback.training.generator"
    assert loaded(("matplotlib", "jinja2"), after) == "[]"


def test_every_public_name_is_there() -> None:
    import finback

    for name in finback.__all__:
        assert getattr(finback, name) is not None
    with pytest.raises(AttributeError, match="nothing_here"):
        _ = finback.nothing_here
