"""Layout maps: what the camera would see of what stands and moves, without textures and light."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np

from drivesim.scene.classes import SceneClass


@dataclass(frozen=True, eq=False)
class LayoutMaps:
    """Maps of one frame, [h w] each.

    inverse_depth float32 (1/m along the camera's axis, 0 in the sky); scene_class uint8 (SceneClass); marking uint8 (share of
    the pixel that road markings cover, times 255: thin lines far away have a share, though the class there is road). Of
    vehicles: track int32 (-1 elsewhere); kind uint8 (1 + index into KINDS, 0 elsewhere); face uint8 (scene_at.Face); lamp
    uint8 (scene_at.Lamp, shining ones only); paint uint8 [h w 3] (sRGB, 0 elsewhere).
    """

    inverse_depth: np.ndarray
    scene_class: np.ndarray
    marking: np.ndarray
    track: np.ndarray
    kind: np.ndarray
    face: np.ndarray
    lamp: np.ndarray
    paint: np.ndarray

    @classmethod
    def empty(cls, height: int, width: int) -> Self:
        """Maps of the sky alone, to write into."""
        size = (height, width)
        marking, kind, face, lamp = (np.zeros(size, np.uint8) for _ in range(4))
        sky, none = np.full(size, SceneClass.SKY, np.uint8), np.full(size, -1, np.int32)
        return cls(np.zeros(size, np.float32), sky, marking, none, kind, face, lamp, np.zeros((*size, 3), np.uint8))

    @property
    def size(self) -> tuple[int, int]:
        """Height and width."""
        height, width = self.inverse_depth.shape
        return height, width
