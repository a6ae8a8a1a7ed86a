"""Figures: NumPy arrays in, a matplotlib `Figure` out."""
