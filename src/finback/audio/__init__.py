"""Sound files: reading and writing, repair of damaged headers, resampling, windows, levels, start times.

`decoder` is the only module that imports soundfile. Samples are float32 with full scale 1.
"""
