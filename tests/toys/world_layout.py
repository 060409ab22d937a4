"""The layout of what the world renders, read off its own tables: what layout maps are compared with its pictures by."""

from __future__ import annotations

import numpy as np

from drivesim.layout.course import Course
from drivesim.layout.scene_at import SceneAt, Vehicles
from drivesim.layout.solids import Shape, Solids
from drivesim.layout.strips import D_FROM, D_STEP, Strips
from drivesim.scene.classes import SceneClass
from drivesim.scene.geometry import Pose
from drivesim.scene.vehicles import KINDS, SIZES
from drivesim.traffic.lamps import lamps
from drivesim.traffic.paint import paints
from drivesim.world.generator import World
from drivesim.world.render.mesh import MATERIALS
from drivesim.world.roadside.sprites import NAMES

_FOLIAGE, _SIGN, _FACADE, _ROOF = (MATERIALS.index(name) for name in ("foliage", "sign", "facade", "roof"))
Row = tuple[Shape, SceneClass, tuple[float, float, float], float, tuple[float, float, float]]


def scene_of(world: World, moment) -> SceneAt:
    """The layout's scene of a moment of a world."""
    stage = world.surroundings
    s = np.arange(-40.0, 702.0, 2.0)
    points = np.stack(stage.alignment.centre(moment.s + s), axis=1)
    pose = Pose(*map(np.asarray, moment.pose))
    course = Course(points).seen_from(pose)
    return SceneAt(
        pose,
        moment.camera,
        course,
        moment.s,
        strips_of(world),
        solids_of(world, moment.s),
        vehicles_of(world, moment),
    )


def vehicles_of(world: World, moment) -> Vehicles:
    sizes = np.array([SIZES[kind] for kind in KINDS])[moment.kind]
    cuboid = np.concatenate([moment.place, sizes[:, 2:] / 2, sizes, moment.yaw[:, None]], axis=1)
    night = world.time_of_day == "night"
    none = np.zeros(len(moment.track), np.int64)
    lit = lamps(moment.track, moment.braking, none, moment.parked, night, moment.time)
    return Vehicles(moment.track, moment.kind, cuboid, paints(world.seed, moment.kind, moment.track), lit.bits)


def strips_of(world: World) -> Strips:
    profile = world.surroundings.surface.profile
    rows: list[tuple[float, float, SceneClass, bool]] = []
    for table, channel, what, dashed in (
        (profile.zones, 0, SceneClass.ROAD, False), (profile.lines, 2, SceneClass.KERB_OR_RAIL, False),
        (profile.marks, 0, SceneClass.WHITE_MARKING, False), (profile.marks, 1, SceneClass.WHITE_MARKING, True),
        (profile.marks, 2, SceneClass.YELLOW_MARKING, False), (profile.marks, 3, SceneClass.YELLOW_MARKING, True),
    ):  # fmt: skip
        on = np.concatenate([[0], (table[0, :, channel] > 0.5).astype(int), [0]])
        for start, end in zip(np.flatnonzero(np.diff(on) > 0), np.flatnonzero(np.diff(on) < 0), strict=True):
            rows.append((D_FROM + start * D_STEP, D_FROM + end * D_STEP, what, dashed))
    return Strips.of(rows, profile.dash, profile.period)


def solids_of(world: World, s: float) -> Solids:
    stage = world.surroundings
    geometry = stage.scenery.around(s).geometry
    rows: list[Row] = []
    for thing in range(len(geometry.footprint)):
        first, last = np.searchsorted(geometry.owner, [thing, thing + 1])
        rows += _object(
            geometry.mesh.vertices[first:last], geometry.mesh.material[first:last], geometry.footprint[thing]
        )
    for place, size, look in zip(geometry.place, geometry.size, geometry.species, strict=True):
        name = NAMES[look]
        shape = (
            Shape.CONE
            if name in ("pine", "fir")
            else Shape.MOUND
            if name in ("bush", "bush2", "hedge", "wood", "grass")
            else Shape.CROWN
        )
        rows.append((shape, SceneClass.VEGETATION, tuple(place), 0.0, (size[0], size[0], size[1])))
    patches, what = _junctions(world, s)
    if not rows:
        return Solids.none()
    shape, kind, place, yaw, size = zip(*rows, strict=True)
    return Solids(np.array(shape, np.int64), np.array(kind, np.uint8), np.array(place, float), np.array(yaw, float),
                  np.array(size, float), np.array(patches, float).reshape(-1, 4, 2), np.array(what, np.uint8))  # fmt: skip


def _rect(footprint: np.ndarray) -> tuple[np.ndarray, float, float, float]:
    """Middle, yaw, length and width of a rectangle [4 2]."""
    along, across = footprint[1] - footprint[0], footprint[3] - footprint[0]
    return (
        footprint.mean(axis=0),
        float(np.arctan2(along[1], along[0])),
        float(np.hypot(*along)),
        float(np.hypot(*across)),
    )


