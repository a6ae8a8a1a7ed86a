"""The result of a synthetic study in one sentence, which never claims more than the interval shows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def verdict(result: Mapping[str, Any]) -> str:
    """One sentence for people.

    The best of n arms is also the luckiest: it must be ahead in 1 - 0.025 / n of the draws (Bonferroni).
    """
    below, baseline = result["low_data_below"], result["baseline"]
    if not result["low_data_species"]:
        return f"No result: no tested species has fewer than {below} training clips."
    differences = {
        name: row["versus"]["low_data_f1"]
        for name, row in result["arms"].items()
        if row["generator"] and row["versus"] and row["versus"]["low_data_f1"]["difference"] is not None
    }
    if not differences:
        return f"No result yet: {baseline} and the arms with synthetic clips have no finished fold in common."
    best = max(differences, key=lambda name: differences[name]["difference"])
    by, ci = differences[best]["difference"], differences[best]["ci"]
    ahead = ci is not None and ci[0] > 0 and differences[best]["ahead"] >= 1 - 0.025 / len(differences)
    arm = f"{best} (the best of {len(differences)} arms)" if len(differences) > 1 else best
    species = f"the {len(result['low_data_species'])} species with fewer than {below} training clips"
    text = f"{arm} changes macro-F1 over {species} by {by:+.3f}, compared with {baseline}"
    if ci is None:
        return f"No gain shown: {text}, on a single recording group."
    interval = f"95 % confidence interval {ci[0]:+.3f} to {ci[1]:+.3f} over groups"
    if ahead:
        return f"Gain: {text}, on held-out recording groups ({interval})."
    if ci[1] < 0:
        return f"Harm: {text}, on held-out recording groups ({interval})."
    if ci[0] > 0:
        interval += ", which is not enough for the best of several arms"
    return f"No gain shown: {text}, on held-out recording groups ({interval})."
