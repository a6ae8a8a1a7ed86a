"""Names of samplers and of vocoders without weights, for those who need the names and not the code.

`tests/generation/test_names.py` compares them with the registries.
"""

SAMPLERS = ("ancestral", "ddim", "ddpm", "dpmpp-2m", "dpmpp-3m", "heun")
VOCODERS = ("auto", "griffin-lim", "fast-griffin-lim", "components")  # or a run folder, or a bundled one
