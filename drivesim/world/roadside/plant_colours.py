"""Colours of plants as linear albedo: leaves of each species and season, grass, grown-over banks, bark."""

from __future__ import annotations

import numpy as np

from drivesim.roadside.things import Plant

BARK_ALBEDO = np.array([0.13, 0.105, 0.085], np.float32)
_LEAVES = {"pine": (0.038, 0.062, 0.036), "fir": (0.038, 0.062, 0.036), "gum": (0.085, 0.092, 0.052),
           "gum2": (0.085, 0.092, 0.052), "bare": (0.16, 0.13, 0.09)}  # fmt: skip
_OTHER_LEAVES = (0.068, 0.098, 0.030)
_LUSH_GRASS, _DRY_GRASS = (0.09, 0.13, 0.04), (0.34, 0.26, 0.13)
_LUSH_BANK, _DRY_BANK = (0.07, 0.10, 0.035), (0.33, 0.25, 0.13)


def leaf_colour(plant: Plant, dry: float) -> np.ndarray:
    """Leaf albedo [3] of a plant in a season that is `dry` (0 lush to 1 straw)."""
    base = np.array(_LEAVES.get(plant.leaf, _OTHER_LEAVES))
    if plant.leaf == "grass":
        base = (1 - dry) * np.array(_LUSH_GRASS) + dry * np.array(_DRY_GRASS)
    base = base * (1 + np.array([0.55, 0.1, 0.15]) * dry * plant.straw)
    tint: np.ndarray = (base * plant.shade * np.array(plant.hue)).clip(0.01, 1) * plant.darker
    return tint


def bank_colour(dry: float) -> np.ndarray:
    """Albedo [3] of an overgrown earth bank in a season that is `dry` (0 lush to 1 straw)."""
    colour: np.ndarray = (dry * np.array(_DRY_BANK) + (1 - dry) * np.array(_LUSH_BANK)) * 0.95
    return colour
