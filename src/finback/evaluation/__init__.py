"""How far models can be trusted: test sets, comparisons, studies of synthetic clips, audits of generators.

`trained_run` and `compare` are what a notebook calls; `pipeline` is the complete workflow of `finback run`.
"""
