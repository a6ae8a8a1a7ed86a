"""Damaged and hostile input, by the thousand: no command ends in a traceback, hangs, or answers nonsense.

    make fuzz                                  # 2,000 mutants, a table per kind
    python -m fuzz --case runs:17              # one mutant again, with all that was said
    python -m fuzz --kinds audio,toml --n 300

A mutant is one input of a kind (a sound file, a table, a run folder ...), damaged by a seed. It must be
refused by a FinbackError, or answered with a remark, or answered as the undamaged input is, or decode to
what it says; each kind has its own oracle in `fuzz/kinds`.
"""
