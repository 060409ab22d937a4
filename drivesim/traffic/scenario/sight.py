"""How far ahead of the ego drawn vehicles turn up and leave: where they are too small for anybody to see it."""

from __future__ import annotations

import numpy as np

from drivesim.scene.camera import Camera
from drivesim.scene.geometry import ASPECT
from drivesim.scene.vehicles import KINDS, SIZE_TABLE
from drivesim.video_format import FRAME_HEIGHT

UNSEEN = 4.0  # pixels of the full frame: nobody sees a vehicle turn up that is less high, and labels leave it out
ROOM = 20.0  # m beyond within which vehicles turn up; who is farther has left


def out_of_sight(camera: Camera) -> np.ndarray:
    """Metres ahead [kinds] from which on vehicles of each kind are less than UNSEEN high on a straight road."""
    return SIZE_TABLE[:, 2] * camera.focal * ASPECT * FRAME_HEIGHT / UNSEEN + SIZE_TABLE[:, 0] / 2


def parked_out_of_sight(camera: Camera) -> float:
    """Metres ahead from which on parked vehicles of all kinds are: one after the other, so that no gap is left."""
    return float(out_of_sight(camera)[KINDS.index("van")])
