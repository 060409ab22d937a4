"""The character of a roadside: numbers drawn once for a whole world, so that a street looks like itself all along."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from drivesim.scene.road import Setting

_LAMP_POSTS: dict[Setting, float] = {"highway": 0.35, "city": 0.9, "residential": 0.6, "rural": 0.05}
_POWER_LINES: dict[Setting, float] = {"highway": 0.15, "city": 0.25, "residential": 0.6, "rural": 0.5}


@dataclass(frozen=True)
class Style:
    """All in [0, 1), in the order in which they are drawn."""

    tone: float  # of concrete; in cities also how high the houses are
    wear: float  # of concrete and steel
    bank_right: float  # phases of the earth banks
    bank_left: float
    bank_steepness: float
    bank_share: float  # how much of the road has banks
    power_line: float  # low: there is one
    first_species: float  # the tree that most are
    second_species: float
    lining: float  # high: trees line the street; on highways, the barrier is high
    spacing: float  # of trees along the street; on highways, how thick the median's bushes are
    bridges: float
    lamp_post: float  # low: lamp posts stand even where they are dark
    power_line_side: float
    median_trees: float
    signal_arm: float  # length

    @classmethod
    def of(cls, seed: int) -> Style:
        """The style of the world of `seed`."""
        return cls(*np.random.default_rng([seed, 21]).random(16))

    def has_power_line(self, setting: Setting) -> bool:
        """Whether a power line runs along the road."""
        return bool(self.power_line < _POWER_LINES[setting])

    def has_lamp_posts(self, setting: Setting, night: bool, lit: bool) -> bool:
        """Whether lamp posts stand along the road: where they are lit, and by day on some roads."""
        return bool(lit or not (night or self.lamp_post > _LAMP_POSTS[setting]))
