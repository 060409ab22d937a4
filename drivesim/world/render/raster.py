"""Visibility: objects in painter's order into an id buffer. Flat polygons and camera-facing sprites with a mask."""

from __future__ import annotations

from dataclasses import dataclass, fields

import cv2
import numpy as np
import shapely

from drivesim.scene.camera import NEAR, Camera, clip_near
from drivesim.world.render.mesh import SIDES, Mesh
from drivesim.world.roadside.sprites import Sprite, sprite_level

SHIFT = 4  # fractional bits of polygon corners


@dataclass(frozen=True)
class Assembly:
    """Objects of a scene in one frame of reference: p polygons of m objects, k sprites.

    mesh; normal float32 [p 3]; owner int64 [p] (object of a polygon); emission float32 [p] (how much its lamps shine);
    footprint float32 [m 4 2] (counter-clockwise) and top float32 [m] (height); place float32 [k 3] (foot of a sprite),
    size float32 [k 2] (width, height), look int64 [k] (index of its picture), tint float32 [k 3], mirror bool [k].
    """

    mesh: Mesh
    normal: np.ndarray
    owner: np.ndarray
    emission: np.ndarray
    footprint: np.ndarray
    top: np.ndarray
    place: np.ndarray
    size: np.ndarray
    look: np.ndarray
    tint: np.ndarray
    mirror: np.ndarray

    def turned(self, pose: tuple[float, float, float]) -> Assembly:
        """As seen from world `pose` (x, y, heading): that becomes the origin, looking along x."""
        c, s = np.float32(np.cos(pose[2])), np.float32(np.sin(pose[2]))
        turn = np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]], np.float32)
        origin = np.array([pose[0], pose[1], 0], np.float32)
        mesh = Mesh(
            (self.mesh.vertices - origin) @ turn,
            self.mesh.material,
            self.mesh.albedo,
            self.mesh.seed,
            self.mesh.uv @ turn,
        )
        mesh.uv[:, 0] -= origin @ turn
        return Assembly(
            mesh,
            self.normal @ turn,
            self.owner,
            self.emission,
            (self.footprint - origin[:2]) @ turn[:2, :2],
            self.top,
            (self.place - origin) @ turn,
            self.size,
            self.look,
            self.tint,
            self.mirror,
        )


def assemble(meshes: list[Mesh], footprints: list[np.ndarray], sprites: list[Sprite]) -> Assembly:
    """Gathers meshes (one object each, footprint [4 2]) and sprites."""
    count = sum(len(mesh) for mesh in meshes)
    if count:
        joined = Mesh(**{f.name: np.concatenate([getattr(mesh, f.name) for mesh in meshes]) for f in fields(Mesh)})
    else:
        joined = Mesh(
            np.zeros((0, SIDES, 3), np.float32),
            np.zeros(0, np.int64),
            np.zeros((0, 3), np.float32),
            np.zeros(0, np.float32),
            np.zeros((0, 3, 3), np.float32),
        )
    corners = joined.vertices
    normal = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]) + 1e-3 * np.cross(
        corners[:, 2] - corners[:, 0], corners[:, 3] - corners[:, 0]
    )
    normal /= np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-12)
    return Assembly(
        joined,
        normal.astype(np.float32),
        np.repeat(np.arange(len(meshes)), [len(mesh) for mesh in meshes]),
        np.zeros(count, np.float32),
        np.array(footprints, np.float32).reshape(-1, 4, 2),
        np.array([mesh.vertices[..., 2].max() for mesh in meshes], np.float32),
        np.array([sprite.place for sprite in sprites], np.float32).reshape(-1, 3),
        np.array([sprite.size for sprite in sprites], np.float32).reshape(-1, 2),
        np.array([sprite.look for sprite in sprites], np.int64),
        np.array([sprite.tint for sprite in sprites], np.float32).reshape(-1, 3),
        np.array([sprite.mirror for sprite in sprites], bool),
    )


def merged(parts: list[Assembly]) -> Assembly:
    """One assembly of several; objects keep their order, those of the first part come first."""
    shift = np.cumsum([0] + [len(part.footprint) for part in parts])
    mesh = Mesh(**{f.name: np.concatenate([getattr(part.mesh, f.name) for part in parts]) for f in fields(Mesh)})
    owner = np.concatenate([part.owner + by for part, by in zip(parts, shift, strict=False)])
    rest = {
        f.name: np.concatenate([getattr(part, f.name) for part in parts])
        for f in fields(Assembly)
        if f.name not in ("mesh", "owner")
    }
    return Assembly(mesh=mesh, owner=owner, **rest)


def footprint_of(mesh: Mesh, yaw: float = 0.0) -> np.ndarray:
    """Rectangle [4 2] along `yaw` around the mesh, counter-clockwise."""
    c, s = np.cos(yaw), np.sin(yaw)
    turn = np.array([[c, -s], [s, c]])
    flat = mesh.vertices[..., :2].reshape(-1, 2) @ turn
    (x0, y0), (x1, y1) = flat.min(axis=0), flat.max(axis=0)
    return (np.array([[x0, y0], [x1, y0], [x1, y1], [x0, y1]]) @ turn.T).astype(np.float32)


