"""Vehicles and how they drive: drawn at random, following each other, changing lanes, coming and going."""
