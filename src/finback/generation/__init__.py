"""New sound of a species: spectrograms from a trained generator, waves from a vocoder, a gate for quality.

The two functions on top are `generate.generate_clips` and `fill_rare.fill_rare_species`.
"""
