"""Labels of a moment: the boxes of the vehicles that the camera sees, as labels of the world are made."""

from __future__ import annotations

import numpy as np

from drivesim.layout.raster import pixel_counts
from drivesim.layout.scene_at import SceneAt
from drivesim.scene.boxes import Boxes, project_cuboids
from drivesim.video_format import FRAME_HEIGHT, FRAME_WIDTH

FRAME_SIZE = FRAME_HEIGHT, FRAME_WIDTH

MIN_PIXELS = 6 / (256 * 512)  # share of the frame below which a vehicle is not labelled, as in the world's labels


def moment_boxes(scene: SceneAt, always: int = 0) -> Boxes:
    """The vehicles of a moment that the camera sees, and those of tracks below `always` that are within the frame.

    A box is that of the whole cuboid, clipped to the frame. `visible`: pixels that a vehicle shows in the frame, of those
    that it would show if nothing else were there.
    """
    vehicles = scene.vehicles
    box, _ = project_cuboids(scene.camera, vehicles.cuboid, least=np.inf)
    inside = (box[:, 2] > box[:, 0]) & (box[:, 3] > box[:, 1])  # NaN is not
    seen, whole = pixel_counts(scene, *FRAME_SIZE)
    shown = inside & ((seen >= MIN_PIXELS * FRAME_HEIGHT * FRAME_WIDTH) | (vehicles.track < always))
    rows = np.flatnonzero(shown)
    heading = vehicles.cuboid[rows, 6]
    return Boxes(
        vehicles.track[rows],
        vehicles.kind[rows],
        box[rows],
        ((heading + np.pi) % (2 * np.pi) - np.pi).astype(np.float32),
        np.minimum(seen[rows] / np.maximum(whole[rows], 1), 1.0).astype(np.float32),
        vehicles.cuboid[rows].astype(np.float32),
        vehicles.paint[rows],
        vehicles.lamps[rows],
    )
