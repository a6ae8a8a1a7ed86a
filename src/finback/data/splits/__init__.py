"""Training, validation and test sets made of whole recording groups, and cross-validation over groups."""
