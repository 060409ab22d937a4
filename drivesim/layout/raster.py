"""One moment into layout maps: ground by pixel, then patches, solids and vehicles painted over it, far to near."""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np

from drivesim.layout.faces import CORNERS, Faces
from drivesim.layout.ground import Ground, ground_of
from drivesim.layout.maps import LayoutMaps
from drivesim.layout.order import painter_order
from drivesim.layout.scene_at import SceneAt, Vehicles
from drivesim.layout.solid_faces import PICTURE_COUNT, PICTURE_START, PICTURES
from drivesim.layout.vehicles.bodies import vehicle_faces, vehicle_footprints
from drivesim.scene.camera import NEAR, Camera, clip_near
from drivesim.scene.classes import SceneClass
from drivesim.scene.geometry import pixel_centres

_SHIFT = 4  # fractional bits of corners
_FINE = 256  # frames of at most this height are painted at twice their size: what covers a pixel's centre counts
_SMALL, _SMALL_OUTLINE = 0.7, 1.5  # pixels; what is smaller is left out
_EDGE_ON = 0.4  # pixels; faces lower than this are level ones seen from the side
_BAND = 32768  # pixels
_TRUNK = 20  # pixels; lower trees have no trunk
_FAR_BODY = 14  # pixels; vehicles lower than this have simple bodies


def layout_maps(scene: SceneAt, height: int, width: int) -> LayoutMaps:
    """The maps of one moment at [height width] (1:2)."""
    return _resolved(scene, _painted(scene, _drawn(scene, height, width), height, width), None, height, width)[0]


def layout_maps_and_empty(scene: SceneAt, height: int, width: int) -> tuple[LayoutMaps, LayoutMaps]:
    """The maps of one moment, and those that it has without its vehicles, for less than twice the work."""
    drawn = _drawn(scene, height, width)
    painted = _painted(scene, drawn, height, width)
    if not (drawn.vehicle >= 0).any():
        return (_resolved(scene, painted, None, height, width)[0],) * 2
    still = _still(drawn)
    empty_ids = _filled(drawn.points.take(still, axis=2), still + 1, height, width)
    return _resolved(scene, painted, empty_ids, height, width)


def pixel_counts(scene: SceneAt, height: int, width: int) -> tuple[np.ndarray, np.ndarray]:
    """Pixels that show each of the scene's vehicles, and pixels that would if nothing else were there, int64 [n] each."""
    drawn = _drawn(scene, height, width)
    fine = _fineness(height)
    ids = _filled(drawn.points, np.arange(1, len(drawn.vehicle) + 1), height, width)[::fine, ::fine]
    faces = np.bincount(ids.ravel(), minlength=len(drawn.vehicle) + 1)[1:]
    seen, whole = np.zeros((2, len(scene.vehicles)), np.int64)
    moving = drawn.vehicle >= 0
    np.add.at(seen, drawn.vehicle[moving], faces[moving])
    for row in np.unique(drawn.vehicle[moving]).tolist():
        whole[row] = _covered(drawn.points[:, :, drawn.vehicle == row], height, width)
    return seen, whole


