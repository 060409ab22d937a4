"""Vehicles in the layout: their bodies as few faces, and their boxes as labels."""