def painter_order(corners: np.ndarray) -> list[int]:
    """Far to near order of convex footprints [n 4 2] around a camera at the origin; exact where they are disjoint."""
    centre = corners.mean(axis=1)
    turn = np.arctan2(corners[..., 1], np.maximum(corners[..., 0], 1e-3))
    low, high = turn.min(axis=1), turn.max(axis=1)
    reach = np.hypot(corners[..., 0], corners[..., 1])
    near, far = reach.min(axis=1) * 0.999, reach.max(axis=1)
    distance = np.hypot(centre[:, 0], centre[:, 1])
    meets = (low[:, None] < high[None]) & (low[None] < high[:, None])
    behind = meets & (distance[:, None] > distance[None])  # behind[j, i]: j must be drawn before i
    unclear = meets & (near[:, None] < far[None]) & (near[None] < far[:, None])
    a, b = np.nonzero(np.triu(unclear, 1))
    if len(a):
        front = _in_front(corners[a], corners[b])
        known = front != 0
        a, b, front = a[known], b[known], front[known]
        behind[a, b], behind[b, a] = front < 0, front > 0
    before = np.ascontiguousarray(behind.T)
    odd = (before & (distance[None] <= distance[:, None])).any(axis=1)  # needs something nearer to be drawn first
    done, out = np.zeros(len(corners), bool), []
    for start in np.argsort(-distance, kind="stable").tolist():
        if not odd[start]:
            if not done[start]:
                done[start] = True
                out.append(start)
            continue
        stack = [start]
        while stack:
            i = stack[-1]
            first = [j for j in np.flatnonzero(before[i] & ~done).tolist() if j not in stack]
            if done[i] or not first:
                stack.pop()
                if not done[i]:
                    done[i] = True
                    out.append(i)
            else:
                stack.append(max(first, key=lambda j: distance[j]))
    return out


