"""The ground floor: types of recordings and clips, errors, settings, files, and the run folder.

It imports no other package of finback, and neither torch nor soundfile.
"""
