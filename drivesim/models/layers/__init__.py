"""Layers and blocks that the networks are made of."""