def _object(vertices: np.ndarray, material: np.ndarray, footprint: np.ndarray) -> list[Row]:
    low, top = float(vertices[..., 2].min()), float(vertices[..., 2].max())
    (x, y), yaw, length, width = _rect(footprint)
    if (material == _FOLIAGE).all():
        corners = vertices[:, :4].reshape(-1, 3)
        foot, head = corners[corners[:, 2] <= 1e-3][:, :2].mean(axis=0), corners[corners[:, 2] > 1e-3]
        up = head[:, :2].mean(axis=0) - foot if len(head) else np.array([0.0, 1.0])
        return [
            (
                Shape.BANK,
                SceneClass.GROUND,
                (x, y, 0.0),
                float(np.arctan2(up[1], up[0])) - np.pi / 2,
                (10.2, 14.0, max(float(head[:, 2].mean()), 0.05)),
            )
        ]
    if (material == _SIGN).any():
        panel = vertices[material == _SIGN].reshape(-1, 3)
        span = float(np.hypot(*np.ptp(panel[:, :2], axis=0)))
        middle = panel.mean(axis=0)
        turn = float(np.arctan2(*(panel[1, :2] - panel[0, :2])[::-1]))
        rows: list[Row] = [
            (
                Shape.BOX,
                SceneClass.POLE_OR_SIGN,
                (middle[0], middle[1], panel[:, 2].min()),
                turn,
                (span, 0.06, float(np.ptp(panel[:, 2]))),
            )
        ]
        if low < 0.1:
            rows.append(
                (
                    Shape.POST,
                    SceneClass.POLE_OR_SIGN,
                    (middle[0], middle[1], 0.0),
                    0.0,
                    (0.12, 0.12, float(panel[:, 2].min())),
                )
            )
        return rows
    if (material == _FACADE).any():
        shape = Shape.GABLE if low < 0.1 and np.ptp(vertices[material == _ROOF][..., 2]) > 0.5 else Shape.BOX
        return [(shape, SceneClass.BUILDING, (x, y, 0.0), yaw, (length, width, top))]
    if max(length, width) < 0.7 and top > 1.6:
        return [(Shape.POST, SceneClass.POLE_OR_SIGN, (x, y, low), 0.0, (max(length, width), 0.1, top - low))]
    if top > 5.0 and low < 0.1:  # lamp, signal, power pole: a post at the foot and an arm
        foot = vertices.reshape(-1, 3)
        foot = foot[foot[:, 2] < 0.05][:, :2]
        middle = foot.mean(axis=0)
        wide = float(np.ptp(foot, axis=0).max())
        return [
            (Shape.POST, SceneClass.POLE_OR_SIGN, (middle[0], middle[1], 0.0), 0.0, (wide, wide, top)),
            (Shape.BOX, SceneClass.POLE_OR_SIGN, (x, y, top - 0.4), yaw, (max(length, 0.1), max(width, 0.1), 0.2)),
        ]
    if low > 1.0:
        if min(length, width) < 0.06:
            return []  # wires
        what = SceneClass.BUILDING if max(length, width) > 20 and top - low > 1.5 else SceneClass.POLE_OR_SIGN
        return [(Shape.BOX, what, (x, y, low), yaw, (length, max(width, 0.05), top - low))]
    what = SceneClass.BUILDING if top > 2.0 else SceneClass.KERB_OR_RAIL
    return [(Shape.BOX, what, (x, y, low), yaw, (length, width, top - low))]


def _junctions(world: World, s: float) -> tuple[list[np.ndarray], list[int]]:
    stage = world.surroundings
    patches, what = [], []

    def patch(s0: float, s1: float, d0: float, d1: float, kind: SceneClass) -> None:
        x, y, _ = stage.alignment.to_world(np.array([s0, s1, s1, s0]), np.array([d0, d0, d1, d1]))
        patches.append(np.stack([x, y], axis=1))
        what.append(int(kind))

    layout = stage.layout
    for place, half, signals in stage.scenery.junctions(s - 30, s + 400):
        for d in (-60.0, -20.0, 20.0):
            patch(place - half, place + half, d, d + 40.0, SceneClass.ROAD)
        if signals:
            for sign in (-1, 1):
                patch(
                    *sorted((place + sign * (half + 0.9), place + sign * (half + 3.7))),
                    layout.edge_right,
                    layout.edge_left,
                    SceneClass.ROAD,
                )
                for k in range(int(np.ceil(layout.edge_right / 1.2 - 0.75)), int(layout.edge_left / 1.2 - 0.25)):
                    patch(
                        *sorted((place + sign * (half + 0.9), place + sign * (half + 3.7))),
                        (k + 0.25) * 1.2,
                        (k + 0.75) * 1.2,
                        SceneClass.WHITE_MARKING,
                    )
                patch(
                    *sorted((place + sign * (half + 4.6), place + sign * (half + 5.1))),
                    layout.edge_right,
                    layout.edge_left,
                    SceneClass.WHITE_MARKING,
                )
    return patches, what
