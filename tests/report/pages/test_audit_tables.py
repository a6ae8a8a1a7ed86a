"""The audit of a generator becomes tables."""

from __future__ import annotations

from typing import Any

from finback.report.pages.audit_tables import DISTANCES, audit_tables, reconstruction_table


def test_an_audit_becomes_tables() -> None:
    share = {"n_clips": 9, "accuracy": 0.5, "mean_recall": 0.25, "per_species": {}}
    near = {"n": 9, "ratio": 0.9, "ratio_low": 0.5, "below_pair": 0.01, "below_nearest": None}
    figures = {key: 0.5 for key, *_ in DISTANCES} | {f"{key}_sd": 0.1 for key, *_ in DISTANCES}
    audit: dict[str, Any] = {
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
    assert len(audit_tables(audit) or ()) == 5  # as in version 0.1.0
    figures = {"recognised": 0.5, "recognised_ci": [0.4, 0.6], "kad_unseen": 2.5, "real_made_auc": 0.75}
    audit["reference_embeddings"] = {"birdnet": {"n_species_unseen": 3, "rows": {"gaussian": figures}}}
    measures = {"common_share": 0.1, "periodicity": 0.2, "ridge_s": 0.05, "kurtosis": 3.5, "n_species": 4}
    audit["coherence"] = {
        "train": {**measures, "within": None},
        "gaussian": {
            **measures,
            "within": {"common_share": 3, "periodicity": 2, "ridge_s": 1, "kurtosis": 0},
        },
    }
    tables = audit_tables(audit)
    assert tables is not None
    assert "BirdNET" in tables[0].title
    assert tables[0].rows == [("samples: gaussian", "0.50 (0.40 to 0.60)", "–", "2.5", "0.75", "–", "–")]
    assert tables[1].rows[0] == ("real, training clips", "0.10", "0.20", "0.050", "3.5")
    assert tables[1].rows[1] == (
        "samples: gaussian",
        "0.10 (3 of 4)",
        "0.20 (2 of 4)",
        "0.050 (1 of 4)",
        "3.5 (0 of 4)",
    )
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
