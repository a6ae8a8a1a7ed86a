"""A module for each kind of input: `case(stage, rng)` makes a mutant, asks finback, and judges the answer."""
