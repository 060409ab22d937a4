"""What the world's renderer sees, pixel by pixel: class, track and depth."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from drivesim.scene.classes import SceneClass
from drivesim.world.generator import SUPERSAMPLING, World
from drivesim.world.ground.albedo import ground_albedo
from drivesim.world.ground.pavement import D_FROM, D_STEP, KERB, PAVED
from drivesim.world.ground.view import JUNCTION, ground_view, look_up_along, table_along
from drivesim.world.render.geometry import merged
from drivesim.world.render.mesh import MATERIALS
from drivesim.world.render.renderer import horizon_row, render

_FOLIAGE, _SIGN, _FACADE = (MATERIALS.index(name) for name in ("foliage", "sign", "facade"))


def truth_of(world: World, moment, height: int, width: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, object]:
    """Class uint8, track int32 (-1 none), depth float32 [h w] of a moment, and the renderer's own result."""
    rendered = render(world.surroundings, moment, height, width, SUPERSAMPLING)
    seen = rendered.visibility
    ids = seen.ids[1::2, 1::2]
    scene_class = _ground_class(world, moment, height, width)
    geometry = merged([moment.vehicles, world.surroundings.scenery.around(moment.s).geometry.turned(moment.pose)])
    count = len(moment.track)
    owner = geometry.owner[seen.polygons]
    table = np.array([_class_of(geometry, thing, count) for thing in range(len(geometry.footprint))], np.uint8)
    classes = np.concatenate([[0], table[owner], np.full(len(seen.sprites), SceneClass.VEGETATION)]).astype(np.uint8)
    tracks = np.concatenate(
        [
            [-1],
            np.where(owner < count, moment.track[np.minimum(owner, count - 1)] if count else -1, -1),
            np.full(len(seen.sprites), -1),
        ]
    )
    scene_class = np.where(ids > 0, classes[ids], scene_class)
    return scene_class.astype(np.uint8), tracks[ids].astype(np.int32), rendered.depth, rendered


def _class_of(geometry, thing: int, count: int) -> int:
    if thing < count:
        return SceneClass.VEHICLE
    first, last = np.searchsorted(geometry.owner, [thing, thing + 1])
    material, vertices = geometry.mesh.material[first:last], geometry.mesh.vertices[first:last]
    low, top = vertices[..., 2].min(), vertices[..., 2].max()
    if (material == _FOLIAGE).all():
        return SceneClass.GROUND
    if (material == _FACADE).any():
        return SceneClass.BUILDING
    spans = np.hypot(*(geometry.footprint[thing][[1, 3]] - geometry.footprint[thing][0]).T)
    if (material == _SIGN).any() or (low < 0.1 and top > 5) or (spans.max() < 0.7 and top > 1.6):
        return SceneClass.POLE_OR_SIGN
    if low > 1.0:
        return SceneClass.BUILDING if spans.max() > 20 and top - low > 1.5 else SceneClass.POLE_OR_SIGN
    return SceneClass.BUILDING if top > 2.0 else SceneClass.KERB_OR_RAIL


def _ground_class(world: World, moment, height: int, width: int) -> np.ndarray:
    """Class of ground and sky [h w]; a pixel is a marking where half of it is painted, wear left aside."""
    surroundings = world.surroundings
    top = horizon_row(moment, height)
    out = np.full((height, width), SceneClass.SKY, np.uint8)
    if top == height:
        return out
    view, _ = ground_view(surroundings, moment, top, height, width)
    along = table_along(surroundings, moment.s)
    surface = replace(surroundings.surface, wear=0.0)
    profile, shares = surface.profile, []
    for kinds in ([0, 1, 2, 3], [0, 1], [2, 3]):
        marks = np.zeros_like(profile.marks)
        marks[..., kinds] = profile.marks[..., kinds]
        painted = replace(surface, profile=replace(profile, marks=marks))
        shares.append(ground_albedo(painted, view, moment.s, along).paint)
    bins = np.clip((view.d - D_FROM) / D_STEP, 0, profile.zones.shape[1] - 1).astype(int)
    junction = look_up_along(along, view)[..., JUNCTION] > 0.5
    below = np.where((profile.zones[0, bins, PAVED] > 0.5) | junction, SceneClass.ROAD, SceneClass.GROUND)
    below = np.where((profile.lines[0, bins, KERB] > 0.5) & ~junction, SceneClass.KERB_OR_RAIL, below)
    colour = np.where(shares[2] > shares[1], SceneClass.YELLOW_MARKING, SceneClass.WHITE_MARKING)
    out[top:] = np.where(shares[0] >= 0.5, colour, below)
    return out
