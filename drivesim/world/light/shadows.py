"""Sun shadows and contact shadows on the ground, as light masks in the image."""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np

from drivesim.scene.camera import NEAR, Camera, clip_near
from drivesim.world.render.geometry import Geometry
from drivesim.world.render.vectors import extent
from drivesim.world.roadside.plant_pictures import sprite_level
from drivesim.world.roadside.scenery import OUTLINE, BuiltCell, shadow_outline
from drivesim.world.state import Moment, Surroundings

SHIFT = 4  # fractional bits of polygon corners
FAR = 140.0  # m; shadows farther away are too thin to see


def ground_homography(camera: Camera, height: int, width: int) -> np.ndarray:
    """Homogeneous ground coordinates (ego x, y) from pixel coordinates (x, y, 1) [3 3]: Pinhole.ground as the matrix that OpenCV
    warps by."""
    to_ray = np.array([[1 / (width * camera.focal), 0, (0.5 / width - 0.5) / camera.focal],
                       [0, 1 / (height * 2 * camera.focal), (0.5 / height - 0.5) / (2 * camera.focal)], [0, 0, 1.0]])  # fmt: skip
    ray = camera.axes().T @ to_ray
    return np.stack([-camera.height * ray[0], -camera.height * ray[1], ray[2]])


def _on_ground(camera: Camera, outlines: np.ndarray) -> np.ndarray:
    """Outlines [n k 2] on the ground in camera coordinates [n k 3]."""
    return camera.view(np.concatenate([outlines, np.zeros((*outlines.shape[:2], 1))], axis=2))


def _pixels(camera: Camera, view: np.ndarray, height: int, width: int) -> np.ndarray:
    """Camera coordinates [... 3] in pixels [... 2], where 0 is the first one's centre."""
    return camera.project_view(view) * [width, height] - 0.5


def _fill(mask: np.ndarray, camera: Camera, outlines: np.ndarray, value: int) -> None:
    """Fills convex outlines [n k 2] on the ground."""
    height, width = mask.shape
    view = _on_ground(camera, outlines)
    nearest, farthest = (depth[:, 0] for depth in extent(view[..., 2:]))
    ahead, whole = farthest > NEAR, nearest > NEAR
    pixels = _pixels(camera, np.where(view[..., 2:] > NEAR, view, [0.0, 0.0, 1.0]), height, width)
    points = _fixed_point(pixels)
    low, high = extent(pixels)
    in_frame = (high[:, 0] > 0) & (high[:, 1] > 0) & (low[:, 0] < width) & (low[:, 1] < height)
    for i in np.flatnonzero(ahead & (in_frame | ~whole)):
        outline = points[i] if whole[i] else _fixed_point(_pixels(camera, clip_near(view[i]), height, width))
        cv2.fillConvexPoly(mask, outline, value, cv2.LINE_AA, SHIFT)


def _fixed_point(pixels: np.ndarray) -> np.ndarray:
    """Pixel coordinates as OpenCV fills polygons: int32 with SHIFT fractional bits."""
    return np.round(np.clip(pixels, -20000, 20000) * (1 << SHIFT)).astype(np.int32)


def _regions(
    camera: Camera, outlines: np.ndarray, chosen: np.ndarray, height: int, width: int
) -> Iterator[tuple[int, tuple[int, int, int, int]]]:
    """Index and pixel box of the chosen convex outlines [n k 2] on the ground that are in view."""
    view = _on_ground(camera, outlines[chosen])
    whole = view[..., 2].min(axis=1) > NEAR
    pixels = _pixels(camera, np.where(whole[:, None, None], view, [0.0, 0.0, 1.0]), height, width)
    for i in np.flatnonzero(~whole):
        ends = _pixels(camera, clip_near(view[i]), height, width)
        pixels[i] = np.linspace(ends.min(axis=0), ends.max(axis=0), outlines.shape[1])
    low, high = extent(pixels)
    for i in np.flatnonzero(
        (high > 0).all(axis=1) & (low < [width, height]).all(axis=1) & (high - low > [2, 1]).all(axis=1)
    ):
        (a, b), (c, d) = low[i], high[i]
        yield int(chosen[i]), (max(int(a), 0), max(int(b), 0), min(int(c) + 2, width), min(int(d) + 2, height))


