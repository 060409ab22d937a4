"""Where on its body each pixel of a vehicle lies, whatever its size: so networks know where a wheel is, and where a window."""

from __future__ import annotations

import numpy as np

from drivesim.layout.maps import LayoutMaps
from drivesim.layout.scene_at import SceneAt
from drivesim.scene.geometry import pixel_centres


def body_places(scene: SceneAt, maps: LayoutMaps) -> np.ndarray:
    """Place of each pixel on its vehicle, uint8 [3 h w]: from rear to front, from left to right, from the ground to the roof.

    1 to 255 across the cuboid, beyond which nothing is; 0 where no vehicle is seen.
    """
    height, width = maps.size
    places = np.zeros((3, height, width), np.uint8)
    rows, columns = np.nonzero(maps.kind)
    if not len(rows):
        return places
    vehicles, camera = scene.vehicles, scene.camera
    u, v = pixel_centres(height, width, maps.inverse_depth)
    depth = 1 / maps.inverse_depth[rows, columns]
    x, y, z = ((part * depth).astype(np.float32) for part in camera.pinhole.rays(u[columns], v[rows, 0]))
    order = np.argsort(vehicles.track)
    which = order[np.searchsorted(vehicles.track, maps.track[rows, columns], sorter=order)]
    middle_x, middle_y, middle_z, length, breadth, tall, yaw = vehicles.cuboid.astype(np.float32).T.take(which, axis=1)
    x, y, z = x - middle_x, y - middle_y, z + np.float32(camera.height) - middle_z
    c, n = np.cos(yaw), np.sin(yaw)
    shares = np.stack([(c * x + n * y) / length, (n * x - c * y) / breadth, z / tall])
    places[:, rows, columns] = np.rint(128 + 254 * np.clip(shares, -0.5, 0.5)).astype(np.uint8)
    return places
