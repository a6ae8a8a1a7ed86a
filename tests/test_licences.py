"""Licences: metadata, NOTICE, README, cards, pages and commands say the same of code and weights."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import tomllib
import warnings
from pathlib import Path
from types import ModuleType

import pytest
from forked import forked
from packaging.licenses import canonicalize_license_expression
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from finback.core.errors import RunError, Terms
from finback.core.installed import installed, licence_of
from finback.data.sources.watkins import Watkins
from finback.models import pretrained

ROOT = Path(__file__).parents[1]
WEIGHTS = ROOT / "src" / "finback" / "weights"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def script(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, ROOT / ".ci" / f"{name}.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def words(path: Path) -> str:
    return " ".join(path.read_text(encoding="utf-8").split())


@pytest.mark.parametrize("name", [p.name for p in WEIGHTS.iterdir() if p.is_dir()])
def test_every_text_gives_the_terms_of_the_bundled_weights(name: str) -> None:
    reference, terms = pretrained.LICENCE_REFS[name], pretrained.TERMS[name]
    assert PROJECT["license"] == f"Apache-2.0 AND {reference}"
    assert canonicalize_license_expression(PROJECT["license"]) == PROJECT["license"]
    of_weights = WEIGHTS / name / "TERMS.md"
    assert of_weights.relative_to(ROOT).as_posix() in PROJECT["license-files"]
    assert all((ROOT / file).is_file() for file in PROJECT["license-files"])
    page = ROOT / "docs" / "reference" / "licences.md"
    kinds = [kind for kind in pretrained.KINDS if name in pretrained.names(kind)]
    cards = [WEIGHTS / name / kind / "card.md" for kind in kinds]
    for text in (of_weights, ROOT / "NOTICE", ROOT / "README.md", page, *cards):
        assert terms in words(text), text
    for text in (of_weights, ROOT / "NOTICE", page, *cards):
        assert reference in words(text), text
    for kind in kinds:
        assert json.loads((WEIGHTS / name / kind / "run.json").read_text())["licence"] == terms
    assert Watkins.info.licence == terms


def test_the_weights_of_yamnet_come_with_their_licence() -> None:
    folder = ROOT / "src" / "finback" / "features" / "backbones" / "yamnet"
    assert "Copyright 2019-2022 The TensorFlow Authors" in words(folder / "LICENSE")
    assert "Apache License Version 2.0" in words(folder / "LICENSE")
    digest = hashlib.sha256((folder / "weights.safetensors").read_bytes()).hexdigest()
    assert digest in words(folder / "PROVENANCE.md")
    assert "yamnet/weights.safetensors" in words(ROOT / "NOTICE")
    assert "YAMNet weights: Apache-2.0" in words(ROOT / "docs" / "reference" / "licences.md")


def test_the_page_covers_every_dependency() -> None:
    page = (ROOT / "docs" / "reference" / "licences.md").read_text(encoding="utf-8")
    listed = {
        canonicalize_name(row.split("|")[1].strip()) for row in page.splitlines() if row.startswith("| ")
    }
    extras = [r for extra in PROJECT["optional-dependencies"].values() for r in extra]
    needed = {canonicalize_name(Requirement(r).name) for r in (*PROJECT["dependencies"], *extras)} - {
        "finback"
    }
    assert needed <= listed, "write it again: finback licences --out docs/reference/licences.md"
    assert "not installed" not in page


def test_installed_packages_have_a_licence() -> None:
    packages = {p.name.lower(): p for p in installed()}
    assert packages["numpy"].needed_for == "finback"
    assert packages["markupsafe"].needed_for.lower() == "jinja2"
    assert all(p.licence for p in packages.values())


class Metadata(dict[str, list[str]]):
    def get_all(self, field: str) -> list[str] | None:
        return self.get(field)


@pytest.mark.parametrize(
    ("fields", "licence"),
    [
        ({"License-Expression": ["MIT OR Apache-2.0"], "License": ["x"]}, "MIT OR Apache-2.0"),
        ({"License": ["BSD 3-Clause\nwhole text"]}, "BSD 3-Clause"),
        ({"License": ["UNKNOWN"]}, "not given in its metadata"),
        ({"Classifier": ["License :: OSI Approved :: MIT License"], "License": ["x"]}, "MIT License"),
        ({}, "not given in its metadata"),
    ],
)
def test_where_a_licence_is_read(fields: dict[str, list[str]], licence: str) -> None:
    assert licence_of(Metadata(fields)) == licence  # type: ignore[arg-type]


def test_the_terms_are_said_once_to_each_user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FINBACK_CACHE", str(tmp_path / "cache"))
    pretrained._say_terms.cache_clear()
    with pytest.warns(Terms, match="not commercial"):
        pretrained.resolve("watkins", "classifier")
    pretrained._say_terms.cache_clear()  # another process
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        pretrained.resolve("watkins", "vocoder")
        pretrained.resolve(tmp_path, "classifier")  # a run folder is the user's own
    monkeypatch.setenv("FINBACK_CACHE", str(tmp_path / "cache" / "terms" / "watkins.txt" / "no"))
    with pytest.warns(Terms):  # cannot be remembered, which is no obstacle
        assert pretrained.resolve("watkins", "classifier").is_dir()


def test_terms_on_stderr_and_in_json(
    tmp_path: Path, simulated: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clip = next((simulated / "audio").glob("*.flac"))
    monkeypatch.setenv("FINBACK_CACHE", str(tmp_path))
    for said in (1, 0):
        done = forked(["predict", "watkins", clip, "--json", "--device", "cpu"], tmp_path)
        assert done.stderr.count("licence: the bundled watkins models") == said
        assert "not commercial" in json.loads(done.stdout)["terms"][0]


def test_a_build_without_weights_says_how_to_get_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pretrained, "_root", lambda: tmp_path / "none")
    with pytest.raises(RunError, match=r"no bundled models.*pip install"):
        pretrained.resolve("watkins", "classifier")


def test_the_core_wheel_is_free_and_has_no_weights(tmp_path: Path) -> None:
    script("core_wheel").copy_without_weights(tmp_path)
    project = tomllib.loads((tmp_path / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["license"] == "Apache-2.0"
    free = "src/finback/features/backbones/yamnet/weights.safetensors"  # Apache-2.0
    assert [p.relative_to(tmp_path).as_posix() for p in tmp_path.rglob("*.safetensors")] == [free]
    assert "YAMNet" in (tmp_path / "NOTICE").read_text(encoding="utf-8")
    assert not (tmp_path / "src" / "finback" / "weights").exists()
    assert (tmp_path / "src" / "finback" / "models" / "weights.py").is_file()
    assert '+core"' in (tmp_path / "src" / "finback" / "core" / "version.py").read_text(encoding="utf-8")
    assert "Watkins" not in (tmp_path / "NOTICE").read_text(encoding="utf-8")


def test_no_minimum_version_has_a_known_fault() -> None:
    audit = script("audit_dependencies")
    assert list(audit.faults((ROOT / "pyproject.toml").read_text(encoding="utf-8"), {})) == []
    old = '[project]\ndependencies = ["jinja2>=3.1", "numpy"]\noptional-dependencies.x = ["torch==2.5"]'
    found = "\n".join(audit.faults(old, {"pyarrow": "14.0"}))
    assert "jinja2>=3.1 allows" in found
    assert "numpy has no minimum version" in found
    assert "torch==2.5 allows" in found
    assert "installed: pyarrow 14.0" in found
