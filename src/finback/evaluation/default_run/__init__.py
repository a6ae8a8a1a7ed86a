"""`finback run` without a family: the family is chosen, tested on folds, and trained on everything.

    done = run(DefaultPlan(settings_of, seed=0), request, out, progress, log)
    done.metrics["accuracy"], done.next

1. Species with very few clips are left out and named (`species`).
2. With few recording groups (tapes, deployments) the test is a cross-validation over groups, so that every
   clip that can be tested is tested once. With many groups it is one split.
3. In each fold, every family of `FAMILIES` is fitted to the training part, and to this part without some of
   its groups in turn. The family with the least loss on the groups left out is the choice of the fold
   (`choice`). Its answers on the test groups of the fold, which took no part, are those that are reported.
4. The family with the least mean loss over the folds is fitted to all clips: this is the model in the folder.

So the figures are those of the whole method, choice included, and the model has seen every clip. The folds
and the choice are in `choice.json` and below `choice/`. An interrupted run goes on where it stopped.
"""
