"""The parts of the generator of calls: analysis of clips, the sounds themselves, and the fitted model.

A clip is taken apart into four kinds of sound, after the sines, transients and noise of Serra and Smith
(1990) and Verma and Meng (2000):

- contours (`ridges`): frequency and level of a tone over time; the harmonics of a call are contours too;
- pulses (`pulses`): times, band spectra and decay of clicks and knocks;
- the rest of a call (`envelope`): noise with an envelope over bands and time;
- the background: the stationary spectrum between and below the calls.

`grid` holds the sizes, `sounds` the types, `oscillators` the way back to samples, `analysis` the whole way
from samples to calls, `tables` the calls as tensors, and `network` the model.
"""
