"""One frame: visibility into an id buffer, then shading of all pixels by what they show."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from drivesim.scene.boxes import Boxes
from drivesim.scene.camera import Camera
from drivesim.scene.traffic import KINDS, SIZES
from drivesim.world.alignment import Alignment, locate
from drivesim.world.glare import Lights, pools, splat
from drivesim.world.ground import ALONG_STEP, BACK, REACH, GroundView, Surface, albedo
from drivesim.world.layout import Layout
from drivesim.world.lighting import Look, headlight_ground
from drivesim.world.materials import Samples, shade_polygons, shade_sprites
from drivesim.world.noise import smoothstep
from drivesim.world.raster import Assembly, Drawn, draw, merged
from drivesim.world.scenery import CELL, OUTLINE, Cell, Scenery, shadow_outline
from drivesim.world.shadows import contact_mask, sun_mask
from drivesim.world.sky import Backdrop
from drivesim.world.sky import radiance as sky_radiance

MIN_PIXELS = 6 / (256 * 512)  # share of the frame below which a vehicle is not labelled
SIZE_TABLE = np.array([SIZES[kind] for kind in KINDS])


@dataclass(frozen=True)
class Stage:
    """What does not change in a world."""

    alignment: Alignment
    layout: Layout
    look: Look
    surface: Surface
    backdrop: Backdrop
    scenery: Scenery


@dataclass(frozen=True)
class Moment:
    """The world at one time: pose of the ego (world x, y, heading), its s and d; vehicles, one object each, in the ego frame.

    track, kind int64 [n]; s, d, heading (rad from the road's direction), yaw (rad in the ego frame) [n]; place [n 2] in the
    ego frame; braking bool [n]; parked bool [n].
    """

    time: float
    pose: tuple[float, float, float]
    s: float
    camera: Camera
    vehicles: Assembly
    track: np.ndarray
    kind: np.ndarray
    vehicle_s: np.ndarray
    vehicle_d: np.ndarray
    heading: np.ndarray
    yaw: np.ndarray
    place: np.ndarray
    braking: np.ndarray
    parked: np.ndarray


@dataclass(frozen=True)
class Rendered:
    """radiance float32 [h w 3] linear; depth float32 [h w] along the axis (m), infinite for sky; labels of the vehicles."""

    radiance: np.ndarray
    depth: np.ndarray
    boxes: Boxes
    drawn: Drawn


def render(stage: Stage, moment: Moment, height: int, width: int, scale: int) -> Rendered:
    """Renders one moment at [height width].

    Ground and sky are filtered analytically, one sample a pixel; polygons and sprites are sampled `scale` times as finely.
    """
    camera, look = moment.camera, stage.look
    scenery = stage.scenery.around(moment.s)
    scene = merged([moment.vehicles, scenery.assembly.turned(moment.pose)])
    count = len(moment.track)
    drawn = draw(scene, camera, height * scale, width * scale, range(count))
    c, n = np.cos(moment.pose[2]), np.sin(moment.pose[2])
    sun = np.array([look.sun[0] * c + look.sun[1] * n, -look.sun[0] * n + look.sun[1] * c, look.sun[2]], np.float32)
    lamps = _near_lamps(scenery, moment)
    picture, depth = np.empty((height, width, 3), np.float32), np.full((height, width), np.inf, np.float32)
    horizon = int(np.clip(np.ceil(camera.horizon * height - 0.5 + 0.02 * height / 128), 0, height))
    if horizon:
        picture[:horizon] = _sky(stage, moment, height, width, horizon)
    light_left = np.ones(len(scene.footprint), np.float32)
    if horizon < height:
        sun_left, sky_left = _light_masks(stage, moment, scene, scenery, sun, height, width)
        picture[horizon:], depth[horizon:] = _ground(stage, moment, horizon, height, width, sun_left, sky_left, lamps)
        if sun_left is not None:
            light_left[:count] = _sampled(sun_left, moment, camera)
    front, far = _foreground(scene, drawn, camera, look, sun, lamps[:7], light_left, scale, stage.scenery.reach)
    picture = picture * (1 - front[..., 3:]) + front[..., :3]
    depth = np.where(far > 0, far, depth)
    if look.night:
        splat(picture, depth, camera, _lights(stage, moment, lamps))
    return Rendered(picture, depth, _boxes(moment, drawn, height * scale, width * scale), drawn)


def _foreground(
    scene: Assembly,
    drawn: Drawn,
    camera: Camera,
    look: Look,
    sun: np.ndarray,
    lamps: np.ndarray,
    light_left: np.ndarray,
    scale: int,
    reach: float,
) -> tuple[np.ndarray, np.ndarray]:
    """Radiance and coverage [h w 4] and depth [h w] (0 where there is none) of polygons and sprites.

    Pixels within one polygon are shaded once, all others once for each of their scale x scale samples.
    """
    height, width = drawn.ids.shape[0] // scale, drawn.ids.shape[1] // scale
    parts = [drawn.ids[i::scale, j::scale].ravel() for i in range(scale) for j in range(scale)]
    first, any_seen = parts[0], parts[0]
    plain = (first > 0) & (first <= len(drawn.polygons))
    for part in parts[1:]:
        plain &= part == first
        any_seen = any_seen | part
    mixed, inner = np.flatnonzero((any_seen > 0) & ~plain), np.flatnonzero(plain)
    fine = np.stack([part[mixed] for part in parts], axis=1)
    is_polygon, is_sprite = (fine > 0) & (fine <= len(drawn.polygons)), fine > len(drawn.polygons)
    middle = np.float32((np.arange(scale) + 0.5) / scale)
    x = (mixed % width)[:, None] + np.tile(middle, scale)
    y = (mixed // width)[:, None] + np.repeat(middle, scale)
    ids = np.concatenate([first[inner], fine[is_polygon]])
    across = np.concatenate([inner % width + 0.5, x[is_polygon]]).astype(np.float32) * np.float32(1 / width)
    down = np.concatenate([inner // width + 0.5, y[is_polygon]]).astype(np.float32) * np.float32(1 / height)
    pixel = 1 / (camera.focal * width)
    colours, distance = shade_polygons(
        scene, drawn, Samples(ids, across, down), camera, look, sun, lamps, light_left, pixel
    )
    colours = _hazed(colours, distance, look, reach)
    front, far = np.zeros((height * width, 4), np.float32), np.zeros(height * width, np.float32)
    front[inner], far[inner] = colours[: len(inner)], distance[: len(inner)]
    blend, deep = np.zeros((*fine.shape, 4), np.float32), np.zeros(fine.shape, np.float32)
    blend[is_polygon], deep[is_polygon] = colours[len(inner) :], distance[len(inner) :]
    column, row = (x[is_sprite] * scale).astype(int), (y[is_sprite] * scale).astype(int)
    spots = Samples(
        fine[is_sprite], (x[is_sprite] / width).astype(np.float32), (y[is_sprite] / height).astype(np.float32)
    )
    colours, distance = shade_sprites(scene, drawn, spots, drawn.texture[row, column], camera, look, sun, lamps)
    blend[is_sprite], deep[is_sprite] = _hazed(colours, distance, look, reach), distance
    front[mixed] = sum(blend[:, k] for k in range(scale * scale)) * np.float32(1 / scale**2)
    far[mixed] = deep[:, -1]
    return front.reshape(height, width, 4), far.reshape(height, width)


def _hazed(colours: np.ndarray, distance: np.ndarray, look: Look, reach: float) -> np.ndarray:
    """Radiance [n 3] seen through the haze, which swallows what is `reach` away, not brighter than the sensor holds, with coverage 1 [n 4]."""
    out = np.ones((len(colours), 4), np.float32)
    clear = np.exp(distance * np.float32(-look.haze))[:, None]
    clear *= 1 - smoothstep(0.7 * reach, reach, distance)[:, None]
    np.minimum(
        look.haze_colour + clear * (colours - look.haze_colour), np.float32(12.0 / look.exposure), out=out[:, :3]
    )
    return out


def _sky(stage: Stage, moment: Moment, height: int, width: int, rows: int) -> np.ndarray:
    camera = moment.camera
    pitch = np.radians(camera.pitch)
    x = ((np.arange(width) + 0.5) / width - 0.5) / camera.focal
    y = ((np.arange(rows) + 0.5) / height - 0.5) / (2 * camera.focal)
    forward, up = np.cos(pitch) + y * np.sin(pitch), np.sin(pitch) - y * np.cos(pitch)
    slope = up[:, None] / np.hypot(forward[:, None], x[None])
    azimuth = moment.pose[2] - np.arctan(x)
    return sky_radiance(stage.look, stage.backdrop, azimuth, slope.astype(np.float32), moment.time * 2e-4)


def ground_view(stage: Stage, moment: Moment, top: int, height: int, width: int) -> tuple[GroundView, np.ndarray]:
    """Road coordinates of the pixels below the horizon, and their depth by row [h]."""
    camera = moment.camera
    pitch = np.radians(camera.pitch)
    y = ((np.arange(top, height + 1) + 0.5) / height - 0.5) / (2 * camera.focal)
    forward, down = np.cos(pitch) + y * np.sin(pitch), np.maximum(y * np.cos(pitch) - np.sin(pitch), 2e-4)
    scale = camera.height / down
    x = np.minimum(scale * forward, 3000.0)
    across = ((np.arange(width) + 0.5) / width - 0.5) / camera.focal
    left = (-across[None] * scale[:-1, None]).astype(np.float32)
    x32 = x.astype(np.float32)
    s, d = locate(stage.alignment, moment.s, moment.pose, x32[:-1], left, REACH)
    step, side = (x[:-1] - x[1:]).astype(np.float32), (scale[:-1] / (camera.focal * width)).astype(np.float32)
    return GroundView(top, x32[:-1], left, s, d, step, side), scale[:-1].astype(np.float32)


def _along(stage: Stage, s: float) -> np.ndarray:
    """What changes along s: junction area, crossing, stop line, tone of the asphalt; float32 [1 n 4] from s - BACK."""
    places = s - BACK + np.arange(int((REACH + BACK) / ALONG_STEP)) * ALONG_STEP
    table = np.zeros((len(places), 4), np.float32)
    table[:, 3] = _section_tone(stage, places)
    for place, half, signals in stage.scenery.junctions(s - BACK - 20, s + REACH):
        off = places - place
        table[:, 0] = np.maximum(table[:, 0], np.clip((half - np.abs(off)) / ALONG_STEP + 0.5, 0, 1))
        if signals:
            gap = np.abs(off) - half
            table[:, 1] = np.maximum(table[:, 1], (gap > 0.9) & (gap < 3.7))
            table[:, 2] += np.where(off < 0, 1.0, -1.0) * ((gap > 4.6) & (gap < 5.1))
    return table[None]


def _section_tone(stage: Stage, places: np.ndarray) -> np.ndarray:
    """Brightness of the pavement by construction section, each some 220 m."""
    length = 220.0
    first, last = int(places[0] // length), int(places[-1] // length) + 1
    draws = [stage.scenery.stretch((i + 0.5) * length, length, 31) for i in range(first, last + 1)]
    tones = np.array([np.exp(rng.normal(0, 0.16)) for rng in draws], np.float32)
    starts = np.array([(first + i) * length + rng.uniform(0, 160) for i, rng in enumerate(draws)])
    return tones[np.clip(np.searchsorted(starts, places) - 1, 0, len(tones) - 1)]


def _ground(
    stage: Stage,
    moment: Moment,
    top: int,
    height: int,
    width: int,
    sun_left: np.ndarray | None,
    sky_left: np.ndarray,
    lamps: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """Radiance [h w 3] and depth [h w] of the ground plane."""
    look = stage.look
    view, depth = ground_view(stage, moment, top, height, width)
    colour, paint, hard = albedo(stage.surface, view, moment.s, _along(stage, moment.s))
    ambient = sky_left[top:, :, None]
    if look.night:
        beam = headlight_ground(look, view.x, view.y)
        beam = (beam * (1 + np.float32(2.2) * paint))[..., None] * look.headlight
        light = beam + ambient * look.skylight
        if look.street_lamps:
            light += (_pooled(stage, view, moment.s) * np.float32(look.street_lamps))[..., None] * look.lamp_colour
        beams = _beams(moment)
        if len(beams):
            light += pools(view.s, view.d, beams)[..., None] * np.array([1.0, 0.93, 0.8], np.float32)
    else:
        light = ambient * look.skylight
        direct = look.sunlight * look.sun[2]
        if sun_left is None:
            light = light + direct
        else:
            light = light + sun_left[top:, :, None] * direct
    colour *= light
    grazing = (
        np.float32(0.55)
        * np.exp(-(np.abs(depth) ** np.float32(-0.9)) * np.float32(moment.camera.height * 16))[:, None, None]
    )
    colour += (grazing * hard[..., None] * np.float32(0.22)) * look.horizon
    clear = np.exp(depth * np.float32(-look.haze))[:, None, None]
    colour = look.haze_colour + clear * (colour - look.haze_colour)
    return colour, np.broadcast_to(depth[:, None], colour.shape[:2])


def _pooled(stage: Stage, view: GroundView, s0: float) -> np.ndarray:
    """Irradiance by the street lamps' pools: one every CELL on each lit side."""
    layout, setting = stage.layout, stage.scenery.setting
    height = {"highway": 10.5, "city": 8.0, "residential": 6.5, "rural": 8.0}[setting]
    total = np.full_like(view.s, 0.012)
    for side, edge, phase in ((-1, layout.edge_right, 8.0), (1, layout.edge_left, 28.0)):
        if side > 0 and (setting in ("rural", "residential") or layout.edge_left > 40):
            continue
        along = (view.s + np.float32((s0 - phase) % CELL)) * np.float32(1 / CELL)
        along = (along - np.round(along)) * np.float32(CELL)
        across = view.d - np.float32(edge - side * 1.2)
        square = (along * along + across * across) * np.float32(1 / height**2)
        total += np.float32(0.20) / (1 + square) ** 2
    return total


def _beams(moment: Moment) -> np.ndarray:
    """The nearest driving vehicles whose headlights light the road in view [k 3]."""
    ahead = moment.vehicle_s - moment.s
    rows = np.flatnonzero(~moment.parked & (ahead > -25) & (ahead < 110))
    rows = rows[np.argsort(np.abs(ahead[rows]))][:6]
    way = np.where(np.cos(moment.heading[rows]) > 0, 1.0, -1.0)
    return np.stack([ahead[rows] + way * SIZE_TABLE[moment.kind[rows], 0] / 2, moment.vehicle_d[rows], way], axis=1)


def _near_lamps(scenery: Cell, moment: Moment) -> np.ndarray:
    """Heads of street lamps in the ego frame, near to far [k 3]."""
    if not len(scenery.lamps):
        return scenery.lamps
    c, n = np.cos(moment.pose[2]), np.sin(moment.pose[2])
    x, y = scenery.lamps[:, 0] - moment.pose[0], scenery.lamps[:, 1] - moment.pose[1]
    heads = np.stack([x * c + y * n, -x * n + y * c, scenery.lamps[:, 2]], axis=1).astype(np.float32)
    heads = heads[(heads[:, 0] > -15) & (heads[:, 0] < 260)]
    return heads[np.argsort(heads[:, 0])]


def _light_masks(
    stage: Stage, moment: Moment, scene: Assembly, scenery: Cell, sun: np.ndarray, height: int, width: int
) -> tuple[np.ndarray | None, np.ndarray]:
    """Sunlight (None where there are no shadows) and skylight left on the ground."""
    count, camera = len(moment.track), moment.camera
    small = (height, width)
    contact = contact_mask(scene.footprint[:count], camera, *small)
    if stage.look.night or stage.look.weather == "overcast":
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
    return sun_mask(outlines, scene, sun, camera, *small), contact


def _sampled(sun_left: np.ndarray, moment: Moment, camera: Camera) -> np.ndarray:
    """Sunlight that reaches each vehicle, taken beside it on the ground."""
    height, width = sun_left.shape
    spots, depth = camera.project(np.concatenate([moment.place - [3.0, 0], np.zeros((len(moment.place), 1))], axis=1))
    x, y = (
        np.clip(spots[:, 0] * width, 0, width - 1).astype(int),
        np.clip(spots[:, 1] * height, 0, height - 1).astype(int),
    )
    inside = (depth > 2) & (spots[:, 0] > 0) & (spots[:, 0] < 1) & (spots[:, 1] < 1)
    return np.where(inside, np.float32(0.25) + np.float32(0.75) * sun_left[y, x], np.float32(1))


def _lights(stage: Stage, moment: Moment, lamps: np.ndarray) -> Lights:
    """Lamps of vehicles and of the street as points."""
    places, strengths = [], []
    for i in np.flatnonzero(~moment.parked):
        length, width, _ = SIZE_TABLE[moment.kind[i]]
        c, n = np.cos(moment.yaw[i]), np.sin(moment.yaw[i])
        toward = -(c * moment.place[i, 0] + n * moment.place[i, 1]) / max(float(np.hypot(*moment.place[i])), 1.0)
        for side in (-0.38, 0.38):
            front, y = 0.5 * length * (1 if toward > 0 else -1), side * width
            spot = moment.place[i] + [c * front - n * y, n * front + c * y]
            if toward > 0.05:
                places.append([*spot, 0.72])
                strengths.append(np.array([1.0, 0.94, 0.82]) * 1.1 * toward**2)
            elif toward < -0.05:
                places.append([*spot, 0.9])
                strengths.append(np.array([1.0, 0.035, 0.02]) * (0.22 if moment.braking[i] else 0.05) * -toward)
    for head in lamps:
        places.append(head)
        strengths.append(stage.look.lamp_colour * 1.3 * stage.look.street_lamps)
    return Lights(np.array(places, np.float32).reshape(-1, 3), np.array(strengths, np.float32).reshape(-1, 3))


def _boxes(moment: Moment, drawn: Drawn, height: int, width: int) -> Boxes:
    """Labels of the vehicles that show enough pixels."""
    seen = np.bincount(drawn.ids.ravel(), minlength=len(drawn.polygons) + 2)
    total = np.concatenate([[0], np.cumsum(seen)])
    rows, boxes, visible, cuboids = [], [], [], []
    for i, (first, last) in drawn.runs.items():
        pixels, whole = int(total[last + 1] - total[first]), drawn.silhouette[i]
        box = np.clip(drawn.bounds[i], 0, 1)
        if pixels < max(MIN_PIXELS * height * width, 1) or box[2] <= box[0] or box[3] <= box[1]:
            continue
        length, wide, tall = SIZE_TABLE[moment.kind[i]]
        rows.append(i)
        boxes.append(box)
        visible.append(min(pixels / max(whole, 1), 1.0))
        cuboids.append([*moment.place[i], tall / 2, length, wide, tall, moment.yaw[i]])
    yaw = (moment.yaw[rows] + np.pi) % (2 * np.pi) - np.pi
    return Boxes(moment.track[rows], moment.kind[rows], np.array(boxes, np.float32).reshape(-1, 4), yaw.astype(np.float32),
                 np.array(visible, np.float32), np.array(cuboids, np.float32).reshape(-1, 7))  # fmt: skip
