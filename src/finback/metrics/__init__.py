"""Numbers from NumPy arrays: accuracy, calibration, intervals over recording groups, distances between sets.

No function here reads a file or knows a model.
"""
