"""Parametric calls of fifteen marine mammals, from published descriptions.

A call is a function `(rng, sample_rate) -> (n,) float32` with peak 1 and without silence before or after it.
The random numbers from `rng` stand for the individual: pitch, duration, contour and pulse rate vary as
described in the cited papers. The numbers of each entry of `CALLS` are from its citation, and the tests
measure every call against them. The calls are simplified versions of the most common call of a species, not
its repertoire.

    >>> pulse = CALLS["Fin whale"].make(np.random.default_rng(0), 2000)
"""

from __future__ import annotations

import difflib
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from finback.core.errors import SettingsError
from finback.core.text import plain_label
from finback.datasets.simulate import species

Make = Callable[[np.random.Generator, int], NDArray[np.float32]]


@dataclass(frozen=True, slots=True)
class CallKind:
    """The call of a species: the function that makes it, and its published numbers.

    Nearly all of the energy is in the band from `low_hz` to `high_hz`. `duration_s` is (shortest, longest).
    `min_rate` is the lowest sample rate (Hz) of a tape on which the call can be recognised. `pulses_per_s` is
    the range of the pulse rate, if the call is a train of pulses.
    """

    make: Make
    citation: str
    low_hz: float
    high_hz: float
    duration_s: tuple[float, float]
    min_rate: int
    pulses_per_s: tuple[float, float] | None = None


