"""Exact labels of the vehicles in a frame, from the visibility buffer."""

from __future__ import annotations

import numpy as np

from drivesim.scene.boxes import Boxes
from drivesim.scene.vehicles import SIZE_TABLE
from drivesim.world.render.raster import VisibilityBuffer
from drivesim.world.state import Moment

MIN_PIXELS = 6 / (256 * 512)  # share of the frame below which a vehicle is not labelled


def vehicle_boxes(moment: Moment, visibility: VisibilityBuffer) -> Boxes:
    """Labels of the vehicles that show at least MIN_PIXELS."""
    seen = np.bincount(visibility.ids.ravel(), minlength=len(visibility.polygons) + 2)
    total = np.concatenate([[0], np.cumsum(seen)])
    rows, boxes, visible, cuboids = [], [], [], []
    for i, (first, last) in visibility.runs.items():
        pixels, whole = int(total[last + 1] - total[first]), visibility.silhouette[i]
        box = np.clip(visibility.bounds[i], 0, 1)
        if pixels < max(MIN_PIXELS * visibility.ids.size, 1) or box[2] <= box[0] or box[3] <= box[1]:
            continue
        length, wide, tall = SIZE_TABLE[moment.kind[i]]
        rows.append(i)
        boxes.append(box)
        visible.append(min(pixels / max(whole, 1), 1.0))
        cuboids.append([*moment.place[i], tall / 2, length, wide, tall, moment.yaw[i]])
    yaw = (moment.yaw[rows] + np.pi) % (2 * np.pi) - np.pi
    return Boxes(
        moment.track[rows],
        moment.kind[rows],
        np.array(boxes, np.float32).reshape(-1, 4),
        yaw.astype(np.float32),
        np.array(visible, np.float32),
        np.array(cuboids, np.float32).reshape(-1, 7),
        moment.paint[rows],
        moment.lamps[rows],
    )
