"""One frame: visibility into an id buffer, then shading of all pixels by what they show."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from drivesim.scene.boxes import Boxes
from drivesim.scene.camera import Camera
from drivesim.scene.geometry import pixel_centres
from drivesim.world.ground.lit_ground import lit_ground
from drivesim.world.ground.noise import smoothstep
from drivesim.world.light.glare import Lights, splat
from drivesim.world.light.lighting import Lighting
from drivesim.world.light.shadows import contact_mask, sun_mask
from drivesim.world.light.sky import radiance as sky_radiance
from drivesim.world.render.geometry import Geometry, merged
from drivesim.world.render.materials import Samples, shade_polygons, shade_sprites
from drivesim.world.render.raster import VisibilityBuffer, rasterize
from drivesim.world.roadside.scenery import OUTLINE, Cell, shadow_outline
from drivesim.world.state import SIZE_TABLE, Moment, Surroundings

MIN_PIXELS = 6 / (256 * 512)  # share of the frame below which a vehicle is not labelled


@dataclass(frozen=True)
class Rendered:
    """radiance float32 [h w 3] linear; depth float32 [h w] along the axis (m), infinite for sky; labels of the vehicles."""

    radiance: np.ndarray
    depth: np.ndarray
    boxes: Boxes
    visibility: VisibilityBuffer


def render(surroundings: Surroundings, moment: Moment, height: int, width: int, scale: int) -> Rendered:
    """Renders one moment at [height width].

    Ground and sky are filtered analytically, one sample a pixel; polygons and sprites are sampled `scale` times as finely.
    """
    camera, lighting = moment.camera, surroundings.lighting
    scenery = surroundings.scenery.around(moment.s)
    geometry = merged([moment.vehicles, scenery.geometry.turned(moment.pose)])
    count = len(moment.track)
    visibility = rasterize(geometry, camera, height * scale, width * scale, range(count))
    c, n = np.cos(moment.pose[2]), np.sin(moment.pose[2])
    sun = np.array(
        [lighting.sun[0] * c + lighting.sun[1] * n, -lighting.sun[0] * n + lighting.sun[1] * c, lighting.sun[2]],
        np.float32,
    )
    lamps = _near_lamps(scenery, moment)
    picture, depth = np.empty((height, width, 3), np.float32), np.full((height, width), np.inf, np.float32)
    horizon = int(np.clip(np.ceil(camera.horizon * height - 0.5 + 0.02 * height / 128), 0, height))
    if horizon:
        picture[:horizon] = _sky(surroundings, moment, height, width, horizon)
    light_left = np.ones(len(geometry.footprint), np.float32)
    if horizon < height:
        sun_left, sky_left = _light_masks(surroundings, moment, geometry, scenery, sun, height, width)
        picture[horizon:], depth[horizon:] = lit_ground(
            surroundings, moment, horizon, height, width, sun_left, sky_left
        )
        if sun_left is not None:
            light_left[:count] = _sampled(sun_left, moment, camera)
    front, far = _foreground(
        geometry, visibility, camera, lighting, sun, lamps[:7], light_left, scale, surroundings.scenery.reach
    )
    picture = picture * (1 - front[..., 3:]) + front[..., :3]
    depth = np.where(far > 0, far, depth)
    if lighting.night:
        splat(picture, depth, camera, _lights(surroundings, moment, lamps))
    return Rendered(picture, depth, _boxes(moment, visibility, height * scale, width * scale), visibility)


def _foreground(
    geometry: Geometry,
    visibility: VisibilityBuffer,
    camera: Camera,
    lighting: Lighting,
    sun: np.ndarray,
    lamps: np.ndarray,
    light_left: np.ndarray,
    scale: int,
    reach: float,
) -> tuple[np.ndarray, np.ndarray]:
    """Radiance and coverage [h w 4] and depth [h w] (0 where there is none) of polygons and sprites.

    Pixels within one polygon are shaded once, all others once for each of their scale x scale samples.
    """
    height, width = visibility.ids.shape[0] // scale, visibility.ids.shape[1] // scale
    parts = [visibility.ids[i::scale, j::scale].ravel() for i in range(scale) for j in range(scale)]
    first, any_seen = parts[0], parts[0]
    plain = (first > 0) & (first <= len(visibility.polygons))
    for part in parts[1:]:
        plain &= part == first
        any_seen = any_seen | part
    mixed, inner = np.flatnonzero((any_seen > 0) & ~plain), np.flatnonzero(plain)
    fine = np.stack([part[mixed] for part in parts], axis=1)
    is_polygon, is_sprite = (fine > 0) & (fine <= len(visibility.polygons)), fine > len(visibility.polygons)
    middle = np.float32((np.arange(scale) + 0.5) / scale)
    x = (mixed % width)[:, None] + np.tile(middle, scale)
    y = (mixed // width)[:, None] + np.repeat(middle, scale)
    ids = np.concatenate([first[inner], fine[is_polygon]])
    across = np.concatenate([inner % width + 0.5, x[is_polygon]]).astype(np.float32) * np.float32(1 / width)
    down = np.concatenate([inner // width + 0.5, y[is_polygon]]).astype(np.float32) * np.float32(1 / height)
    pixel = 1 / (camera.focal * width)
    colours, distance = shade_polygons(
        geometry, visibility, Samples(ids, across, down), camera, lighting, sun, lamps, light_left, pixel
    )
    colours = _hazed(colours, distance, lighting, reach)
    front, far = np.zeros((height * width, 4), np.float32), np.zeros(height * width, np.float32)
    front[inner], far[inner] = colours[: len(inner)], distance[: len(inner)]
    blend, deep = np.zeros((*fine.shape, 4), np.float32), np.zeros(fine.shape, np.float32)
    blend[is_polygon], deep[is_polygon] = colours[len(inner) :], distance[len(inner) :]
    column, row = (x[is_sprite] * scale).astype(int), (y[is_sprite] * scale).astype(int)
    spots = Samples(
        fine[is_sprite], (x[is_sprite] / width).astype(np.float32), (y[is_sprite] / height).astype(np.float32)
    )
    colours, distance = shade_sprites(
        geometry, visibility, spots, visibility.texture[row, column], camera, lighting, sun, lamps
    )
    blend[is_sprite], deep[is_sprite] = _hazed(colours, distance, lighting, reach), distance
    front[mixed] = sum(blend[:, k] for k in range(scale * scale)) * np.float32(1 / scale**2)
    far[mixed] = deep[:, -1]
    return front.reshape(height, width, 4), far.reshape(height, width)


def _hazed(colours: np.ndarray, distance: np.ndarray, lighting: Lighting, reach: float) -> np.ndarray:
    """Radiance and coverage 1 [n 4] behind the haze, which swallows what is `reach` away; no brighter than the sensor holds."""
    out = np.ones((len(colours), 4), np.float32)
    clear = np.exp(distance * np.float32(-lighting.haze))[:, None]
    clear *= 1 - smoothstep(0.7 * reach, reach, distance)[:, None]
    np.minimum(
        lighting.haze_colour + clear * (colours - lighting.haze_colour),
        np.float32(12.0 / lighting.exposure),
        out=out[:, :3],
    )
    return out


def _sky(surroundings: Surroundings, moment: Moment, height: int, width: int, rows: int) -> np.ndarray:
    camera = moment.camera
    u, v = pixel_centres(height, width, like=camera.pinhole.height)
    ahead, left, up = camera.pinhole.rays(u, v[:rows])
    slope = up / np.hypot(ahead, left)
    azimuth = moment.pose[2] + np.arctan(left)
    return sky_radiance(
        surroundings.lighting, surroundings.backdrop, azimuth, slope.astype(np.float32), moment.time * 2e-4
    )


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
    surroundings: Surroundings,
    moment: Moment,
    geometry: Geometry,
    scenery: Cell,
    sun: np.ndarray,
    height: int,
    width: int,
) -> tuple[np.ndarray | None, np.ndarray]:
    """Sunlight (None where there are no shadows) and skylight left on the ground."""
    count, camera = len(moment.track), moment.camera
    small = (height, width)
    contact = contact_mask(geometry.footprint[:count], camera, *small)
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
    return sun_mask(outlines, geometry, sun, camera, *small), contact


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


def _lights(surroundings: Surroundings, moment: Moment, lamps: np.ndarray) -> Lights:
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
        strengths.append(surroundings.lighting.lamp_colour * 1.3 * surroundings.lighting.street_lamps)
    return Lights(np.array(places, np.float32).reshape(-1, 3), np.array(strengths, np.float32).reshape(-1, 3))


def _boxes(moment: Moment, visibility: VisibilityBuffer, height: int, width: int) -> Boxes:
    """Labels of the vehicles that show enough pixels."""
    seen = np.bincount(visibility.ids.ravel(), minlength=len(visibility.polygons) + 2)
    total = np.concatenate([[0], np.cumsum(seen)])
    rows, boxes, visible, cuboids = [], [], [], []
    for i, (first, last) in visibility.runs.items():
        pixels, whole = int(total[last + 1] - total[first]), visibility.silhouette[i]
        box = np.clip(visibility.bounds[i], 0, 1)
        if pixels < max(MIN_PIXELS * height * width, 1) or box[2] <= box[0] or box[3] <= box[1]:
            continue
        length, wide, tall = SIZE_TABLE[moment.kind[i]]
        rows.append(i)
        boxes.append(box)
        visible.append(min(pixels / max(whole, 1), 1.0))
        cuboids.append([*moment.place[i], tall / 2, length, wide, tall, moment.yaw[i]])
    yaw = (moment.yaw[rows] + np.pi) % (2 * np.pi) - np.pi
    return Boxes(
        moment.track[rows],
        moment.kind[rows],
        np.array(boxes, np.float32).reshape(-1, 4),
        yaw.astype(np.float32),
        np.array(visible, np.float32),
        np.array(cuboids, np.float32).reshape(-1, 7),
    )
