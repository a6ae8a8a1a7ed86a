"""Sampling from a diffusion model: samplers and guidance are functions of a denoiser and its noise levels."""
