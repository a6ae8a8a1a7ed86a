"""The engine on Ray: the same tables as the local engine, also when an actor's process is killed.

All tests share one small Ray on this machine; they run in one process.
"""

from __future__ import annotations

import os
import shutil
import signal
import time
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest
from sounds import sound

if find_spec("ray") is None:  # it is not imported here: the engine sets its environment first
    pytest.skip("needs finback[ray]", allow_module_level=True)

from finback.core.errors import FinbackError, RunError, SettingsError
from finback.scan.engines import ray as engine
from finback.scan.engines.contract import Done, Job
from finback.scan.plan import Unit
from finback.scan.scan import Scan, scan
from finback.scan.settings import ScanSettings

pytestmark = pytest.mark.xdist_group("ray")


@pytest.fixture(scope="module")
def model(trained: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return Path(shutil.copytree(trained, tmp_path_factory.mktemp("ray") / "run"))


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    for i, (seconds, rate) in enumerate([(7.3, 8000), (20.0, 16_000), (0.4, 8000), (30.6, 22_050)]):
        sound(folder / f"2023050{i + 1}_120000.wav", seconds, rate, seed=i)
    (folder / "text.wav").write_bytes(b"not a sound " * 20)
    return folder


@pytest.fixture(scope="module")
def reference(model: Path, site: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """The tables of the local engine."""
    return tables(scan(model, site, tmp_path_factory.mktemp("local") / "out", workers=1))


@pytest.fixture(scope="module")
def cluster() -> Iterator[str]:
    """The address of a Ray that runs, with room for two actors."""
    started = engine._started(engine.RayOptions(2))
    address = started.get_runtime_context().gcs_address
    shutdown, started.shutdown = started.shutdown, lambda: None  # engines come and go
    yield address
    started.shutdown = shutdown
    shutdown()


def test_a_ray_of_ones_own_listens_on_this_machine_only(cluster: str) -> None:
    assert cluster.startswith("127.0.0.1:")


def tables(result: Scan) -> dict[str, bytes]:
    """All files that were made from the journal."""
    own = ("scan.json", "parts", "files", "claims")
    found = [path for path in result.out.rglob("*") if path.is_file()]
    named = {path.relative_to(result.out).as_posix(): path.read_bytes() for path in found}
    return {name: data for name, data in named.items() if name.split("/")[0] not in own}


def on_ray(cluster: str, model: Path, site: Path, out: Path, **changes: object) -> Scan:
    given = {"engine": "ray", "ray_address": cluster, "workers": 2, "span_minutes": 0.05, **changes}
    return scan(model, site, out, **given)


def test_ray_gives_the_same_tables(
    cluster: str, model: Path, site: Path, tmp_path: Path, reference: dict[str, bytes]
) -> None:
    assert tables(on_ray(cluster, model, site, tmp_path / "out")) == reference
    again = on_ray(cluster, model, site, tmp_path / "out")  # nothing is left to do
    assert tables(again) == reference


def test_a_killed_actor_costs_time_only(
    cluster: str,
    model: Path,
    site: Path,
    tmp_path: Path,
    reference: dict[str, bytes],
    capfd: pytest.CaptureFixture[str],
) -> None:
    killed: list[int] = []

    class Killing(engine.RayEngine):
        def map(self, units: object) -> Iterator[Done]:
            for done in super().map(units):  # type: ignore[arg-type]
                if len(killed) < 2:
                    killed.append(_kill_an_actor(self))
                yield done

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("finback.scan.scan.RayEngine", Killing)
        result = on_ray(cluster, model, site, tmp_path / "out")
    assert len(set(killed)) == 2
    assert tables(result) == reference
    time.sleep(1)  # Ray tells of deaths a little later
    assert capfd.readouterr().out == ""  # what is printed there is the command's


def _kill_an_actor(running: engine.RayEngine) -> int:
    """Kill the process of an actor by its number."""

    actors = [*running._idle, *(actor for actor, _ in running._busy.values())]
    while True:
        try:  # one that was killed just now may be starting again
            number = running.ray.get(actors[0].process.remote())
        except running.ray.exceptions.RayError:
            actors.append(actors.pop(0))
            continue
        os.kill(number, signal.SIGKILL)
        return int(number)


def test_a_span_that_kills_its_actor_twice_is_an_error(
    cluster: str, model: Path, site: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Deadly(engine._Actor):
        def analyse(self, unit: Unit) -> tuple[tuple[str, ...], int] | FinbackError:
            if any("20230502" in span.file.path and span.first == 0 for span in unit.spans):
                os._exit(1)
            return super().analyse(unit)

    monkeypatch.setattr(engine, "_Actor", Deadly)
    result = on_ray(cluster, model, site, tmp_path / "out")
    errors = (result.out / "errors.csv").read_text(encoding="utf-8")
    assert "20230502_120000.wav" in errors
    assert "ended 2 times" in errors
    monkeypatch.undo()
    whole = on_ray(cluster, model, site, tmp_path / "out")  # the same command again tries that span again
    assert "20230502" not in (whole.out / "errors.csv").read_text(encoding="utf-8")


def test_what_cannot_work_is_said(cluster: str, model: Path, site: Path, tmp_path: Path) -> None:
    with pytest.raises(RunError):
        on_ray(cluster, tmp_path / "no-model", site, tmp_path / "out")
    with pytest.raises(SettingsError, match="no room for an actor: there are 2 CPUs and 0 GPUs"):
        on_ray(cluster, model, site, tmp_path / "out", workers=None, num_gpus=1.0)
    with pytest.raises(SettingsError, match="add --engine ray"):
        scan(model, site, tmp_path / "out", ray_address=cluster)
    with pytest.raises(SettingsError, match="no engine fast"):
        scan(model, site, tmp_path / "out", engine="fast")


def test_a_missing_extra_is_named(monkeypatch: pytest.MonkeyPatch, model: Path, tmp_path: Path) -> None:
    monkeypatch.setattr(engine, "find_spec", lambda name: None)
    with pytest.raises(SettingsError, match=r"pip install .ray"):
        engine.RayEngine(Job(str(model), "cpu", str(tmp_path), ScanSettings()), engine.RayOptions())
