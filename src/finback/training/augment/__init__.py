"""Augmentations: parameters are drawn first and applied second, each from an explicit random generator."""
