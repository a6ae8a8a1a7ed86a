"""Soundscapes: calls placed in noise at known times, bands and SNRs, with their truth.

    simulate_soundscape(out, SoundscapeSettings(minutes=30, snr_db=(0, 6, 12)), clips, noise)

Parts, lowest first: `settings`, `extent` (where the call is in a clip), `calls` and `noise` (what is placed,
and in what), `plan` (where, when, how loud), `tables`, `write`.
"""

from finback.datasets.simulate.soundscape.noise_files import FoundNoise as FoundNoise
from finback.datasets.simulate.soundscape.noise_files import find_noise as find_noise
from finback.datasets.simulate.soundscape.settings import SoundscapeSettings as SoundscapeSettings
from finback.datasets.simulate.soundscape.write import Soundscape as Soundscape
from finback.datasets.simulate.soundscape.write import simulate_soundscape as simulate_soundscape
