"""The audit of a generator, whole, on a small generator."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from finback.core.errors import InputError, SpecMismatchError
from finback.core.progress import no_progress
from finback.core.runs import files as run_files
from finback.core.runs.audit_documents import GeneratorAuditFile
from finback.core.runs.documents import checked
from finback.core.storage.files import read_json
from finback.data.dataset import Dataset
from finback.data.manifest import Manifest
from finback.evaluation.generator_audit import (
    AuditRequest,
    audit_generator,
    embeddings,
    reference_classifier,
    references,
    substitution,
)
from finback.evaluation.generator_audit import (
    windows as audit_windows,
)
from finback.evaluation.generator_audit.tables import notes, tables
from finback.evaluation.generator_audit.windows import Windows
from finback.features.spec import FeatureSpec
from finback.generation.generator import Sampling, SpectrogramGenerator
from finback.generation.vocoders.inversion import inverter
from finback.models.predictor import Predictor
from finback.training.generator import train_generator
from finback.training.plan import Plan
from finback.training.settings import resolve


@pytest.fixture(scope="module")
def generator(tiny_dataset: Dataset, tiny: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fitted generator of the simulated recordings, with enough of them held out."""
    out = tmp_path_factory.mktemp("generators") / "gaussian"
    settings = resolve(tiny, ["generate.held_out=0.25"], "gaussian")
    return train_generator(Plan("gaussian", settings, device="cpu"), tiny_dataset, out).path


@pytest.fixture(scope="module")
def audited(generator: Path) -> dict[str, Any]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(substitution, "STEPS", 10)
        patch.setattr(reference_classifier, "EPOCHS", 2)
        request = AuditRequest(
            generator,
            n=8,
            seeds=2,
            backbone="mfcc",
            references=("mfcc",),
            vocoder="fast-griffin-lim",
            device="cpu",
        )
        return audit_generator(request)


def test_every_part_is_there_and_kept(audited: dict[str, Any], generator: Path) -> None:
    assert read_json(generator / "generator_audit.json") == audited
    for name in ("neighbours.png", "nearest.png"):
        assert (generator / "figures" / name).stat().st_size > 5000
    made = {"gaussian", "stationary-gaussian"}  # the baseline is always there
    assert set(audited["recognised"]) == {*made, "train", "held_out", "unseen"}
    assert audited["recognised"]["gaussian"]["n_clips"] == 32
    for rows in audited["substitution"].values():
        assert set(rows) == {"train", *made}
        assert rows["gaussian"]["of_samples"]["n_clips"] == 32
    spaces = [(d["space"], d["reference"]) for d in audited["distances"]]
    assert len(spaces) == len(set(spaces)) == 4
    heard_rows = next(d["rows"] for d in audited["distances"] if "mfcc" in d["space"])
    assert set(heard_rows) == {*made, "train", "unseen vocoded"}
    assert set(audited["copying"]) == {"logmel", "whitened", "reference_classifier"}
    for facts in audited["copying"].values():
        assert facts["rows"]["held_out"]["ratio"] == pytest.approx(1.0)
        assert set(facts["rows"]) == {*made, "held_out", "unseen"}


def test_reference_classifiers_and_coherence_are_beside_real_clips(audited: dict[str, Any]) -> None:
    rows = audited["reference_embeddings"]["mfcc"]["rows"]
    real = {"train", "held_out", "unseen", "train vocoded"}
    assert set(rows) == {"gaussian", "stationary-gaussian", *real}
    for name in ("gaussian", "stationary-gaussian"):
        assert 0 <= rows[name]["recognised"] <= 1
        assert 0.5 < rows[name]["real_made_auc"] <= 1  # statistics over time tell these samples from clips
    assert rows["unseen"]["recognised_by_unseen"] is None
    assert rows["held_out"]["real_made_auc"] is rows["held_out"]["substitution_ci"] is None
    coherence = audited["coherence"]
    assert coherence["train"]["within"] is None
    assert coherence["gaussian"]["n_species"] == 4
    checked(audited, GeneratorAuditFile, Path("generator_audit.json"))


