"""rollout.h5: the boxes, times and key-frame latents of a future."""
