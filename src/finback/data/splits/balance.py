"""A search that places whole recording groups (a tape, a deployment, a site-day) in the training, validation
and test sets, and the table that shows the result.

Data sets often have few groups of very different size (for example 47, 14 and 1 clips of a species), so
groups that are drawn at random give splits with very different shares. The search begins with greedy starts,
which place large groups first. Local moves of single groups then lower the cost. When no move lowers the
cost, a part of the best split is drawn again (iterated local search).

    cost = sum over species of w_s * sum over sets |share in the set - wanted share|,  w_s ~ sqrt(clips)
         + the same for all clips together
         + penalties: a species that is tested but not in training; a set without a species that has enough
           groups; a species with one group that is not in training; a species with several groups of which
           training gets less than `LEAST_TRAINED` of the share that it should have.

Iterative stratification (Sechidis et al. 2011, "On the stratification of multi-label data", ECML PKDD) also
minimises the deviation of the shares of each label; here groups take the place of rows. A generator with the
given seed draws ties and starts, so the same groups in the same order give the same split.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

TRAIN, VAL, TEST = 0, 1, 2
# Penalties. All deviations of shares together are 4 at most, so each penalty ranks before them.
UNTRAINED, MISSING, LOST, STARVED = 100.0, 10.0, 5.0, 4.5
# Of the wanted training share: with 70/15/15, 31 % of the clips of each species. Three tapes of equal size,
# one for each set, give a third, so this is no fault.
LEAST_TRAINED = 0.45
EVALUATIONS = 150_000  # moves tried in all: about a second
STARTS, MAX_PASSES, MAX_KICK, PATIENCE = 24, 20, 12, 250


@dataclass(frozen=True)
class Balance:
    """Clips (S, 3) and groups (S, 3) of each species in the three sets, and clips set aside (S,)."""

    species: tuple[str, ...]
    clips: np.ndarray = field(repr=False)
    groups: np.ndarray = field(repr=False)
    set_aside: np.ndarray = field(repr=False)
    subset_groups: tuple[int, int, int] = (0, 0, 0)  # a group with two species counts once

    @property
    def least_trained(self) -> tuple[str, int, int] | None:
        """The species of several groups with the smallest share of clips in training: name, those, all clips.

        Clips that are set aside count. None where no species has several groups.
        """
        totals = self.clips.sum(axis=1) + self.set_aside
        several = [i for i in range(len(self.species)) if self.groups[i].sum() > 1]
        if not several:
            return None
        worst = min(several, key=lambda i: (self.clips[i, TRAIN] / totals[i], self.species[i]))
        return self.species[worst], int(self.clips[worst, TRAIN]), int(totals[worst])

    def lines(self) -> list[str]:
        """A table to print: clips/groups of each species in each set, the share in the test set, and the
        smallest share in training."""
        width = max([len("species"), *map(len, self.species)])
        lines = [f"{'species':{width}}  {'train':>9} {'val':>9} {'test':>9} {'aside':>6} {'% test':>7}"]
        for name, clips, groups, aside in zip(
            self.species, self.clips, self.groups, self.set_aside, strict=True
        ):
            lines.append(self._line(name, width, clips, groups, aside))
        total = self.clips.sum(axis=0)
        lines.append(self._line("all", width, total, np.array(self.subset_groups), self.set_aside.sum()))
        lines.append("each set as clips/groups")
        if self.least_trained:
            name, n, total = self.least_trained
            lines.append(
                f"smallest share in training, of species with several groups: {name}, {n} of {total} clips "
                f"({100 * n / total:.0f} %)"
            )
        return lines

    @staticmethod
    def _line(name: str, width: int, clips: np.ndarray, groups: np.ndarray, aside: int) -> str:
        cells = " ".join(f"{f'{c}/{g}' if c else '-':>9}" for c, g in zip(clips, groups, strict=True))
        share = 100 * clips[TEST] / max(int(clips.sum() + aside), 1)
        return f"{name:{width}}  {cells} {aside or '-':>6} {share:7.1f}"

    def to_json(self) -> list[dict[str, object]]:
        """For each species: its name, {clips, groups} of `train`, `val` and `test`, and `set_aside`."""
        return [
            {
                "species": name,
                **{
                    subset: {"clips": int(self.clips[i, k]), "groups": int(self.groups[i, k])}
                    for k, subset in enumerate(("train", "val", "test"))
                },
                "set_aside": int(self.set_aside[i]),
            }
            for i, name in enumerate(self.species)
        ]


class _Search:
    """The state of the search: the set of each group, and counts that every move updates.

    The counts are lists and not arrays: a move changes one to three species, and a call of numpy would take
    longer than the sums.
    """

    def __init__(
        self, counts: np.ndarray, wanted: Sequence[float], lost: float, missing: float, starved: float
    ) -> None:
        self.lost, self.missing, self.starved = lost, missing, starved
        self.species_groups: list[list[int]] | None = None
        self.wanted = [float(w) for w in wanted]
        self.least_trained = LEAST_TRAINED * self.wanted[TRAIN]
        self.allowed = [k for k in (TRAIN, VAL, TEST) if wanted[k] > 0]
        self.species = [np.flatnonzero(row).tolist() for row in counts]
        self.counts = [row.tolist() for row in counts]
        self.sizes = counts.sum(axis=1).tolist()
        self.n = counts.sum(axis=0).tolist()
        self.n_groups = (counts > 0).sum(axis=0).tolist()
        self.total = max(int(counts.sum()), 1)
        roots = [float(np.sqrt(n)) if m > 1 else 0.0 for n, m in zip(self.n, self.n_groups, strict=True)]
        self.weight = [r / (sum(roots) or 1.0) for r in roots]
        second = TEST if self.wanted[TEST] > 0 else VAL
        self.subsets_due = [
            self.allowed if m >= 3 else [k for k in (TRAIN, second) if k in self.allowed][:m]
            for m in self.n_groups
        ]
        self.clear()

    def clear(self) -> None:
        self.clips = [[0, 0, 0] for _ in self.n]
        self.present = [[0, 0, 0] for _ in self.n]
        self.subset_clips = [0, 0, 0]
        self.subset = [-1] * len(self.counts)
        self.species_cost = [self._species_cost(s) for s in range(len(self.n))]
        self.subset_cost = self._subset_cost()

    def _species_cost(self, s: int) -> float:
        present = self.present[s]
        if self.n_groups[s] == 1:
            return self.lost if present[VAL] or present[TEST] else 0.0
        cost = UNTRAINED if (present[VAL] or present[TEST]) and not present[TRAIN] else 0.0
        cost += self.missing * sum(not present[k] for k in self.subsets_due[s])
        short = self.least_trained - self.clips[s][TRAIN] / self.n[s]
        if self.starved and short > 0:  # a little more for more, so that moves find the way; less than `LOST`
            cost += self.starved + 0.5 * short
        away = sum(abs(self.clips[s][k] / self.n[s] - self.wanted[k]) for k in self.allowed)
        return cost + self.weight[s] * away

    def _subset_cost(self) -> float:
        return sum(abs(self.subset_clips[k] / self.total - self.wanted[k]) for k in self.allowed)

    @property
    def cost(self) -> float:
        return sum(self.species_cost) + self.subset_cost

    def move(self, g: int, subset: int) -> float:
        """Put group `g` into a set (-1: into none). Returns the change of the cost."""
        before = self.subset_cost
        old, self.subset[g] = self.subset[g], subset
        for k, sign in ((old, -1), (subset, 1)):
            if k >= 0:
                self.subset_clips[k] += sign * self.sizes[g]
                for s in self.species[g]:
                    self.clips[s][k] += sign * self.counts[g][s]
                    self.present[s][k] += sign
        self.subset_cost = self._subset_cost()
        change = self.subset_cost - before
        for s in self.species[g]:
            before = self.species_cost[s]
            self.species_cost[s] = self._species_cost(s)
            change += self.species_cost[s] - before
        return change

    def greedy(self, order: Sequence[int], rng: np.random.Generator) -> None:
        """Put each group in turn into the set that gives the lowest cost."""
        self.clear()
        for g in order:
            costs = []
            for k in self.allowed:
                costs.append(self.move(g, k))
                self.move(g, -1)
            ties = [k for k, c in zip(self.allowed, costs, strict=True) if c <= min(costs) + 1e-12]
            self.move(g, ties[int(rng.integers(len(ties)))])

    def descend(self, rng: np.random.Generator) -> int:
        """Move single groups while a move lowers the cost. Returns the number of moves tried."""
        tried = 0
        for _ in range(MAX_PASSES):
            improved = False
            for g in rng.permutation(len(self.subset)).tolist():
                home = self.subset[g]
                for k in self.allowed:
                    if k != home:
                        tried += 1
                        if self.move(g, k) < -1e-9:
                            home, improved = k, True
                        else:
                            self.move(g, home)
            if not improved:
                break
        return tried

    def kick(self, rng: np.random.Generator) -> None:
        """Draw again the sets of the groups that share a species with a random group, or with one of those.

        Groups with several species can block each other: no single move lowers the cost, only several do.
        """
        if self.species_groups is None:
            holders: list[list[int]] = [[] for _ in self.n]
            for g, species in enumerate(self.species):
                for s in species:
                    holders[s].append(g)
            self.species_groups = holders
        near = {int(rng.integers(len(self.subset)))}
        for _ in range(int(rng.integers(1, 3))):
            near |= {h for g in near for s in self.species[g] for h in self.species_groups[s]}
        chosen = rng.permutation(sorted(near))[:MAX_KICK].tolist()
        for g in chosen:
            self.move(g, self.allowed[int(rng.integers(len(self.allowed)))])

    def place(self, subsets: Sequence[int]) -> None:
        """Put every group into the set that `subsets` (G,) gives."""
        for g, k in enumerate(subsets):
            if self.subset[g] != k:
                self.move(g, k)


def assign(
    counts: np.ndarray,
    wanted: Sequence[float],
    seed: int = 0,
    lost: float = LOST,
    missing: float = MISSING,
    starved: float = STARVED,
) -> np.ndarray:
    """The set (G,) int64 of each group, from clips per group and species (G, S) and the shares of the 3 sets.

    Every species must have a group. `lost` is the penalty for a species whose only group is not in training.
    `missing` is the penalty for each set without a species that has enough groups for it. `starved` is that
    for a species with several groups and too few of its clips in training.
    """
    search = _Search(np.asarray(counts, dtype=np.int64), wanted, lost, missing, starved)
    n_groups = len(search.subset)
    if n_groups == 0 or len(search.allowed) == 1:
        return np.full(n_groups, TRAIN, dtype=np.int64)
    rng = np.random.default_rng(seed)
    budget = EVALUATIONS
    best_cost, best = np.inf, [TRAIN] * n_groups
    sizes = np.array(search.sizes, dtype=float)
    for _ in range(STARTS):
        # Large groups come first, since small groups can balance the shares later. Jitter varies the starts.
        search.greedy(np.argsort(-sizes * rng.uniform(0.5, 1.0, n_groups), kind="stable").tolist(), rng)
        budget -= search.descend(rng) + n_groups * len(search.allowed)
        if search.cost < best_cost - 1e-9:
            best_cost, best = search.cost, list(search.subset)
        if budget <= 0:
            break
    idle = 0
    while budget > 0 and idle < PATIENCE:
        search.place(best)
        search.kick(rng)
        budget -= search.descend(rng)
        idle += 1
        if search.cost < best_cost - 1e-9:
            best_cost, best, idle = search.cost, list(search.subset), 0
    return np.array(best, dtype=np.int64)
