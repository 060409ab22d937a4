"""The planes of a layout, drawn by hand."""

from __future__ import annotations

import numpy as np

from drivesim.layout.planes import Plane
from drivesim.layout.scene_at import Face, Lamp
from drivesim.scene.classes import SceneClass


def drawn_planes(height: int = 16, width: int = 32) -> np.ndarray:
    """A car on a road before a house, under the sky; the frame has at least 16x32 pixels."""
    planes = np.zeros((len(Plane), height, width), np.uint8)
    planes[Plane.SCENE_CLASS, :8] = SceneClass.SKY
    planes[Plane.SCENE_CLASS, 8:] = SceneClass.ROAD
    planes[Plane.SCENE_CLASS, 8:, 5] = SceneClass.WHITE_MARKING
    planes[Plane.SCENE_CLASS, 2:9, 20:30] = SceneClass.BUILDING
    planes[Plane.NEARNESS, 2:] = 90
    planes[Plane.MARKING, 8:, 5] = 255
    planes[Plane.KIND, 6:14, 10:18] = 2
    planes[Plane.FACE, 6:14, 10:18] = Face.REAR
    planes[Plane.LAMP, 9, 10:12] = Lamp.BRAKE
    planes[Plane.RED, 6:14, 10:18] = 200
    planes[Plane.VEHICLE_NEARNESS, 6:14, 10:18] = 130
    planes[Plane.BODY_ALONG : Plane.BODY_UP + 1, 6:14, 10:18] = np.array([1, 40, 90])[:, None, None]
    return planes