def test_the_reference_classifier_has_the_clips_of_the_generator(
    audited: dict[str, Any], generator: Path
) -> None:
    from finback.core.runs.folder import RunFolder
    from finback.core.runs.split_table import load_split
    from finback.data.splits.run_subsets import run_subsets

    assert audited["reference_classifier"]["seen_in_training"] == 0
    clips = run_subsets(RunFolder.open(generator))
    table = RunFolder.open(generator / "reference_classifier").path / "split.csv"
    everything = [c for side in clips.values() for c in side]
    trained = load_split(table, everything, "group")
    assert {c.key for c in trained.train} == {c.key for c in clips["train"]}
    assert not trained.val
    held = {c.key for c in clips["held_out"]}
    assert reference_classifier.seen_in_training(generator / "reference_classifier", held) == 0
    assert reference_classifier.seen_in_training(
        generator / "reference_classifier", {c.key for c in clips["train"]}
    ) == len(clips["train"])


def test_samples_are_kept_and_do_not_depend_on_how_many(audited: dict[str, Any], generator: Path) -> None:
    kept = list((generator / "audit").glob("samples-*.npy"))
    assert len(kept) == 1
    loaded = SpectrogramGenerator.load(generator, "cpu")
    fewer = audit_windows.sampled_windows(loaded, np.full(4, 3), Sampling())
    whole = np.load(kept[0]).reshape(4, 8, *fewer.x.shape[1:])
    assert fewer.x.reshape(4, 3, *fewer.x.shape[1:]) == pytest.approx(whole[:, :3], abs=1e-3)


def test_tables_say_it_in_words(audited: dict[str, Any]) -> None:
    made = tables(audited)
    assert next(t.title.split("?")[0] for t in made) == "Does the reference classifier recognise the species"
    for table in made:
        assert table.rows
        assert all(len(str(cell)) < 60 for row in table.rows for cell in row)
        assert all(len(row) == len(table.columns) for row in table.rows)
    first = {row[0]: row for row in made[0].rows}
    assert first["samples: gaussian"][2] == audited["recognised"]["gaussian"]["accuracy"]
    assert "real: held out, training groups" in first
    assert not any("warning" in line for line in notes(audited))
    changed = {**audited, "reference_classifier": {**audited["reference_classifier"], "seen_in_training": 3}}
    assert "trained on 3 of the clips" in notes(changed)[0]


