"""Do synthetic clips help on tapes never heard? The same folds, seeds and steps, with them and without.

    job = plan(["none", "classic", "vae", "gaussian"], folds=5, options=GainSettings(ratios=(0.5, 1, 2)))
    prepared = prepare(job, request, out, progress)
    found = run(prepared, progress, say)

In every fold the generators learn from that fold's training side alone, and each arm trains the same
classifier for the same number of steps on the same real clips; arms with a generator have its log-mels among
the examples of species that have few clips. Nothing is chosen by validation, which joins training in every
arm: all run to the last step. The fold's unseen tapes judge them, and what an arm gains is told by a paired
bootstrap over tapes.
"""

from finback.evaluation.synthetic_study.plan import Gain, GainSettings, plan
from finback.evaluation.synthetic_study.run import Prepared, prepare, run

__all__ = ["Gain", "GainSettings", "Prepared", "plan", "prepare", "run"]
