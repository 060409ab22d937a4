"""Footage of others as stores of clips, with labels unknown that nobody gave."""
