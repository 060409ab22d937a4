"""Rasterization: objects in painter's order into a visibility buffer. Flat polygons and camera-facing sprites with a mask."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import shapely

from drivesim.scene.camera import NEAR, Camera, clip_near
from drivesim.world.render.geometry import Geometry
from drivesim.world.render.mesh import SIDES
from drivesim.world.render.painter_order import painter_order
from drivesim.world.render.vectors import extent, row_dot
from drivesim.world.roadside.plant_pictures import sprite_level

SHIFT = 4  # fractional bits of polygon corners


@dataclass(frozen=True)
class VisibilityBuffer:
    """What is seen.

    `ids` int32 [h w]: 0 nothing, 1 + i polygon `polygons[i]` of the geometry, 1 + len(polygons) + j sprite `sprites[j]`.

    `texture` uint8 [h w 4]: sprite normals (right, up), shade, opacity; `silhouette`: pixels of each object alone {object: count};
    `bounds`: {object: x0 y0 x1 y1 in frame fractions of its part inside the frame}; `runs`: {object: (first id, last id)}.
    """

    ids: np.ndarray
    texture: np.ndarray
    polygons: np.ndarray
    sprites: np.ndarray
    silhouette: dict[int, int]
    bounds: dict[int, np.ndarray]
    runs: dict[int, tuple[int, int]]


def horizon_row(camera: Camera, height: int) -> int:
    """First of `height` rows of pixels whose centres lie below the horizon."""
    return int(np.clip(np.ceil(camera.horizon * height - 0.5 + 0.02 * height / 128), 0, height))


def rasterize(geometry: Geometry, camera: Camera, height: int, width: int, watched: range) -> VisibilityBuffer:
    """Draws geometry that is in the ego frame; objects in `watched` get silhouettes and bounds."""
    ids = np.zeros((height, width), np.int32)
    texture = np.zeros((height, width, 4), np.uint8)
    focal = camera.focal
    meshes, sprites = _objects_in_view(geometry, focal, height, watched)
    kept, points, flat = _project(geometry, camera, meshes, height, width, watched)
    corners = np.concatenate(
        [geometry.footprint[meshes], geometry.place[sprites, None, :2] + _SPOT * geometry.size[sprites, :1, None] * 0.1]
    )
    order = painter_order(corners) if len(corners) else []
    rank = np.full(len(geometry.footprint), -1)
    place_of = np.empty(len(order), np.int64)
    place_of[order] = np.arange(len(order))
    rank[meshes] = place_of[: len(meshes)]
    sequence = np.lexsort((-_reach(geometry, kept, camera), rank[geometry.owner[kept]]))
    kept, points, flat = kept[sequence], points[sequence], flat[sequence]
    owners = geometry.owner[kept]
    starts = np.searchsorted(rank[owners], np.arange(len(order) + 1)) if len(kept) else np.zeros(len(order) + 1, int)
    spots = _spots(geometry, sprites, camera, height, width)
    silhouette, bounds, runs = {}, {}, {}
    for turn, item in enumerate(order):
        if item >= len(meshes):
            j = item - len(meshes)
            _paste(geometry, int(sprites[j]), spots[j], ids, texture, 1 + len(kept) + j)
            continue
        first, last = int(starts[turn]), int(starts[turn + 1])
        for i in range(first, last):
            cv2.fillConvexPoly(ids, points[i], i + 1, cv2.LINE_8, SHIFT)
        thing = int(meshes[item])
        if thing in watched and last > first:
            bounds[thing] = _bounds_in_frame(flat[first:last])
            x0, y0, x1, y1 = np.clip(
                bounds[thing] * [width, height, width, height] + [-2, -2, 3, 3], 0, [width, height, width, height]
            ).astype(int)
            region = ids[y0:y1, x0:x1]
            silhouette[thing] = int(np.count_nonzero((region > first) & (region <= last)))
            runs[thing] = (first + 1, last)
    return VisibilityBuffer(ids, texture, kept, sprites, silhouette, bounds, runs)


_SPOT = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]], np.float32)


def _objects_in_view(geometry: Geometry, focal: float, height: int, watched: range) -> tuple[np.ndarray, np.ndarray]:
    """Indices of objects and sprites that can cover a pixel."""
    half = 0.5 / focal
    ahead, side = geometry.footprint[..., 0], np.abs(geometry.footprint[..., 1])
    crosses = geometry.footprint[..., 1].min(axis=1) * geometry.footprint[..., 1].max(axis=1) < 0
    inside = (ahead.max(axis=1) > NEAR) & (((side < ahead * half + 1.0).any(axis=1)) | crosses)
    big = geometry.top * (2 * focal * height) > 0.7 * np.maximum(ahead.min(axis=1), 1.0)
    big[watched.start : watched.stop] = True
    x, y = geometry.place[:, 0], np.abs(geometry.place[:, 1])
    seen = (
        (x > 1.5) & (y - geometry.size[:, 0] * 0.5 < x * half) & (geometry.size[:, 1] * (2 * focal * height) > 1.5 * x)
    )
    return np.flatnonzero(inside & big), np.flatnonzero(seen)


def _project(
    geometry: Geometry, camera: Camera, meshes: np.ndarray, height: int, width: int, watched: range
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Polygons that face the camera inside the frame: indices [n], fixed-point corners int32 [n SIDES 1 2], and the same in frame
    fractions [n SIDES 2].

    Camera.view and project, but float32, as version 1 of the world has it to the bit.
    """
    alive = np.zeros(len(geometry.footprint), bool)
    alive[meshes] = True
    index = np.flatnonzero(alive[geometry.owner])
    eye = np.array([0, 0, camera.height], np.float32)
    index = index[row_dot(geometry.mesh.vertices[index, 0] - eye, geometry.normal[index]) < -1e-5]
    axes = camera.axes().astype(np.float32)
    view = (geometry.mesh.vertices[index] - eye) @ axes.T
    nearest, farthest = (depth[:, 0] for depth in extent(view[..., 2:]))
    some, every = farthest > NEAR, nearest > NEAR
    scale = np.array([camera.focal, 2 * camera.focal], np.float32)
    flat = view[..., :2] / np.maximum(view[..., 2:], NEAR) * scale + np.float32(0.5)
    for i in np.flatnonzero(some & ~every):
        clipped = clip_near(view[i])
        hull = cv2.convexHull((clipped[:, :2] / clipped[:, 2:] * scale + 0.5).astype(np.float32))[:, 0]
        flat[i] = np.concatenate([hull, np.repeat(hull[-1:], max(SIDES - len(hull), 0), axis=0)])[:SIDES]
    low, high = extent(flat)
    on = some & (high[:, 0] > 0) & (high[:, 1] > 0) & (low[:, 0] < 1) & (low[:, 1] < 1)
    size = (high - low) * np.array([width, height], np.float32)
    is_watched = (geometry.owner[index] >= watched.start) & (geometry.owner[index] < watched.stop)
    on &= (size[:, 0] > 0.6) | (size[:, 1] > 0.6) | is_watched
    index, flat = index[on], flat[on]
    pixels = np.clip(flat * np.array([width, height], np.float32) - np.float32(0.5), -20000, 20000)
    points = np.round(pixels * (1 << SHIFT)).astype(np.int32)[:, :, None]
    return index, points, flat


