"""From sound to what a network takes in: log-mel spectrograms, waves, and embeddings of frozen backbones.

`spec.FeatureSpec` holds every number that fixes a feature; `extract.Extractor` is the one path from samples.
"""
