"""The spec: its fingerprint names caches and is stored with results, so it may not change by itself."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import finback
from finback.core.errors import SettingsError
from finback.core.runs.renames import with_moved_settings
from finback.core.settings import build
from finback.features.spec import FeatureSpec

WEIGHTS = Path(finback.__file__).parent / "weights"
OF_0_1_0 = {"onnx_file": "", "onnx_output": ""}  # settings of a spec that 0.1.0 wrote and that are gone


def test_fingerprints_are_those_of_version_0_1_0() -> None:
    assert FeatureSpec().fingerprint == "284f49e3449a"
    run = json.loads((WEIGHTS / "watkins" / "generator" / "run.json").read_text(encoding="utf-8"))
    assert build(FeatureSpec, run["spec"]).fingerprint == "ce6af752dc9b"  # as the bundled models had then


def test_every_setting_changes_the_fingerprint() -> None:
    changed = [
        FeatureSpec(hop=256),
        FeatureSpec(pad="reflect"),
        FeatureSpec(top_db=None),
        FeatureSpec(background_s=20.0),
    ]
    assert len({spec.fingerprint for spec in (FeatureSpec(), *changed)}) == 5


def test_a_spec_of_version_0_1_0_is_read() -> None:
    old = {**FeatureSpec(hop=256).model_dump(), **OF_0_1_0}
    assert build(FeatureSpec, old) == FeatureSpec(hop=256)
    with pytest.raises(SettingsError, match=r"unknown setting 'onnx_file'"):
        build(FeatureSpec, {"onnx_file": "network.onnx"})


def test_a_run_of_version_0_1_0_has_its_backbone_in_the_model_settings() -> None:
    spec = {"hop": 256, "onnx_file": "network.onnx", "onnx_output": "embedding"}
    old = {"family": "onnx", "spec": spec, "settings": {"features": spec, "model": {"c": 0.1}, "seed": 0}}
    new = with_moved_settings(old)
    assert new["spec"] == new["settings"]["features"] == {"hop": 256}
    assert new["settings"]["model"] == {"c": 0.1, "onnx_file": "network.onnx", "onnx_output": "embedding"}
    assert with_moved_settings(new) == new
    plain = {"spec": {"hop": 256, **OF_0_1_0}, "settings": {"model": {}}}
    assert with_moved_settings(plain) == {"spec": {"hop": 256}, "settings": {"model": {}}}
    assert with_moved_settings({"kind": "ensemble"}) == {"kind": "ensemble"}
