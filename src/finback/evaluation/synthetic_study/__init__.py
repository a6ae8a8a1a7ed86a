"""Do synthetic clips help on recording groups that were not used in training?

    study = plan(["none", "classic", "vae", "gaussian"], settings=SyntheticSettings(ratios=(0.5, 1, 2)))
    prepared = prepare(study, request, out, progress)
    result = run(prepared, progress, log=log)

In every fold the generators are trained on the training set of that fold alone. Each arm trains the same
classifier for the same number of steps on the same real clips. An arm with a generator adds samples to the
clips of species with few training clips: log-mels for a classifier of log-mels, sounds for one that takes in
sound, such as a head on a backbone. An arm that begins with `pretrain-` spends the first half of the steps on
samples and the second half on real clips. Nothing is chosen by validation: the validation
clips join the training set in every arm, and all arms train to the last step. The arms are evaluated on the
groups that the fold held out, and the difference between two arms is tested by a paired bootstrap over
groups.
"""

from finback.evaluation.synthetic_study.plan import SyntheticSettings, SyntheticStudy, plan
from finback.evaluation.synthetic_study.run import PreparedSyntheticStudy, prepare, run

__all__ = ["PreparedSyntheticStudy", "SyntheticSettings", "SyntheticStudy", "plan", "prepare", "run"]
