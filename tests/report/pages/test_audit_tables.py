"""The audit of a generator becomes tables."""

from __future__ import annotations

from finback.report.pages.audit_tables import DISTANCES, audit_tables, reconstruction_table


def test_an_audit_becomes_tables() -> None:
    share = {"n_clips": 9, "accuracy": 0.5, "mean_recall": 0.25, "per_species": {}}
    near = {"n": 9, "ratio": 0.9, "ratio_low": 0.5, "below_pair": 0.01, "below_nearest": None}
    figures = {key: 0.5 for key, *_ in DISTANCES} | {f"{key}_sd": 0.1 for key, *_ in DISTANCES}
    audit = {
        "recognised": {"gaussian": share, "held_out": share},
        "substitution": {
            "cnn2d": {"train": {"on_unseen": share}, "gaussian": {"on_unseen": share, "ratio": 0.8}}
        },
        "distances": [
            {
                "space": "reference_classifier",
                "reference": "unseen",
                "n": 9,
                "seeds": 5,
                "rows": {"gaussian": figures},
            }
        ],
        "copying": {"logmel": {"thresholds": {}, "rows": {"gaussian": near}}},
        "diversity": {"reference_classifier": {"gaussian": {"mean": 0.7, "per_species": {}}}},
    }
    tables = audit_tables(audit)
    assert tables is not None
    rows = [row for table in tables for row in table.rows]
    assert ("samples: gaussian", "9", "50.0 %", "25.0 %") in rows
    assert ("real, held-out clips of the same groups", "9", "50.0 %", "25.0 %") in rows
    assert ("cnn2d", "samples: gaussian", "50.0 %", "0.80") in rows
    assert ("logmel", "samples: gaussian", "0.90", "0.50", "1.0 %", "–") in rows
    assert "0.500 ± 0.100" in rows[-3]
    for table in tables:
        assert all(len(row) == len(table.columns) for row in table.rows)


def test_an_audit_that_cannot_be_read_has_no_tables() -> None:
    assert audit_tables(None) is None
    assert audit_tables({"recognised": 3}) is None


def test_a_reconstruction_becomes_a_table() -> None:
    result = {
        "subset": "val",
        "active_latents": 3,
        "latents": 8,
        "methods": {"vae": {"mse_db2": 12.34, "snr_db": 5.0, "si_snr_db": None}},
    }
    table = reconstruction_table(result)
    assert table is not None
    assert table.rows == [("VAE", "12.3", "5.0", "–")]
    assert "Clips of the validation set" in table.meaning
    assert reconstruction_table(None) is None