CALLS: dict[str, CallKind] = {
    "Bearded seal": CallKind(
        species.bearded_seal,
        "Ray, Watkins & Burns 1969, Zoologica 54:79; Cleator, Stirling & Smith 1989, Can. J. Zool. "
        "67:1900: narrow warbling trills, falling through a few kHz, up to a minute and more",
        200, 6000, (15, 40), 16_000,
    ),
    "Blue whale": CallKind(
        species.blue_whale,
        "Rivers 1997, Mar. Mamm. Sci. 13:186: downsweep 18.2 to 16.6 Hz; McDonald, Calambokidis, "
        "Teranishi & Hildebrand 2001, J. Acoust. Soc. Am. 109:1728: type B, strong third harmonic near "
        "50 Hz, 10-20 s",
        15, 95, (15, 20), 1000,
    ),
    "Bottlenose dolphin": CallKind(
        species.bottlenose_dolphin,
        "Caldwell, Caldwell & Tyack 1990, in The Bottlenose Dolphin (Academic Press); Janik & Sayigh "
        "2013, J. Comp. Physiol. A 199:479: mostly 4-20 kHz, usually below 1.5 s, one loop or several",
        4000, 17_000, (0.4, 1.3), 40_000,
    ),
    "Bowhead whale": CallKind(
        species.bowhead_whale,
        "Clark & Johnson 1984, Can. J. Zool. 62:1436: simple FM moans, most below 300 Hz, some pulsive;"
        " Ljungblad, Thompson & Moore 1982, J. Acoust. Soc. Am. 71:477: falling and inflected, about "
        "1-2 s",
        70, 600, (0.8, 2.0), 2000,
    ),
    "Cuvier's beaked whale": CallKind(
        species.cuviers_beaked_whale,
        "Johnson et al. 2004, Proc. R. Soc. B 271:S383; Zimmer, Johnson, Madsen & Tyack 2005, J. "
        "Acoust. Soc. Am. 117:3919: 200 µs upsweeps, centre 42 kHz, -10 dB band 22 kHz, 0.43 and 0.40 s"
        " apart (sd 0.09, 0.07)",
        28_000, 56_000, (1.3, 6.5), 160_000, (1.8, 3.7),
    ),
    "Fin whale": CallKind(
        species.fin_whale,
        "Watkins, Tyack, Moore & Bird 1987, J. Acoust. Soc. Am. 82:1901: 1-s pulses sweeping from about"
        " 23 to 18 Hz, 7-26 s apart",
        16, 26, (0.8, 1.2), 1000,
    ),
    "Harp seal": CallKind(
        species.harp_seal,
        "Terhune, MacGowan, Underhill & Ronald 1987, Can. J. Zool. 65:2119: 1.9-4.7 like pulses a call "
        "on average; Watkins & Schevill 1979, J. Mammal. 60:983: abrupt onset, given in repetition",
        250, 6500, (0.3, 1.9), 16_000, (2.4, 4.1),
    ),
    "Humpback whale": CallKind(
        species.humpback_whale,
        "Payne & McVay 1971, Science 173:585: moans of seconds in ordered song; Au et al. 2006, J. "
        "Acoust. Soc. Am. 120:1103: low fundamentals with long rows of harmonics",
        120, 3500, (1.0, 3.0), 8000,
    ),
    "Killer whale": CallKind(
        species.killer_whale,
        "Ford 1989, Can. J. Zool. 67:727: discrete pulsed calls, 0.5-1.5 s, energy mainly 1-6 kHz, "
        "abrupt shifts in pulse rate; Miller 2006, J. Comp. Physiol. A 192:449: overlapping high-"
        "frequency component",
        500, 9500, (0.5, 1.5), 22_050,
    ),
    "Minke whale": CallKind(
        species.minke_whale,
        "Mellinger, Carson & Clark 2000, Mar. Mamm. Sci. 16:739: pulses of 40-60 ms; speed-up 200-400 "
        "Hz, 43.7 +- 6.0 s, 1.5 to 2.8 pulses/s; slow-down 250-350 Hz, 60.9 +- 5.8 s, 4.5 to 2.9 "
        "pulses/s",
        180, 420, (32, 72), 2000, (1.5, 4.5),
    ),
    "North Atlantic right whale": CallKind(
        species.right_whale,
        "Clark 1982, Anim. Behav. 30:1060: up call, 50-200 Hz, 0.5-1.5 s; Parks & Tyack 2005, J. "
        "Acoust. Soc. Am. 117:3297: the same contact call in E. glacialis",
        60, 420, (0.6, 1.2), 2000,
    ),
    "Sei whale": CallKind(
        species.sei_whale,
        "Baumgartner et al. 2008, J. Acoust. Soc. Am. 124:1339: downsweeps 82 to 34 Hz in 1.4 s, singly"
        " or in pairs; Español-Jiménez et al. 2019, Ocean Sci. 15:75: 105 to 36 Hz in 1.6 s",
        30, 110, (1.1, 5.6), 1000,
    ),
    "Sperm whale": CallKind(
        species.sperm_whale,
        "Watkins & Schevill 1977, J. Acoust. Soc. Am. 62:1485: codas of 3-40 clicks; Pavan et al. 2000,"
        " J. Acoust. Soc. Am. 107:3487: 3+1, 456-1280 ms; Møhl et al. 2003, J. Acoust. Soc. Am. "
        "114:1143: broadband pulses to 15 kHz and more",
        2000, 16_000, (0.46, 8.5), 40_000, (0.9, 11.0),
    ),
    "Walrus": CallKind(
        species.walrus,
        "Schevill, Watkins & Ray 1966, Zoologica 51:103: knocks and the bell; Stirling, Calvert & "
        "Spencer 1987, Can. J. Zool. 65:2311: stereotyped pulse patterns; Hughes et al. 2011: 20 ms, in"
        " ones, twos and threes, 0.8-1.2/s",
        200, 6000, (2.4, 12.0), 16_000, (0.8, 1.2),
    ),
    "Weddell seal": CallKind(
        species.weddell_seal,
        "Thomas & Kuechle 1982, J. Acoust. Soc. Am. 72:1730: trills falling from as high as 12.8 kHz to"
        " 0.1 kHz, up to 73 s",
        200, 13_000, (8, 30), 32_000, (5, 22),
    ),
}  # fmt: skip


def call_kind(name: str) -> CallKind:
    """The call of a species. Raises `SettingsError` for a species that cannot be simulated."""
    return CALLS[call_name(name)]


def call_name(text: str) -> str:
    """The species of `CALLS` that is meant, in any case and with any spaces.

    Raises `SettingsError` for a species that cannot be simulated; lists the others.
    """
    known = {plain_label(name): name for name in CALLS}
    if plain_label(text) in known:
        return known[plain_label(text)]
    near = difflib.get_close_matches(plain_label(text), known, n=1)
    meant = f"did you mean '{known[near[0]]}'? " if near else ""
    several = "separate several species by ';'; " if "," in text else ""
    raise SettingsError(f"no simulated call of '{text}'", f"{several}{meant}there are: {'; '.join(CALLS)}")
