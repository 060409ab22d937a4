"""Meshes of cars, trucks and buses."""
