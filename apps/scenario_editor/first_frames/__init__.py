"""Composes first frames in the background, and keeps the finished ones."""
