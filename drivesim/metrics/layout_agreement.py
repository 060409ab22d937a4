"""How well layout maps agree with what a renderer says of the same moment."""

from __future__ import annotations

from dataclasses import dataclass, field

import cv2
import numpy as np

from drivesim.layout.maps import LayoutMaps
from drivesim.scene.classes import SceneClass

_MARKINGS = (SceneClass.WHITE_MARKING, SceneClass.YELLOW_MARKING)
_GROUND = (SceneClass.ROAD, SceneClass.GROUND, *_MARKINGS)
MIN_HEIGHT = 16  # rows that a vehicle must show to be compared


@dataclass
class LayoutAgreement:
    """Sums over frames; add them one by one.

    `pixels` int64 [classes classes]: layout's class by the renderer's; `vehicles`: of each vehicle of at least MIN_HEIGHT rows the
    intersection over union of its pixels; `markings`: pixels that either side marks, and how many of them the other marks within
    one pixel; `ground_depth`: relative errors of depth where both see the ground, a sample of each frame.
    """

    pixels: np.ndarray = field(default_factory=lambda: np.zeros((len(SceneClass), len(SceneClass)), np.int64))
    vehicles: list[float] = field(default_factory=list)
    markings: np.ndarray = field(default_factory=lambda: np.zeros(2, np.int64))
    ground_depth: list[np.ndarray] = field(default_factory=list)

    def add(self, maps: LayoutMaps, scene_class: np.ndarray, track: np.ndarray, depth: np.ndarray) -> None:
        """One frame: the renderer's class uint8, track int32 (-1 no vehicle) and depth (m, inf in the sky) [h w]."""
        count = len(SceneClass)
        both = maps.scene_class.astype(np.int64) * count + scene_class
        self.pixels += np.bincount(both.ravel(), minlength=count * count).reshape(count, count)
        for one in np.unique(track[track >= 0]):
            true, drawn = track == one, maps.track == one
            if np.ptp(np.flatnonzero(true.any(axis=1))) + 1 >= MIN_HEIGHT:
                self.vehicles.append(float((true & drawn).sum() / (true | drawn).sum()))
        self._add_markings(maps, scene_class)
        ground = np.isin(maps.scene_class, _GROUND) & np.isin(scene_class, _GROUND)
        true = depth[ground][::17]
        self.ground_depth.append(np.abs(1 / np.maximum(maps.inverse_depth[ground][::17], 1e-6) - true) / true)

    def _add_markings(self, maps: LayoutMaps, scene_class: np.ndarray) -> None:
        near = np.ones((3, 3), np.uint8)
        for kind in _MARKINGS:
            drawn, true = ((classes == kind).astype(np.uint8) for classes in (maps.scene_class, scene_class))
            # where something else of one side covers the road, the other's paint is no error of the markings
            open_ = np.isin(maps.scene_class, _GROUND) & np.isin(scene_class, _GROUND)
            for one, other in ((drawn, true), (true, drawn)):
                counted = (one > 0) & open_
                self.markings += [int(counted.sum()), int((counted & (cv2.dilate(other, near) > 0)).sum())]

    @property
    def shared(self) -> dict[str, float]:
        """Intersection over union of each class that was seen."""
        whole = self.pixels.sum(axis=0) + self.pixels.sum(axis=1) - self.pixels.diagonal()
        seen = {member: whole[member] for member in SceneClass if whole[member]}
        return {member.name.lower(): float(self.pixels[member, member] / count) for member, count in seen.items()}

    @property
    def found(self) -> dict[str, float]:
        """Share of each class's pixels in the renderer that the layout has as that class, too."""
        true = self.pixels.sum(axis=0)
        return {
            member.name.lower(): float(self.pixels[member, member] / true[member])
            for member in SceneClass
            if true[member]
        }

    @property
    def figures(self) -> dict[str, float]:
        """One number for each kind of agreement; NaN where nothing was compared."""
        errors = np.concatenate(self.ground_depth) if self.ground_depth else np.zeros(0)
        marked, near = self.markings
        return {
            "pixels_of_same_class": float(self.pixels.diagonal().sum() / max(self.pixels.sum(), 1)),
            "vehicles_compared": float(len(self.vehicles)),
            "vehicle_iou_mean": float(np.mean(self.vehicles)) if self.vehicles else float("nan"),
            "vehicle_iou_tenth": float(np.quantile(self.vehicles, 0.1)) if self.vehicles else float("nan"),
            "markings_within_a_pixel": float(near / marked) if marked else float("nan"),
            "ground_depth_error_median": float(np.median(errors)) if len(errors) else float("nan"),
            "ground_depth_within_2_percent": float((errors < 0.02).mean()) if len(errors) else float("nan"),
        }
