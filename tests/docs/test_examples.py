"""The pages are true: every example runs, every command has a page, a help text and an example."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from forked import Done, forked
from misbehaving import Site, harbour_source
from typer.testing import CliRunner

from finback.cli.app import app

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
COMMANDS = sorted(c.callback.__name__.replace("_", "-") for c in app.registered_commands if c.callback)
# One command, perhaps with $(...) in it. A scan starts processes of its own; one tutorial runs as it stands.
PLAIN = re.compile(r"\$ finback (?!scan\b|mine\b|compare\b)([^|&;<>$()]|\$\([^()]*\))*")
AS_IT_STANDS = "simulated"
BLOCK = re.compile(r'^```(\w+)(?: title="([^"]+)")?\n(.*?)^```$', re.M | re.S)


def examples(page: Path) -> list[tuple[str, str]]:
    """What a reader does, in order: ("a.toml", text to save), ("$ command", what the page says it prints)."""
    found: list[tuple[str, str]] = []
    for language, file, text in BLOCK.findall(page.read_text(encoding="utf-8")):
        if file:
            found.append((file, text))
        for line in text.replace("\\\n", " ").splitlines() if language == "console" else ():
            if line.startswith("$ "):
                found.append((line, ""))
            elif found:
                found[-1] = (found[-1][0], f"{found[-1][1]}{line}\n")
    return found


PAGES = sorted(
    page
    for page in DOCS.glob("**/*.md")
    if page.parent.name == "commands" or "```console" in page.read_text(encoding="utf-8")
)


@pytest.fixture
def workplace(tmp_path: Path, simulated: Path, trained: Path, generator_run: Path) -> Path:
    """The folder that a page describes, one per page: `clips`, `labels.csv`, other tables, finished runs."""
    folder = tmp_path / "docs"
    shutil.copytree(simulated / "audio", folder / "clips", ignore=shutil.ignore_patterns(".*"))
    table = (simulated / "labels.csv").read_text()
    plain = "\n".join(",".join(row.split(",")[:2]) for row in table.splitlines())
    (folder / "labels.csv").write_text(table)
    (folder / "metadata.csv").write_text(table)
    (folder / "other.csv").write_text(plain.replace("file,species", "filename,label") + "\n")
    shutil.copytree(trained, folder / "runs" / "mine")
    shutil.copytree(generator_run, folder / "runs" / "generator")
    return folder


@pytest.fixture
def harbour(workplace: Path) -> Iterator[None]:
    """The source of the page on fetching: a site on this machine, since there is no other in a test."""
    with Site() as site:
        (workplace / "harbour.toml").write_text(harbour_source(site))
        yield


@pytest.fixture
def bucket(
    request: pytest.FixtureRequest, workplace: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[None]:
    """The bucket of the page on buckets, in an S3 on this machine: `clips` under another name."""
    if request.node.callspec.params["page"].stem != "remote-archives":
        yield
        return
    server_of_s3 = pytest.importorskip("moto.server", reason="needs moto[server], of finback[dev]")
    boto3 = pytest.importorskip("boto3")
    server = server_of_s3.ThreadedMotoServer("127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://{host}:{port}")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    client = boto3.client("s3")
    client.create_bucket(Bucket="my-archive")
    for clip in (workplace / "clips").iterdir():
        client.upload_file(str(clip), "my-archive", f"site/{clip.name}")
    yield
    server.stop()


def words(line: str, folder: Path) -> list[str]:
    """The words of a command as a shell gives them to it."""
    if not set(line) & set("$*?~"):
        return shlex.split(line)
    shell = ["bash", "-c", f"printf '%s\\0' {line}"]
    done = subprocess.run(shell, cwd=folder, capture_output=True, text=True, check=True)
    return done.stdout.split("\0")[:-1]


def as_typed(line: str, folder: Path) -> Done:
    """Run a line of a page in a shell."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        line,
        shell=True,
        cwd=folder,
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
        timeout=600,
    )
    return Done(done.returncode, done.stdout, done.stderr)


