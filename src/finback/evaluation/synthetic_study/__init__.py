"""Do synthetic clips help on recording groups that were not used in training?

    study = plan(["none", "classic", "vae", "gaussian"], settings=SyntheticSettings(ratios=(0.5, 1, 2)))
    prepared = prepare(study, request, out, progress)
    result = run(prepared, progress, log=log)

In every fold the generators are trained on the training set of that fold alone. Each arm trains the same
classifier for the same number of steps on the same real clips; an arm with a generator adds generated
log-mels to the examples of species with few training clips. Nothing is chosen by validation: the validation
clips join the training set in every arm, and all arms train to the last step. The arms are evaluated on the
groups that the fold held out, and the difference between two arms is tested by a paired bootstrap over
groups.
"""

from finback.evaluation.synthetic_study.plan import SyntheticSettings, SyntheticStudy, plan
from finback.evaluation.synthetic_study.run import PreparedSyntheticStudy, prepare, run

__all__ = ["PreparedSyntheticStudy", "SyntheticSettings", "SyntheticStudy", "plan", "prepare", "run"]
