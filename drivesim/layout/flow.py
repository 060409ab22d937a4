"""Flow between the moments of a layout: where what a pixel shows was in another frame, and whether it is seen there."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from drivesim.layout.maps import LayoutMaps
from drivesim.layout.scene_at import SceneAt, Vehicles
from drivesim.scene.geometry import LEAST_FORWARD, Pose, actor_motion, pixel_centres, reproject, static_motion

_CLOSE = 0.06  # share of the nearness by which a surface may be off in the other frame's map
_ALIKE = 0.002  # 1/m, and this much besides: far surfaces are told apart by no more


@dataclass(frozen=True, eq=False)
class Flow:
    """`right`, `down` float32 [h w]: from a pixel to where its point is in the other frame (pixels); `seen` bool [h w]: the point
    is within that frame and nothing hides it there."""

    right: np.ndarray
    down: np.ndarray
    seen: np.ndarray


def flow(scene: SceneAt, maps: LayoutMaps, other: SceneAt, other_maps: LayoutMaps) -> Flow:
    """From each pixel of `maps` to its place in `other_maps`; both of one size.

    The ground and what stands moves by the two poses, a vehicle by its own; one that is not in the other moment is not seen.
    """
    height, width = maps.size
    u, v = pixel_centres(height, width, maps.inverse_depth)
    nearness = maps.inverse_depth
    motion, known = _motions(scene, maps, other)
    right, down, forward = reproject(scene.camera.pinhole, u, v, nearness, motion, other.camera.pinhole)
    forward_clipped = np.maximum(forward, LEAST_FORWARD)
    there_u, there_v = other.camera.pinhole.project(right, down, forward_clipped)
    column, row = there_u * width - 0.5, there_v * height - 0.5
    inside = (column > -0.5) & (column < width - 0.5) & (row > -0.5) & (row < height - 0.5)
    seen = known & inside & (forward > LEAST_FORWARD)
    seen &= _matched(maps.track, nearness / forward_clipped, column, row, other_maps)
    shift = (column - (u * width - 0.5), row - (v * height - 0.5))
    return Flow(shift[0].astype(np.float32), shift[1].astype(np.float32), seen)


def _motions(scene: SceneAt, maps: LayoutMaps, other: SceneAt) -> tuple[Pose[np.ndarray], np.ndarray]:
    """The ego frame now, carried along by what each pixel shows, within the ego frame then [h w]; whether it is known."""
    static = static_motion(scene.pose, other.pose)
    order = np.argsort(other.vehicles.track)
    place = np.searchsorted(other.vehicles.track, scene.vehicles.track, sorter=order)
    there = order[np.minimum(place, len(order) - 1)] if len(order) else np.zeros(len(place), np.int64)
    known = other.vehicles.track[there] == scene.vehicles.track if len(order) else np.zeros(len(place), bool)
    moved = actor_motion(_poses(scene.vehicles, np.arange(len(place))), _poses(other.vehicles, there))
    row = _rows(maps.track, scene.vehicles.track)
    x, y, yaw = (
        np.append(np.where(known, own, common), common).astype(np.float32).take(row)
        for own, common in zip((moved.x, moved.y, moved.yaw), (static.x, static.y, static.yaw), strict=True)
    )
    return Pose(x, y, yaw), np.append(known, True).take(row)


def _poses(vehicles: Vehicles, rows: np.ndarray) -> Pose[np.ndarray]:
    if not len(vehicles):
        return Pose(*np.zeros((3, len(rows))))
    return Pose(*vehicles.cuboid[rows][:, [0, 1, 6]].T)


def _rows(track: np.ndarray, tracks: np.ndarray) -> np.ndarray:
    """Row of `tracks` [n] of each pixel's track [h w]; n where it shows no vehicle."""
    if not len(tracks):
        return np.zeros(track.shape, np.int64)
    order = np.argsort(tracks)
    rows = order[np.minimum(np.searchsorted(tracks, track, sorter=order), len(tracks) - 1)]
    return np.where(track < 0, len(tracks), rows)


def _matched(
    track: np.ndarray, nearness: np.ndarray, column: np.ndarray, row: np.ndarray, maps: LayoutMaps
) -> np.ndarray:
    """Whether one of the four pixels of `maps` around each place shows the same object, as near (bool [h w])."""
    height, width = maps.size
    left, above = np.floor(column).astype(np.int64), np.floor(row).astype(np.int64)
    out = np.zeros(track.shape, bool)
    for i, j in ((0, 0), (0, 1), (1, 0), (1, 1)):
        index = np.clip(above + i, 0, height - 1) * width + np.clip(left + j, 0, width - 1)
        there = maps.inverse_depth.take(index)
        alike = np.abs(there - nearness) <= _CLOSE * nearness + _ALIKE
        out |= alike & (maps.track.take(index) == track) & ((there == 0) == (nearness == 0))
    return out
