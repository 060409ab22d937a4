"""Exports: the labels of a finished rollout, with its pictures, in the formats that perception tools read."""
