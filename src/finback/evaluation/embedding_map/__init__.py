"""The clips of a run in two dimensions, by their embeddings, and how much the neighbours agree."""
