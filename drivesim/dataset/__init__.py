"""Stores of clips on disk: format, labels and latents, how clips are rendered into them, and the batches that training reads."""