def _in_front(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """For pairs of footprints [m 4 2]: 1 where a line parts them with the camera (origin) on a's side, -1 on b's, else 0."""
    out = np.zeros(len(a), np.int64)
    best = np.full(len(a), -0.08)
    for sign, one, other in ((1, a, b), (-1, b, a)):
        edge = np.roll(one, -1, axis=1) - one
        outward = np.stack([edge[..., 1], -edge[..., 0]], axis=-1)
        outward /= np.maximum(np.linalg.norm(outward, axis=-1, keepdims=True), 1e-9)
        offset = (outward * one).sum(axis=-1)
        gap = (np.einsum("mek,mck->mec", outward, other) - offset[..., None]).min(axis=2)
        pick = gap.argmax(axis=1)
        rows = np.arange(len(a))
        better = gap[rows, pick] > best
        best = np.where(better, gap[rows, pick], best)
        out = np.where(better, np.where(offset[rows, pick] >= 0, sign, -sign), out)
    return out


@dataclass(frozen=True)
class Drawn:
    """What is seen.

    `ids` int32 [h w]: 0 nothing, 1 + i polygon `polygons[i]` of the assembly, 1 + len(polygons) + j sprite `sprites[j]`.

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


def draw(scene: Assembly, camera: Camera, height: int, width: int, watched: range) -> Drawn:
    """Draws an assembly in the ego frame; objects in `watched` get silhouettes and bounds."""
    ids = np.zeros((height, width), np.int32)
    texture = np.zeros((height, width, 4), np.uint8)
    focal = camera.focal
    meshes, sprites = _objects_in_view(scene, focal, height, watched)
    kept, points, flat = _project(scene, camera, meshes, height, width, watched)
    corners = np.concatenate(
        [scene.footprint[meshes], scene.place[sprites, None, :2] + _SPOT * scene.size[sprites, :1, None] * 0.1]
    )
    order = painter_order(corners) if len(corners) else []
    rank = np.full(len(scene.footprint), -1)
    place_of = np.empty(len(order), np.int64)
    place_of[order] = np.arange(len(order))
    rank[meshes] = place_of[: len(meshes)]
    reach = np.linalg.norm(scene.mesh.vertices[kept] - np.array([0, 0, camera.height], np.float32), axis=2).max(axis=1)
    sequence = np.lexsort((-reach, rank[scene.owner[kept]]))
    kept, points, flat = kept[sequence], points[sequence], flat[sequence]
    owners = scene.owner[kept]
    starts = np.searchsorted(rank[owners], np.arange(len(order) + 1)) if len(kept) else np.zeros(len(order) + 1, int)
    spots = _spots(scene, sprites, camera, height, width)
    silhouette, bounds, runs = {}, {}, {}
    for turn, item in enumerate(order):
        if item >= len(meshes):
            j = item - len(meshes)
            _paste(scene, int(sprites[j]), spots[j], ids, texture, 1 + len(kept) + j)
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
    return Drawn(ids, texture, kept, sprites, silhouette, bounds, runs)


_SPOT = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]], np.float32)


def _objects_in_view(scene: Assembly, focal: float, height: int, watched: range) -> tuple[np.ndarray, np.ndarray]:
    """Indices of objects and sprites that can cover a pixel."""
    half = 0.5 / focal
    ahead, side = scene.footprint[..., 0], np.abs(scene.footprint[..., 1])
    crosses = scene.footprint[..., 1].min(axis=1) * scene.footprint[..., 1].max(axis=1) < 0
    inside = (ahead.max(axis=1) > NEAR) & (((side < ahead * half + 1.0).any(axis=1)) | crosses)
    big = scene.top * (2 * focal * height) > 0.7 * np.maximum(ahead.min(axis=1), 1.0)
    big[watched.start : watched.stop] = True
    x, y = scene.place[:, 0], np.abs(scene.place[:, 1])
    seen = (x > 1.5) & (y - scene.size[:, 0] * 0.5 < x * half) & (scene.size[:, 1] * (2 * focal * height) > 1.5 * x)
    return np.flatnonzero(inside & big), np.flatnonzero(seen)


def _project(
    scene: Assembly, camera: Camera, meshes: np.ndarray, height: int, width: int, watched: range
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Polygons that face the camera inside the frame: indices [n], fixed-point corners int32 [n SIDES 1 2], and the same in frame
    fractions [n SIDES 2]."""
    alive = np.zeros(len(scene.footprint), bool)
    alive[meshes] = True
    index = np.flatnonzero(alive[scene.owner])
    eye = np.array([0, 0, camera.height], np.float32)
    facing = ((scene.mesh.vertices[index, 0] - eye) * scene.normal[index]).sum(axis=1) < -1e-5
    index = index[facing]
    axes = camera.axes().astype(np.float32)
    view = (scene.mesh.vertices[index] - eye) @ axes.T
    ahead = view[..., 2] > NEAR
    some, every = ahead.any(axis=1), ahead.all(axis=1)
    scale = np.array([camera.focal, 2 * camera.focal], np.float32)
    flat = view[..., :2] / np.maximum(view[..., 2:], NEAR) * scale + np.float32(0.5)
    for i in np.flatnonzero(some & ~every):
        clipped = clip_near(view[i])
        hull = cv2.convexHull((clipped[:, :2] / clipped[:, 2:] * scale + 0.5).astype(np.float32))[:, 0]
        flat[i] = np.concatenate([hull, np.repeat(hull[-1:], max(SIDES - len(hull), 0), axis=0)])[:SIDES]
    low, high = flat.min(axis=1), flat.max(axis=1)
    on = some & (high > 0).all(axis=1) & (low < 1).all(axis=1)
    size = (high - low) * np.array([width, height], np.float32)
    is_watched = (scene.owner[index] >= watched.start) & (scene.owner[index] < watched.stop)
    on &= (size.max(axis=1) > 0.6) | is_watched
    index, flat = index[on], flat[on]
    pixels = np.clip(flat * np.array([width, height], np.float32) - np.float32(0.5), -20000, 20000)
    points = np.round(pixels * (1 << SHIFT)).astype(np.int32)[:, :, None]
    return index, points, flat


def _bounds_in_frame(flat: np.ndarray) -> np.ndarray:
    """Box [4] around the parts of polygons [n k 2] (frame fractions) that lie in the frame; empty (zeros) if none does."""
    low, high = flat.min(axis=(0, 1)), flat.max(axis=(0, 1))
    if (low >= 0).all() and (high <= 1).all():
        return np.concatenate([low, high])
    parts = shapely.clip_by_rect(shapely.polygons(flat.astype(np.float64)), 0.0, 0.0, 1.0, 1.0)
    whole = shapely.total_bounds(parts)
    return np.zeros(4) if np.isnan(whole).any() else whole


def _spots(scene: Assembly, sprites: np.ndarray, camera: Camera, height: int, width: int) -> np.ndarray:
    """Middle x, top, bottom and width in pixels of upright sprites that face the camera [n 4]."""
    foot = scene.place[sprites].astype(np.float64)
    head = foot + np.stack([np.zeros(len(foot)), np.zeros(len(foot)), scene.size[sprites, 1]], axis=1)
    low, depth = camera.project(foot)
    high, _ = camera.project(head)
    across = camera.focal * scene.size[sprites, 0] / np.maximum(depth, 0.5) * width
    return np.stack([low[:, 0] * width, high[:, 1] * height, low[:, 1] * height, across], axis=1)


def _paste(scene: Assembly, k: int, spot: np.ndarray, ids: np.ndarray, texture: np.ndarray, number: int) -> None:
    """Warps one sprite into the buffers."""
    height, width = ids.shape
    x, y0, y1, across = spot.tolist()
    left, right = max(int(x - across / 2), 0), min(int(x + across / 2) + 1, width)
    top, bottom = max(int(y0), 0), min(int(y1) + 1, height)
    if left >= right or top >= bottom:
        return
    picture = sprite_level(int(scene.look[k]), y1 - y0)
    rows, columns = picture.shape[:2]
    sx, sy = columns / across, rows / max(y1 - y0, 1e-3)
    if scene.mirror[k]:
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
