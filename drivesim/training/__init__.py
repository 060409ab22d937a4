"""Training: one loop for all stages, its job folder, presets, optimizers and data."""