def _covered(points: np.ndarray, height: int, width: int) -> int:
    """Pixels that faces cover together; only the part of the frame that they reach is painted."""
    fine = _fineness(height)
    margin = 2 * fine
    low, high = points.min(axis=(1, 2)) >> _SHIFT, points.max(axis=(1, 2)) >> _SHIFT
    first = np.maximum(low // fine * fine - margin, 0)
    across, down = np.maximum(np.minimum(high + margin, (width * fine, height * fine)) - first, 0).tolist()
    part = np.zeros((down, across), np.uint8)
    if part.size:
        _fill(part, points - (first << _SHIFT)[:, None, None].astype(np.int32), np.ones(points.shape[2], np.int64))
    return int(np.count_nonzero(part[::fine, ::fine]))


@dataclass(frozen=True, eq=False)
class _Drawn:
    """q faces in the order in which they are painted: corners in fixed point, int32 [2 CORNERS q]; `vehicle` int64 [q], the row of
    a face's vehicle, -1 elsewhere; `turn` int64 and `reach` float32 [q], by which they are ordered; `seen`, `footprints` as of
    _solids_in_view."""

    faces: Faces
    points: np.ndarray
    vehicle: np.ndarray
    turn: np.ndarray
    reach: np.ndarray
    seen: np.ndarray
    footprints: np.ndarray


@dataclass(frozen=True, eq=False)
class _Painted:
    """What covers each pixel's centre: `ids` whole numbers [h w], 0 the ground or sky, else 1 + index of a face.

    By id: `table` uint64 [p + 1], eight bytes of class, marking, kind, face, paint (3) and nothing; track int32 [p + 1]; plane
    float32 [5 p + 1], the inverse depth of a face's plane by right, down and 1 of a ray, its least and its most. `lamps` uint8
    [h w] are shining lamps, or None where none shines.
    """

    ids: np.ndarray
    table: np.ndarray
    track: np.ndarray
    plane: np.ndarray
    lamps: np.ndarray | None


def _drawn(scene: SceneAt, height: int, width: int) -> _Drawn:
    solids, vehicles, count = scene.solids, scene.vehicles, len(scene.solids)
    eye = np.array([0.0, 0.0, scene.camera.height])
    seen, footprints = _solids_in_view(scene, height)
    order = painter_order(np.concatenate([footprints, vehicle_footprints(vehicles)], axis=2))
    rank = np.zeros(count + len(vehicles), np.int64)
    rank[np.concatenate([seen, count + np.arange(len(vehicles))])[order]] = np.arange(len(order))
    bodies = vehicle_faces(vehicles, eye, _FAR_BODY / (2 * scene.camera.focal * height)).moved(scene.camera.axes(), eye)
    bodies = replace(bodies, owner=bodies.owner + count)
    patches = solids.ground.moved(*_camera_frame(scene))
    pictures = _pictures(scene, seen[solids.is_outline[seen]], height)
    faces = Faces.joined([patches, _standing(scene, seen), pictures, bodies])
    kept, points = _projected(faces, scene.camera, height, width)
    # patches in their own order, then objects by rank, faces of one object from far to near
    reach = (faces.corners**2).sum(axis=0).max(axis=0).take(kept)
    on_ground = kept < len(patches)
    turn = kept - len(patches)
    turn[~on_ground] = rank.take(faces.owner.take(kept[~on_ground]))
    sequence = np.lexsort((-reach, turn))
    points, on_ground, faces = points.take(sequence, axis=2), on_ground[sequence], faces.take(kept[sequence])
    vehicle = np.where((faces.owner >= count) & ~on_ground, faces.owner - count, -1)
    return _Drawn(faces, points, vehicle, turn[sequence], reach[sequence], seen, footprints)


def _still(drawn: _Drawn) -> np.ndarray:
    """Indices of the faces that are no vehicle's, in the order in which they are painted where there is no vehicle."""
    still = np.flatnonzero(drawn.vehicle < 0)
    rank = np.zeros(drawn.seen.max(initial=0) + 1, np.int64)
    rank[drawn.seen[painter_order(drawn.footprints)]] = np.arange(len(drawn.seen))
    turn = drawn.turn.take(still)  # patches of ground are below 0
    stands = turn >= 0
    turn[stands] = rank.take(drawn.faces.owner.take(still[stands]))
    return still[np.lexsort((-drawn.reach.take(still), turn))]


def _painted(scene: SceneAt, drawn: _Drawn, height: int, width: int) -> _Painted:
    faces, fine = drawn.faces, _fineness(height)
    ids = _filled(drawn.points, np.arange(1, len(faces) + 1), height, width)
    lit = np.flatnonzero(faces.lamp)
    lamps = _shining(ids, drawn.points.take(lit, axis=2), faces.lamp, fine) if len(lit) else None
    inverse = 1 / np.maximum(faces.corners[2], np.float32(NEAR))
    plane = np.zeros((5, len(faces) + 1), np.float32)
    plane[:, 1:] = [*(faces.normal / faces.offset), inverse.min(axis=0), inverse.max(axis=0)]
    return _Painted(ids[::fine, ::fine], *_looks(faces, drawn.vehicle, scene.vehicles), plane, lamps)


def _looks(faces: Faces, vehicle: np.ndarray, vehicles: Vehicles) -> tuple[np.ndarray, np.ndarray]:
    """Tables of _Painted; `vehicle` int64 [p] is the row of a face's vehicle, -1 elsewhere."""
    table = np.zeros((len(faces) + 1, 8), np.uint8)
    table[0, 0] = SceneClass.SKY
    table[1:, 0] = faces.what
    table[1:, 1] = 255 * ((faces.what == SceneClass.WHITE_MARKING) | (faces.what == SceneClass.YELLOW_MARKING))
    track = np.full(len(faces) + 1, -1, np.int32)
    moving = np.flatnonzero(vehicle >= 0)
    row = vehicle[moving]
    track[moving + 1] = vehicles.track[row]
    table[moving + 1, 2] = vehicles.kind[row] + 1
    table[moving + 1, 3] = faces.face[moving]
    table[moving + 1, 4:7] = np.round(vehicles.paint * 255)[row]
    return table.view(np.uint64)[:, 0], track


def _solids_in_view(scene: SceneAt, height: int) -> tuple[np.ndarray, np.ndarray]:
    """Rows of the solids that can cover a pixel, and their footprints in the ego frame [2 4 m]."""
    solids, focal, half = scene.solids, scene.camera.focal, 0.5 / scene.camera.focal
    x, y = prints = np.stack(scene.pose.inverse().to_outer(*solids.footprint))
    side = np.abs(y) - np.where(solids.is_outline, solids.size[:, 0], 0.0)
    crosses = (y.min(axis=0) < 0) & (y.max(axis=0) > 0)
    nearest = x.min(axis=0)
    inside = (x.max(axis=0) > NEAR) & ((side < x * half + 1.0).any(axis=0) | crosses)
    least = np.where(solids.is_outline, _SMALL_OUTLINE, _SMALL) / (2 * focal * height)
    tall = solids.size[:, 2] > least * np.maximum(nearest, 1.0)
    seen = np.flatnonzero(inside & tall & ~(solids.is_outline & (nearest < 1.0)))
    return seen, prints.take(seen, axis=2)


def _camera_frame(scene: SceneAt) -> tuple[np.ndarray, np.ndarray]:
    """Turn [3 3] and origin [3] of the camera in the plane frame."""
    c, n = np.cos(scene.pose.yaw), np.sin(scene.pose.yaw)
    to_ego = np.array([[c, n, 0], [-n, c, 0], [0, 0, 1]])
    return scene.camera.axes() @ to_ego, np.array([scene.pose.x, scene.pose.y, scene.camera.height])


def _standing(scene: SceneAt, seen: np.ndarray) -> Faces:
    """Faces of the solids `seen` that look at the camera, in camera coordinates."""
    solids = scene.solids
    alive = np.zeros(len(solids), bool)
    alive[seen] = True
    turn, eye = _camera_frame(scene)
    toward = eye @ solids.faces.normal > solids.offset + 1e-4
    kept = np.flatnonzero(toward & alive.take(solids.faces.owner))
    return solids.faces.take(kept).moved(turn, eye)


def _pictures(scene: SceneAt, rows: np.ndarray, height: int) -> Faces:
    """Outlines that face the camera, in camera coordinates."""
    solids = scene.solids
    first, count = PICTURE_START[solids.shape[rows]], PICTURE_COUNT[solids.shape[rows]]
    size = solids.size[rows]
    turn, origin = _camera_frame(scene)
    foot = turn @ (solids.place[rows] - origin).T
    count = np.where(size[:, 2] * (2 * scene.camera.focal * height) < _TRUNK * foot[2], 1, count)
    part = np.repeat(np.arange(len(rows)), count)
    index = np.arange(len(part)) - np.repeat(np.cumsum(count) - count - first, count)
    (across, up), (x, y, deep) = PICTURES.take(index, axis=2), foot.take(part, axis=1)
    across = x + across * size[:, 0].take(part)
    down = y - up * size[:, 2].take(part)
    corners = np.stack([across, down, np.broadcast_to(deep, down.shape)]).astype(np.float32)
    owner, zeros = rows.take(part), np.zeros(len(part), np.uint8)
    toward = np.repeat(np.array([[0.0], [0.0], [-1.0]], np.float32), len(part), axis=1)
    return Faces(corners, toward, owner, solids.what.take(owner), zeros, zeros)


def _projected(faces: Faces, camera: Camera, height: int, width: int) -> tuple[np.ndarray, np.ndarray]:
    """Indices [q] of the faces that lie in the frame, and their corners in fixed point, int32 [2 CORNERS q].

    `faces` are in camera coordinates. Pinhole.project in float32 with one reciprocal a corner: faces are thousands.
    """
    x, y, deep = faces.corners
    ahead = deep > NEAR
    kept = np.flatnonzero(ahead.any(axis=0) & (np.abs(faces.offset) > 1e-6))
    inverse = 1 / np.maximum(deep.take(kept, axis=1), np.float32(NEAR))
    scale = np.array([camera.focal, 2 * camera.focal], np.float32)
    flat = np.stack([x.take(kept, axis=1), y.take(kept, axis=1)]) * inverse * scale[:, None, None] + np.float32(0.5)
    for column in np.flatnonzero(~ahead.take(kept, axis=1).all(axis=0)):
        clipped = clip_near(faces.corners[:, :, kept[column]].T)
        hull = cv2.convexHull((clipped[:, :2] / clipped[:, 2:] * scale + 0.5).astype(np.float32))[:, 0][:CORNERS]
        flat[:, :, column] = np.concatenate([hull, np.repeat(hull[-1:], CORNERS - len(hull), axis=0)]).T
    low, high = flat.min(axis=1), flat.max(axis=1)
    across, tall = (high - low) * np.array([[width], [height]])
    large = (np.maximum(across, tall) > _SMALL) & (tall > _EDGE_ON)
    on = np.flatnonzero((high > 0).all(axis=0) & (low < 1).all(axis=0) & (large | (faces.lamp.take(kept) > 0)))
    size_in_samples = np.array([width, height], np.float32)[:, None, None]
    samples = (flat.take(on, axis=2) * size_in_samples - np.float32(0.5)) * np.float32(_fineness(height) << _SHIFT)
    return kept[on], np.round(np.clip(samples, -300000, 300000)).astype(np.int32)


def _fineness(height: int) -> int:
    return 2 if height <= _FINE else 1


def _filled(points: np.ndarray, numbers: np.ndarray, height: int, width: int) -> np.ndarray:
    """Faces [2 CORNERS q] painted one over the other, each in its number [q], at _fineness times [height width]."""
    fine = _fineness(height)
    small = numbers.max(initial=0) <= np.iinfo(np.uint16).max
    ids = np.zeros((height * fine, width * fine), np.uint16 if small else np.int32)
    _fill(ids, points, numbers)
    return ids


def _shining(ids: np.ndarray, points: np.ndarray, lamp: np.ndarray, fine: int) -> np.ndarray:
    """Lamps in any part of each pixel [h w], looked for where the `points` of the faces that shine are."""
    lamps = np.zeros((ids.shape[0] // fine, ids.shape[1] // fine), np.uint8)
    first = np.maximum((points.min(axis=(1, 2)) >> _SHIFT) // fine - 1, 0)
    last = (points.max(axis=(1, 2)) >> _SHIFT) // fine + 2
    (left, top), (right, bottom) = first.tolist(), np.maximum(last, first).tolist()
    near = ids[top * fine : bottom * fine, left * fine : right * fine]
    shining = np.concatenate([np.zeros(1, np.uint8), lamp]).take(near)
    for i, j in np.ndindex(fine, fine):
        part = lamps[top:bottom, left:right]
        np.maximum(part, shining[i::fine, j::fine], out=part)
    return lamps


def _fill(canvas: np.ndarray, points: np.ndarray, numbers: np.ndarray) -> None:
    """Paints faces [2 CORNERS q] one over the other, each in its number [q] (in place)."""
    fill = cv2.fillConvexPoly
    # a face's last corner is repeated: its distinct ones are drawn
    repeated = (points[:, :-1] == points[:, -1:]).all(axis=0)[::-1].cumprod(axis=0).sum(axis=0)
    shapes = np.ascontiguousarray(points.transpose(2, 1, 0))[:, :, None]
    for number, corners, count in zip(numbers.tolist(), shapes, (CORNERS - repeated).tolist(), strict=True):
        fill(canvas, corners if count == CORNERS else corners[:count], number, cv2.LINE_8, _SHIFT)


def _resolved(
    scene: SceneAt, painted: _Painted, empty_ids: np.ndarray | None, height: int, width: int
) -> tuple[LayoutMaps, LayoutMaps]:
    """Maps of what covers each pixel, and of what does where there is no vehicle (the same maps if `empty_ids` is None)."""
    maps = LayoutMaps.empty(height, width)
    empty, fine = maps if empty_ids is None else LayoutMaps.empty(height, width), _fineness(height)
    step = max(_BAND // width, 1)
    for first in range(0, height, step):  # in bands that stay in the processor's cache
        rows = slice(first, min(first + step, height))
        ground = ground_of(scene.camera, scene.course, scene.along, scene.strips, rows, maps.size)
        ids = np.ascontiguousarray(painted.ids[rows])
        _look_up(painted, scene.camera, ids, ground, rows, maps)
        _look_up_vehicles(painted, ids, rows, maps)
        if empty_ids is not None:
            others = np.ascontiguousarray(empty_ids[rows.start * fine : rows.stop * fine : fine, ::fine])
            different = np.flatnonzero((ids != others).any(axis=1))
            first, last = (int(different[0]), int(different[-1]) + 1) if len(different) else (0, 0)
            for part in (slice(rows.start, rows.start + first), slice(rows.start + last, rows.stop)):
                for name in ("scene_class", "marking", "inverse_depth"):
                    getattr(empty, name)[part] = getattr(maps, name)[part]
            _look_up(painted, scene.camera, others[first:last], ground, slice(rows.start + first, rows.start + last), empty)
    return maps, empty


def _look_up(painted: _Painted, camera: Camera, ids: np.ndarray, ground: Ground, rows: slice, maps: LayoutMaps) -> None:
    """Writes class, marking and inverse depth of what covers each pixel of some rows, of the sky so far, ids [r w]."""
    shown = np.flatnonzero(ids.any(axis=1))
    if len(shown):
        part = slice(rows.start + int(shown[0]), rows.start + int(shown[-1]) + 1)
        index = ids[shown[0] : shown[-1] + 1].astype(np.intp)
        by_byte = painted.table.view(np.uint8).reshape(-1, 8)
        for plane, column in ((maps.scene_class, 0), (maps.marking, 1)):
            plane[part] = by_byte[:, column].take(index)
        maps.inverse_depth[part] = _inverse_depth(painted, camera, index, part, maps.size)
    first = max(rows.start, ground.top)
    if first < rows.stop:
        below, given = slice(first, rows.stop), slice(first - ground.top, rows.stop - ground.top)
        bare = ids[first - rows.start :] == 0
        np.copyto(maps.inverse_depth[below], ground.inverse_depth[given, None], where=bare)
        np.copyto(maps.scene_class[below], ground.scene_class[given], where=bare)
        np.copyto(maps.marking[below], ground.marking[given], where=bare)


def _look_up_vehicles(painted: _Painted, ids: np.ndarray, rows: slice, maps: LayoutMaps) -> None:
    """Writes what only vehicles have, in the part of some rows that shows them, ids [r w]."""
    moving = (painted.track >= 0).take(ids)
    down, across = np.flatnonzero(moving.any(axis=1)), np.flatnonzero(moving.any(axis=0))
    if not len(down):
        return
    part = slice(rows.start + int(down[0]), rows.start + int(down[-1]) + 1), slice(int(across[0]), int(across[-1]) + 1)
    index = ids[down[0] : down[-1] + 1, part[1]].astype(np.intp)
    maps.track[part] = painted.track.take(index)
    looked_up = painted.table.take(index).view(np.uint8).reshape(*index.shape, 8)
    maps.kind[part], maps.face[part] = looked_up[..., 2], looked_up[..., 3]
    for colour in range(3):  # numpy copies three bytes at a time far slower
        maps.paint[(*part, colour)] = looked_up[..., 4 + colour]
    if painted.lamps is not None:
        np.multiply(painted.lamps[part], maps.kind[part] > 0, out=maps.lamp[part])


def _inverse_depth(
    painted: _Painted, camera: Camera, ids: np.ndarray, rows: slice, size: tuple[int, int]
) -> np.ndarray:
    """Inverse depth [r w] of the faces seen, 0 elsewhere: linear in the frame on a plane."""
    height, width = size
    u, v = pixel_centres(height, width, ids)
    right, down = (offset.astype(np.float32) for offset in camera.pinhole.offsets(u, v[rows]))
    by_right, by_down, level, least, most = (values.take(ids) for values in painted.plane)
    by_right *= right
    by_down *= down
    by_right += by_down
    by_right += level
    return np.minimum(np.maximum(by_right, least, out=by_right), most, out=by_right)
