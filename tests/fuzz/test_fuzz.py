"""A bounded fuzz of all kinds with fixed seeds; `make fuzz` runs 2,300 mutants."""

from __future__ import annotations

import pytest

from fuzz.damage import damaged_bytes, damaged_json, damaged_text
from fuzz.runner import BAD, LARGEST_MB, Tally, cases, fuzz
from fuzz.worker import KINDS

EACH = 14  # mutants of a kind


def test_no_mutant_ends_in_a_traceback_a_hang_or_nonsense() -> None:
    tally = fuzz(list(cases(dict.fromkeys(KINDS, EACH))), n_workers=1)
    told = "\n\n".join(f"python -m fuzz --case {case}: {ended}\n{why}" for case, ended, why in tally.bad)
    assert not tally.bad, told
    assert sum(ends.total() for ends in tally.ends.values()) == EACH * len(KINDS)


def test_damage_is_the_same_for_the_same_seed() -> None:
    import random

    data = bytes(range(256)) * 20
    for seed in range(20):
        one, two = (damaged_bytes(data, random.Random(seed), head=40) for _ in range(2))
        assert one == two != data
        assert damaged_json(b'{"a": [1, 2.5, "x"]}', random.Random(seed)) == damaged_json(
            b'{"a": [1, 2.5, "x"]}', random.Random(seed)
        )
        assert damaged_text("a,b\n1,2", random.Random(seed)) == damaged_text("a,b\n1,2", random.Random(seed))


@pytest.mark.parametrize(
    ("answer", "ended"),
    [
        ({"ended": "refused", "cpu_s": 1.0, "peak_mb": 500}, "refused"),
        ({"ended": "same", "cpu_s": 11.0, "peak_mb": 500}, "hang"),
        ({"ended": "right", "cpu_s": 1.0, "peak_mb": LARGEST_MB + 1}, "memory"),
        ({"ended": "nonsense", "cpu_s": 11.0, "peak_mb": 500}, "nonsense"),
    ],
)
def test_the_tally_counts_hangs_and_memory(answer: dict[str, object], ended: str) -> None:
    tally = Tally()
    tally.add("audio", 3, {**answer, "detail": ""})
    assert tally.ends["audio"][ended] == 1
    assert [case for case, _, _ in tally.bad] == (["audio:3"] if ended in BAD else [])
    assert "| audio | 1 |" in tally.table()
