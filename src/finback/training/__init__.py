"""Training of every model: one loop, and a task for each kind of model.

`classifier` and `generator` are the two entrances. The loop never sees a test clip.
"""
