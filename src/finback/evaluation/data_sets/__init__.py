"""Recipes on several data sets: which is better on most, and what each data set could show."""