def masked(text: str) -> str:
    """Without numbers and line ends: seconds and scores differ between machines, and so where prose wraps."""
    return " ".join(re.sub(r"-?\d+(?:\.\d+)?", "0", text).split())


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.stem)
def test_examples_run_and_print_what_the_page_shows(
    page: Path, workplace: Path, harbour: None, bucket: None, tmp_path_factory: pytest.TempPathFactory
) -> None:
    found = examples(page)
    assert any(what.startswith("$ ") for what, _ in found), "a page without an example"
    if page.stem == "finback-demo":
        pytest.skip("the demo is run by `make demo` and by tests/test_pipeline.py with fewer clips")
    # A tutorial says "work in an empty folder".
    folder = tmp_path_factory.mktemp("empty") if page.parent.name == "tutorials" else workplace
    for what, text in found:
        if not what.startswith("$ "):
            (folder / what).write_text(text, encoding="utf-8")
            continue
        plain = PLAIN.fullmatch(what) and page.stem != AS_IT_STANDS
        done = forked(words(what[2:], folder)[1:], folder) if plain else as_typed(what[2:], folder)
        assert done.returncode == 0, f"{what}\n{done.stderr[-2000:]}"
        assert "Traceback" not in done.stderr
        printed = masked(done.stderr + done.stdout)
        for shown in re.split(r"^\.\.\.$", text, flags=re.M):
            mismatch = f"{what} does not print\n{shown}\nbut\n{done.stderr}{done.stdout}"
            assert masked(shown) in printed, mismatch


def test_the_readme_names_commands_and_options_that_there_are() -> None:
    blocks = re.findall(r"^```\n(.*?)^```$", (ROOT / "README.md").read_text(encoding="utf-8"), re.M | re.S)
    lines = [line for block in blocks for line in block.splitlines() if line.startswith("finback ")]
    assert len(lines) > 10
    for line in lines:
        words = shlex.split(line, comments=True)
        done = CliRunner().invoke(app, [*words[1:], "--help"])  # an unknown option is refused before the help
        assert done.exit_code == 0, f"{line}\n{done.output}"


def test_the_readme_names_every_extra() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    named = re.findall(r"^\| `(\w+)` \|", readme.partition("**Extras**")[2].partition("\n\n`aisfx`")[0], re.M)
    with open(ROOT / "pyproject.toml", "rb") as file:
        extras = tomllib.load(file)["project"]["optional-dependencies"]
    assert sorted(named) == sorted(extras)


def test_the_python_of_the_readme_runs(workplace: Path) -> None:
    (code,) = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.S)
    clip = min((workplace / "clips").glob("[!.]*"))
    named = code.replace("new/20200623_000152.wav", clip.as_posix()).replace("epochs=30", "epochs=1")
    assert clip.as_posix() in named
    assert "epochs=1)" in named
    done = subprocess.run([sys.executable, "-c", named], cwd=workplace, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "[('" in done.stdout
    assert len(list((workplace / "seals").glob("*.wav"))) == 4


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_a_page_and_a_help_with_an_example(command: str) -> None:
    page = DOCS / "commands" / f"finback-{command}.md"
    assert page.exists()
    assert f"commands/{page.name}" in (DOCS / "index.md").read_text(encoding="utf-8")
    done = CliRunner().invoke(app, [command, "--help"])
    assert done.exit_code == 0
    assert "Example:" in done.output
    assert f"finback {command}" in done.output


@pytest.mark.parametrize(
    "page", [*sorted(ROOT.glob("docs/**/*.md")), ROOT / "README.md"], ids=lambda p: p.name
)
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)[^)]*\)", page.read_text(encoding="utf-8")):
        if "://" not in target:
            assert (page.parent / target).exists(), f"{page.name} links to {target}"


def test_documented_json_keys_are_those_printed(trained: Path) -> None:
    from finback.core.storage.files import read_json

    text = (DOCS / "json.md").read_text(encoding="utf-8")
    section = text.split("## finback evaluate")[1].split("## finback audit")[0]
    for key in read_json(trained / "metrics.json"):
        assert key.removesuffix("_ci") in section, f"metrics.json has {key}, docs/json.md does not tell of it"
    audit = text.split("## finback audit")[1].split("## Others")[0]
    for key in (
        "random",
        "grouped",
        "exact_duplicates",
        "near_duplicates",
        "label_conflicts",
        "single_group_species",
    ):
        assert key in audit
        assert key in read_json(trained / "audit.json")
