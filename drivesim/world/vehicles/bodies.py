"""Vehicle bodies as polygon meshes: every kind of vehicle with random shape, paint and trim."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

import numpy as np

from drivesim.scene.vehicles import SIZES, Kind
from drivesim.world.render.mesh import Mesh
from drivesim.world.vehicles.body_parts import BodyBuilder, Colour
from drivesim.world.vehicles.car_body import add_car
from drivesim.world.vehicles.car_frame import CarShape
from drivesim.world.vehicles.heavy_body import add_bus, add_truck

# share of new cars and the ranges of their linear albedo (low, high per channel)
_PAINTS: tuple[tuple[float, Colour, Colour], ...] = (
    (0.25, (0.70, 0.70, 0.68), (0.82, 0.82, 0.80)),  # white
    (0.20, (0.008, 0.008, 0.009), (0.022, 0.022, 0.024)),  # black
    (0.14, (0.36, 0.37, 0.38), (0.50, 0.51, 0.52)),  # silver
    (0.21, (0.05, 0.052, 0.056), (0.20, 0.205, 0.215)),  # grey
    (0.08, (0.010, 0.030, 0.090), (0.035, 0.09, 0.26)),  # blue
    (0.07, (0.22, 0.008, 0.010), (0.42, 0.025, 0.022)),  # red
    (0.02, (0.015, 0.040, 0.022), (0.06, 0.11, 0.06)),  # green
    (0.02, (0.20, 0.15, 0.09), (0.40, 0.32, 0.22)),  # beige, bronze
    (0.01, (0.55, 0.20, 0.02), (0.75, 0.48, 0.05)),  # orange, yellow
)

_SHAPES: dict[str, CarShape] = {
    "sedan": CarShape(
        *SIZES["sedan"], clearance=0.21, sill=0.33, waist=0.62, belt=0.95, nose=0.74, cowl=1.28, screen=2.08,
        roof_end=1.22, glass_base=0.52, lean=0.20, front_axle=0.90, rear_axle=1.02, wheel=0.325, pillars=(0.50,),
    ),
    "hatchback": CarShape(
        *SIZES["hatchback"], clearance=0.21, sill=0.34, waist=0.64, belt=0.98, nose=0.76, cowl=1.05, screen=1.78,
        roof_end=0.40, glass_base=0.17, lean=0.18, front_axle=0.80, rear_axle=0.72, wheel=0.31, pillars=(0.48,),
        rear_corner=0.22, plate_low=False,
    ),
    "suv": CarShape(
        *SIZES["suv"], clearance=0.26, sill=0.44, waist=0.76, belt=1.12, nose=0.93, cowl=1.22, screen=1.88,
        roof_end=0.46, glass_base=0.17, lean=0.17, front_axle=0.90, rear_axle=0.92, wheel=0.37,
        pillars=(0.22, 0.58), rear_corner=0.22, cladding=True,
    ),
    "van": CarShape(
        *SIZES["van"], clearance=0.24, sill=0.45, waist=0.78, belt=1.22, nose=1.00, cowl=0.82, screen=1.52,
        roof_end=0.17, glass_base=0.12, lean=0.13, front_axle=0.95, rear_axle=1.05, wheel=0.34,
        pillars=(0.30, 0.68), rear_corner=0.16, taillight="tall", plate_low=True,
    ),
}  # fmt: skip


def vehicle_mesh(kind: Kind, rng: np.random.Generator, detail: Literal["near", "far"] = "near") -> Mesh:
    """A random vehicle of `kind`; the same generator state gives the same vehicle at either detail.

    Object frame: x forward, y left, z up (m), origin on the road below the centre; the extents are `SIZES[kind]`.
    Indicator polygons with positive y are the left ones. "far" leaves out seams, handles, mirrors and the like.
    A painter that draws by distance of the farthest vertex, far to near, needs no other order.
    """
    body = BodyBuilder(float(rng.random()))
    if kind == "truck":
        add_truck(body, rng)
    elif kind == "bus":
        add_bus(body, rng)
    else:
        shape, paint = _jittered(_SHAPES[kind], rng), paint_colour(rng)
        if kind == "sedan" and rng.random() < 0.15:  # an estate car
            shape = replace(shape, roof_end=0.45, glass_base=0.17, rear_corner=0.22, pillars=(0.28, 0.62))
        if kind == "van":
            panel = rng.random() < 0.6
            if panel:
                shape = replace(shape, windows=(0.70, 1.0), pillars=(), rear_glass=bool(rng.random() < 0.6))
                paint = paint if rng.random() < 0.35 else (0.74, 0.74, 0.72)
        add_car(body, shape, paint, rng)
    whole = body.mesh(fine=True)
    return _fitted(whole, whole if detail == "near" else body.mesh(fine=False), SIZES[kind])


def paint_colour(rng: np.random.Generator) -> Colour:
    """Linear albedo [3] of a car's paint, as common on the road: mostly white, black, silver and grey."""
    _, low, high = _PAINTS[rng.choice(len(_PAINTS), p=[share for share, _, _ in _PAINTS])]
    mix = rng.random()
    r, g, b = (a + (z - a) * mix for a, z in zip(low, high, strict=True))
    return r, g, b


def _jittered(shape: CarShape, rng: np.random.Generator) -> CarShape:
    """The same class of car by another maker: proportions a few centimetres off."""

    def about(value: float, spread: float) -> float:
        return value + spread * float(rng.uniform(-1, 1))

    return replace(
        shape,
        belt=about(shape.belt, 0.03),
        waist=about(shape.waist, 0.02),
        nose=about(shape.nose, 0.03),
        cowl=about(shape.cowl, 0.07),
        screen=about(shape.screen, 0.07),
        roof_end=about(shape.roof_end, 0.05),
        lean=about(shape.lean, 0.02),
        wheel=about(shape.wheel, 0.012),
    )


def _fitted(whole: Mesh, mesh: Mesh, size: tuple[float, float, float]) -> Mesh:
    """`mesh` moved and scaled so that the extents of `whole` become exactly `size`."""
    low, high = whole.vertices.min(axis=(0, 1)), whole.vertices.max(axis=(0, 1))
    scale = np.array(size, np.float32) / (high - low)
    shift = -np.array([(low[0] + high[0]) / 2, (low[1] + high[1]) / 2, low[2]], np.float32)
    uv = mesh.uv.copy()
    uv[:, 0] = (uv[:, 0] + shift) * scale
    return replace(mesh, vertices=((mesh.vertices + shift) * scale).astype(np.float32), uv=uv.astype(np.float32))
