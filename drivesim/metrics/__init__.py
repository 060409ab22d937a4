"""Metrics of pictures and films, which know nothing of models, worlds or files."""
