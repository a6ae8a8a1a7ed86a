"""Simulated recordings: calls of marine mammals, tapes with their noise, clips with labels and truth."""
