"""What each pixel of the ground is: road, marking, kerb, or ground beside it."""

from __future__ import annotations

import numpy as np

from drivesim.scene.classes import SceneClass
from drivesim.world.ground.albedo import marking_shares
from drivesim.world.ground.pavement import D_FROM, D_STEP, KERB, PAVED
from drivesim.world.ground.view import JUNCTION, ground_view, look_up_along, table_along
from drivesim.world.state import Moment, Surroundings

MARKED = 0.5  # share of a pixel from which on it is a marking


def ground_classes(surroundings: Surroundings, moment: Moment, top: int, height: int, width: int) -> np.ndarray:
    """Classes (SceneClass) uint8 [h w] of the ground plane in the rows from `top` to `height`: at the centres of pixels, but
    for markings, which must cover half of one."""
    view, _ = ground_view(surroundings, moment, top, height, width)
    along = table_along(surroundings, moment.s)
    profile = surroundings.surface.profile
    column = np.clip((view.d - D_FROM) / D_STEP, 0, profile.zones.shape[1] - 1).astype(int)
    junction = look_up_along(along, view)[..., JUNCTION] > 0.5
    classes = np.full(view.d.shape, SceneClass.GROUND, np.uint8)
    classes[(profile.zones[0, column, PAVED] > 0.5) | junction] = SceneClass.ROAD
    classes[(profile.lines[0, column, KERB] > 0.5) & ~junction] = SceneClass.KERB_OR_RAIL
    white, yellow = marking_shares(profile, view, moment.s, along)
    classes[(white >= MARKED) & (white >= yellow)] = SceneClass.WHITE_MARKING
    classes[(yellow >= MARKED) & (yellow > white)] = SceneClass.YELLOW_MARKING
    return classes
