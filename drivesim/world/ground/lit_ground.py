"""The lit ground of one frame: road coordinates of its pixels, lamps and sun upon it, the haze before it."""

from __future__ import annotations

import numpy as np

from drivesim.world.alignment import locate
from drivesim.world.ground.surface import ALONG_STEP, BACK, REACH, GroundView, albedo
from drivesim.world.light.glare import pools
from drivesim.world.light.lighting import headlight_ground
from drivesim.world.roadside.scenery import CELL
from drivesim.world.state import SIZE_TABLE, Moment, Surroundings


def ground_view(
    surroundings: Surroundings, moment: Moment, top: int, height: int, width: int
) -> tuple[GroundView, np.ndarray]:
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
    s, d = locate(surroundings.alignment, moment.s, moment.pose, x32[:-1], left, REACH)
    step, side = (x[:-1] - x[1:]).astype(np.float32), (scale[:-1] / (camera.focal * width)).astype(np.float32)
    return GroundView(top, x32[:-1], left, s, d, step, side), scale[:-1].astype(np.float32)


def _along(surroundings: Surroundings, s: float) -> np.ndarray:
    """What changes along s: junction area, crossing, stop line, tone of the asphalt; float32 [1 n 4] from s - BACK."""
    places = s - BACK + np.arange(int((REACH + BACK) / ALONG_STEP)) * ALONG_STEP
    table = np.zeros((len(places), 4), np.float32)
    table[:, 3] = _section_tone(surroundings, places)
    for place, half, signals in surroundings.scenery.junctions(s - BACK - 20, s + REACH):
        off = places - place
        table[:, 0] = np.maximum(table[:, 0], np.clip((half - np.abs(off)) / ALONG_STEP + 0.5, 0, 1))
        if signals:
            gap = np.abs(off) - half
            table[:, 1] = np.maximum(table[:, 1], (gap > 0.9) & (gap < 3.7))
            table[:, 2] += np.where(off < 0, 1.0, -1.0) * ((gap > 4.6) & (gap < 5.1))
    return table[None]


def _section_tone(surroundings: Surroundings, places: np.ndarray) -> np.ndarray:
    """Brightness of the pavement by construction section, each some 220 m."""
    length = 220.0
    first, last = int(places[0] // length), int(places[-1] // length) + 1
    draws = [surroundings.scenery.stretch((i + 0.5) * length, length, 31) for i in range(first, last + 1)]
    tones = np.array([np.exp(rng.normal(0, 0.16)) for rng in draws], np.float32)
    starts = np.array([(first + i) * length + rng.uniform(0, 160) for i, rng in enumerate(draws)])
    return tones[np.clip(np.searchsorted(starts, places) - 1, 0, len(tones) - 1)]


def lit_ground(
    surroundings: Surroundings,
    moment: Moment,
    top: int,
    height: int,
    width: int,
    sun_left: np.ndarray | None,
    sky_left: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """Radiance [h w 3] and depth [h w] of the ground plane."""
    lighting = surroundings.lighting
    view, depth = ground_view(surroundings, moment, top, height, width)
    colour, paint, hard = albedo(surroundings.surface, view, moment.s, _along(surroundings, moment.s))
    ambient = sky_left[top:, :, None]
    if lighting.night:
        beam = headlight_ground(lighting, view.x, view.y)
        beam = (beam * (1 + np.float32(2.2) * paint))[..., None] * lighting.headlight
        light = beam + ambient * lighting.skylight
        if lighting.street_lamps:
            light += (_pooled(surroundings, view, moment.s) * np.float32(lighting.street_lamps))[
                ..., None
            ] * lighting.lamp_colour
        beams = _beams(moment)
        if len(beams):
            light += pools(view.s, view.d, beams)[..., None] * np.array([1.0, 0.93, 0.8], np.float32)
    else:
        light = ambient * lighting.skylight
        direct = lighting.sunlight * lighting.sun[2]
        if sun_left is None:
            light = light + direct
        else:
            light = light + sun_left[top:, :, None] * direct
    colour *= light
    grazing = (
        np.float32(0.55)
        * np.exp(-(np.abs(depth) ** np.float32(-0.9)) * np.float32(moment.camera.height * 16))[:, None, None]
    )
    colour += (grazing * hard[..., None] * np.float32(0.22)) * lighting.horizon
    clear = np.exp(depth * np.float32(-lighting.haze))[:, None, None]
    colour = lighting.haze_colour + clear * (colour - lighting.haze_colour)
    return colour, np.broadcast_to(depth[:, None], colour.shape[:2])


def _pooled(surroundings: Surroundings, view: GroundView, s0: float) -> np.ndarray:
    """Irradiance by the street lamps' pools: one every CELL on each lit side."""
    layout, setting = surroundings.layout, surroundings.scenery.setting
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
