"""`python -m finback` is the same as `finback`."""

from finback.cli import main

main()