def test_a_generator_of_every_tape_is_audited_without_unseen_ones(
    tiny_dataset: Dataset, tiny: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(substitution, "STEPS", 10)
    monkeypatch.setattr(reference_classifier, "EPOCHS", 1)
    settings = resolve(
        tiny, ["generate.held_out=0", "model.n_components=4"], "gaussian", split={"fractions": (1, 0, 0)}
    )
    run = train_generator(Plan("gaussian", settings, device="cpu"), tiny_dataset, tmp_path / "all")
    found = audit_generator(
        AuditRequest(
            run.path,
            n=3,
            seeds=1,
            backbone="mfcc",
            references=("mfcc",),
            vocoder="fast-griffin-lim",
            device="cpu",
        )
    )
    assert found["recognised"]["unseen"]["accuracy"] is None
    assert {d["reference"] for d in found["distances"]} == {"train"}
    assert found["copying"]["logmel"]["rows"]["gaussian"]["ratio"] is None  # nothing was held out
    assert found["substitution"]["bands"]["gaussian"]["ratio"] is None
    assert all(len(row) == len(t.columns) for t in tables(found) for row in t.rows)


def test_copies_are_found_out(
    audited: dict[str, Any], generator: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A generator that returns its training clips, shifted and louder."""
    import finback.evaluation.generator_audit as audit_module

    def parrot(loaded: Any, counts: Any, *rest: Any) -> Windows:
        training = audit_module.real_windows(
            store(loaded), audit_module.run_subsets(loaded.run)["train"], loaded.labels
        )
        x = np.roll(training.x, 7, axis=2) + 5
        return Windows(x, training.y, np.arange(len(x)), tuple(map(str, range(len(x)))))

    def store(loaded: Any) -> Any:
        return audit_module.FeatureStore(
            audit_module.Extractor(loaded.spec, "logmel"), audit_module.default_folder()
        )

    monkeypatch.setattr(audit_module, "sampled_windows", parrot)
    monkeypatch.setattr(run_files, "GENERATOR_AUDIT", "parrot.json")
    monkeypatch.setattr(substitution, "STEPS", 10)
    found = audit_generator(
        AuditRequest(
            generator, seeds=1, backbone="mfcc", references=(), vocoder="fast-griffin-lim", device="cpu"
        )
    )
    for space in ("logmel", "whitened"):
        rows = found["copying"][space]["rows"]
        assert rows["gaussian"]["below_pair"] == rows["gaussian"]["below_nearest"] == 1.0
        assert rows["gaussian"]["ratio"] < 0.05
    assert rows["stationary-gaussian"]["below_nearest"] < 0.9
    assert rows["unseen"]["below_nearest"] < 0.5


def test_waves_of_a_generator_are_measured_as_they_are(
    generator: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import finback.evaluation.generator_audit as audit_module

    def tones(loaded: Any, labels: Any, seeds: Any, *others: Any) -> np.ndarray:
        t = np.arange(loaded.spec.covered_samples) / loaded.spec.sample_rate
        return np.stack([0.1 * np.sin(2 * np.pi * (300 + s % 7) * t) for s in seeds]).astype(np.float32)

    monkeypatch.setattr(SpectrogramGenerator, "makes_waves", property(lambda loaded: True))
    monkeypatch.setattr(SpectrogramGenerator, "sample_waves", tones)
    monkeypatch.setattr(audit_windows, "FOLDER", "audit of waves")
    loaded = SpectrogramGenerator.load(generator, "cpu")
    data = audit_module._data(AuditRequest(generator, n=3, device="cpu"), {"waves": loaded}, no_progress)
    options = embeddings.EmbeddingOptions("fast-griffin-lim", tmp_path, 0)
    sounds = references._sounds(data, options, inverter("fast-griffin-lim", loaded.spec), no_progress)
    assert sounds["waves"].waves.tolist() == data.waves["waves"].tolist()
    assert np.abs(sounds["waves, vocoded"].waves - sounds["waves"].waves).max() > 1e-3
    embedder = embeddings.WaveEmbedder("mfcc", loaded.spec)
    rows = references.reference_rows(data, [embedder], options, inverter("fast-griffin-lim", loaded.spec))
    assert set(rows["mfcc"]["rows"]) >= {"waves", "stationary-gaussian", "train"}


def test_generators_of_other_clips_are_refused(
    generator: Path, tiny_dataset: Dataset, tiny: str, tmp_path: Path
) -> None:
    plan = Plan("gaussian", resolve(tiny, ["generate.held_out=0.25"], "gaussian"), seed=5, device="cpu")
    other = train_generator(plan, tiny_dataset, tmp_path / "other")
    with pytest.raises(InputError, match="trained on other clips"):
        audit_generator(AuditRequest(generator, against=(other.path,), device="cpu"))


def test_unsuitable_classifiers_are_refused(trained: Path, generator: Path) -> None:
    loaded = SpectrogramGenerator.load(generator, "cpu")
    predictor, known = reference_classifier.load_reference_classifier(trained, loaded, "cpu")
    assert known.tolist() == [0, 1, 2, 3]
    x = np.zeros((2, loaded.spec.n_mels, loaded.spec.n_frames), dtype=np.float32)
    assert predictor.score_logmels(x, loaded.spec).shape == (2, 4)
    with pytest.raises(SpecMismatchError, match="not log-mels of features"):
        predictor.score_logmels(x, replace_spec(loaded.spec))
    loaded.labels = replace(loaded.labels, names=(*loaded.labels.names, "Nobody"))
    with pytest.raises(InputError, match="does not know Nobody"):
        reference_classifier.load_reference_classifier(trained, loaded, "cpu")


def replace_spec(spec: FeatureSpec) -> FeatureSpec:
    return spec.model_copy(update={"f_min": 10.0})


def test_log_mels_score_as_their_clips(trained: Path) -> None:
    """Sounds that are in no file are scored like sounds in files."""
    clips = Manifest.load(trained / "manifest.csv").clips[:3]
    predictor = Predictor.load(trained, "cpu")
    x = [predictor.store(clip) for clip in clips]
    logits = predictor.score_logmels(np.concatenate(x), predictor.spec)
    owner = np.repeat(np.arange(3), [len(w) for w in x])
    mean = np.stack([logits[owner == i].mean(axis=0) for i in range(3)])
    assert mean == pytest.approx(predictor.scores(clips).logits, abs=1e-4)
    embedded = predictor.embed_logmels(np.concatenate(x), predictor.spec)
    assert embedded[owner == 0].mean(axis=0) == pytest.approx(predictor.embed(clips)[0], abs=1e-4)
    assert predictor.score_logmels(np.concatenate(x)[:0], predictor.spec).shape == (0, 4)
