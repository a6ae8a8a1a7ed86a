"""Tones and clicks of a mel spectrogram, which can be placed more finely than its bands and frames."""
