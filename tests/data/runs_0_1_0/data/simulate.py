"""How data/audio and data/labels.csv were made (with finback 0.1.0)."""

from pathlib import Path

from finback.data.simulate import ClipSettings, simulate_clips

SPECIES = ("Bearded seal", "Humpback whale", "Killer whale")
settings = ClipSettings(species=SPECIES, clips_per_species=8, tapes_per_species=4, duration_s=(0.4, 0.7))
simulate_clips(Path(__file__).parent, settings)