def sun_mask(
    outlines: np.ndarray, geometry: Geometry, sun: np.ndarray, camera: Camera, height: int, width: int
) -> np.ndarray:
    """Share of sunlight left, float32 [height width]; `outlines` [n k 2], `geometry`, the direction `sun`: ego frame."""
    mask = np.full((height, width), 255, np.uint8)
    nearest, farthest = (ahead[:, 0] for ahead in extent(outlines[..., :1]))
    _fill(mask, camera, outlines[(farthest > NEAR) & (nearest < FAR)], 0)
    stretch = -sun[:2] / max(float(sun[2]), 0.12)
    across = np.array([-stretch[1], stretch[0]]) / max(float(np.hypot(*stretch)), 1e-6)
    to_ground = ground_homography(camera, height, width)
    foot, size = geometry.place[:, :2] - stretch * geometry.place[:, 2:], geometry.size.astype(np.float64)
    tip, half = foot + stretch * size[:, 1:], across * size[:, :1] / 2
    corners = np.stack([foot - half, foot + half, tip + half, tip - half], axis=1)
    nearest, farthest = (ahead[:, 0] for ahead in extent(corners[..., :1]))
    near = np.flatnonzero((farthest > 1) & (nearest < FAR / 2))
    for k, region in _regions(camera, corners, near, height, width):
        _dapple(mask, to_ground, geometry, k, region, corners[k])
    return cv2.GaussianBlur(mask, (3, 3), 0).astype(np.float32) * np.float32(1 / 255)


def _dapple(
    mask: np.ndarray,
    to_ground: np.ndarray,
    geometry: Geometry,
    k: int,
    region: tuple[int, int, int, int],
    corners: np.ndarray,
) -> None:
    """Dappled shadow of sprite k within `region`: its picture laid on the ground along the light."""
    x0, y0, x1, y1 = region
    picture = sprite_level(int(geometry.species[k]), max(min(x1 - x0, 3 * (y1 - y0) + 8), 4) * 1.3)[..., 3]
    rows, columns = picture.shape
    origin = corners[3]
    basis = np.stack([corners[2] - origin, corners[0] - origin], axis=1)  # picture: u to the right, v down from the top
    inverse = np.linalg.inv(basis)
    offset = -inverse @ origin
    to_picture = np.array(
        [[inverse[0, 0], inverse[0, 1], offset[0]], [inverse[1, 0], inverse[1, 1], offset[1]], [0, 0, 1]]
    )
    shift = np.array([[1, 0, x0], [0, 1, y0], [0, 0, 1.0]])
    matrix = np.diag([columns, rows, 1.0]) @ to_picture @ to_ground @ shift
    size = (x1 - x0, y1 - y0)
    leaf = cv2.warpPerspective(picture, matrix, size, flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP, borderValue=0)
    part = mask[y0:y1, x0:x1]
    np.minimum(part, 255 - leaf, out=part)


def contact_mask(footprints: np.ndarray, camera: Camera, height: int, width: int) -> np.ndarray:
    """Share of skylight left under and beside vehicles, float32 [height width]; footprints [n 4 2] in the ego frame."""
    mask = np.full((height, width), 255, np.uint8)
    near = footprints[(footprints[..., 0].max(axis=1) > 0) & (footprints[..., 0].min(axis=1) < 80)]
    centre = near.mean(axis=1, keepdims=True)
    for grow, value in ((1.16, 190), (1.06, 110), (0.97, 40)):
        _fill(mask, camera, centre + (near - centre) * grow, value)
    return cv2.GaussianBlur(mask, (3, 3), 0).astype(np.float32) * np.float32(1 / 255)


def light_masks(
    surroundings: Surroundings,
    moment: Moment,
    geometry: Geometry,
    scenery: BuiltCell,
    sun: np.ndarray,
    height: int,
    width: int,
) -> tuple[np.ndarray | None, np.ndarray]:
    """Shares of sunlight (None where there are no shadows) and of skylight left on the ground, float32 [height width]."""
    count, camera = len(moment.track), moment.camera
    contact = contact_mask(geometry.footprint[:count], camera, height, width)
    if surroundings.lighting.night or surroundings.lighting.weather == "overcast":
        return None, contact
    c, n = np.cos(moment.pose[2]), np.sin(moment.pose[2])
    turn, origin = np.array([[c, -n], [n, c]]), np.array(moment.pose[:2])
    outlines = (scenery.shadows - origin) @ turn
    own = [np.zeros((0, OUTLINE, 2))]
    vertices, starts = moment.vehicles.mesh.vertices, np.searchsorted(moment.vehicles.owner, np.arange(count + 1))
    for i in range(count):
        if -15 < moment.place[i, 0] < 100:
            own.append(shadow_outline(vertices[starts[i] : starts[i + 1]], sun)[None])
    outlines = np.concatenate([outlines, *own])
    return sun_mask(outlines, geometry, sun, camera, height, width), contact


def sunlight_beside(sun_left: np.ndarray, moment: Moment, camera: Camera) -> np.ndarray:
    """Share of sunlight that reaches each vehicle [n], taken beside it on the ground."""
    height, width = sun_left.shape
    spots, depth = camera.project(np.concatenate([moment.place - [3.0, 0], np.zeros((len(moment.place), 1))], axis=1))
    x, y = (
        np.clip(spots[:, 0] * width, 0, width - 1).astype(int),
        np.clip(spots[:, 1] * height, 0, height - 1).astype(int),
    )
    inside = (depth > 2) & (spots[:, 0] > 0) & (spots[:, 0] < 1) & (spots[:, 1] < 1)
    return np.where(inside, np.float32(0.25) + np.float32(0.75) * sun_left[y, x], np.float32(1))
