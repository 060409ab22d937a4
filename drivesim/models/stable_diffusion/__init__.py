"""Public Stable Diffusion, as diffusers saves it, as a backbone: folder, network, text, latents, diffusion process."""
