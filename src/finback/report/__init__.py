"""Figures and pages. Everything here draws what it is given: no model is loaded, no feature is computed."""
