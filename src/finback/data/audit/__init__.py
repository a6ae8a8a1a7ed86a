"""The audit of a data set: what a random split leaks, what cannot be tested, and which clips are bad."""