def _reach(geometry: Geometry, polygons: np.ndarray, camera: Camera) -> np.ndarray:
    """Distance from the camera to the farthest corner of polygons (m) [n]."""
    x, y, z = np.moveaxis(geometry.mesh.vertices[polygons] - np.array([0, 0, camera.height], np.float32), 2, 0)
    _, square = extent((x * x + y * y + z * z)[..., None])
    return np.sqrt(square[:, 0])


def _bounds_in_frame(flat: np.ndarray) -> np.ndarray:
    """Box [4] around the parts of polygons [n k 2] (frame fractions) that lie in the frame; empty (zeros) if none does."""
    low, high = flat.min(axis=(0, 1)), flat.max(axis=(0, 1))
    if (low >= 0).all() and (high <= 1).all():
        return np.concatenate([low, high])
    parts = shapely.clip_by_rect(shapely.polygons(flat.astype(np.float64)), 0.0, 0.0, 1.0, 1.0)
    whole = shapely.total_bounds(parts)
    return np.zeros(4) if np.isnan(whole).any() else whole


def _spots(geometry: Geometry, sprites: np.ndarray, camera: Camera, height: int, width: int) -> np.ndarray:
    """Middle x, top, bottom and width in pixels of upright sprites that face the camera [n 4]."""
    foot = geometry.place[sprites].astype(np.float64)
    head = foot + np.stack([np.zeros(len(foot)), np.zeros(len(foot)), geometry.size[sprites, 1]], axis=1)
    low, depth = camera.project(foot)
    high, _ = camera.project(head)
    across = camera.focal * geometry.size[sprites, 0] / np.maximum(depth, 0.5) * width
    return np.stack([low[:, 0] * width, high[:, 1] * height, low[:, 1] * height, across], axis=1)


def _paste(geometry: Geometry, k: int, spot: np.ndarray, ids: np.ndarray, texture: np.ndarray, number: int) -> None:
    """Warps one sprite into the buffers."""
    height, width = ids.shape
    x, y0, y1, across = spot.tolist()
    left, right = max(int(x - across / 2), 0), min(int(x + across / 2) + 1, width)
    top, bottom = max(int(y0), 0), min(int(y1) + 1, height)
    if left >= right or top >= bottom:
        return
    picture = sprite_level(int(geometry.species[k]), y1 - y0)
    rows, columns = picture.shape[:2]
    sx, sy = columns / across, rows / max(y1 - y0, 1e-3)
    if geometry.mirror[k]:
        first = [-sx, 0, (x + across / 2 - left) * sx - 0.5 * sx - 0.5]
    else:
        first = [sx, 0, (left - x + across / 2) * sx + 0.5 * sx - 0.5]
    matrix = np.array([first, [0, sy, (top - y0) * sy + 0.5 * sy - 0.5]])
    size = (right - left, bottom - top)
    warped = cv2.warpAffine(
        picture, matrix, size, flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP, borderMode=cv2.BORDER_REPLICATE
    )
    alpha = cv2.threshold(cv2.extractChannel(warped, 3), 110, 255, cv2.THRESH_BINARY)[1]
    cv2.copyTo(warped, alpha, texture[top:bottom, left:right])
    np.copyto(ids[top:bottom, left:right], number, where=alpha.view(bool))
