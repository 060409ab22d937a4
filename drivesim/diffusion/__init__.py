"""Diffusion without networks: noise schedule, denoiser, guidance and the DDIM sampler."""
