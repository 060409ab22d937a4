"""Vehicle bodies as polygon meshes: every kind of vehicle with random shape, paint and trim."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

import numpy as np

from drivesim.scene.vehicles import SIZES, Kind
from drivesim.traffic.paint import CarStyle, draw_bus_style, draw_car_style, draw_truck_style
from drivesim.world.render.mesh import Mesh
from drivesim.world.vehicles.body_builder import MeshBuilder
from drivesim.world.vehicles.bus_body import add_bus
from drivesim.world.vehicles.car_body import add_car
from drivesim.world.vehicles.car_frame import CarShape
from drivesim.world.vehicles.truck_body import add_truck

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
    if kind == "truck":
        truck = draw_truck_style(rng)
        body = MeshBuilder(truck.texture)
        add_truck(body, truck, rng)
    elif kind == "bus":
        bus = draw_bus_style(rng)
        body = MeshBuilder(bus.texture)
        add_bus(body, bus)
    else:
        car = draw_car_style(kind, rng)
        body = MeshBuilder(car.texture)
        add_car(body, _shape(kind, car), car.paint, rng)
    whole = body.mesh(fine=True)
    return _fitted(whole, whole if detail == "near" else body.mesh(fine=False), SIZES[kind])


def _shape(kind: Kind, style: CarStyle) -> CarShape:
    """The class of car by one of its makers: proportions a few centimetres off, perhaps an estate car or a panel van."""
    shape, shift = _SHAPES[kind], style.proportions
    shape = replace(
        shape,
        belt=shape.belt + 0.03 * shift[0],
        waist=shape.waist + 0.02 * shift[1],
        nose=shape.nose + 0.03 * shift[2],
        cowl=shape.cowl + 0.07 * shift[3],
        screen=shape.screen + 0.07 * shift[4],
        roof_end=shape.roof_end + 0.05 * shift[5],
        lean=shape.lean + 0.02 * shift[6],
        wheel=shape.wheel + 0.012 * shift[7],
    )
    if style.estate:
        shape = replace(shape, roof_end=0.45, glass_base=0.17, rear_corner=0.22, pillars=(0.28, 0.62))
    if style.panel:
        shape = replace(shape, windows=(0.70, 1.0), pillars=(), rear_glass=style.rear_glass)
    return shape


def _fitted(whole: Mesh, mesh: Mesh, size: tuple[float, float, float]) -> Mesh:
    """`mesh` moved and scaled so that the extents of `whole` become exactly `size`."""
    low, high = whole.vertices.min(axis=(0, 1)), whole.vertices.max(axis=(0, 1))
    scale = np.array(size, np.float32) / (high - low)
    shift = -np.array([(low[0] + high[0]) / 2, (low[1] + high[1]) / 2, low[2]], np.float32)
    uv = mesh.uv.copy()
    uv[:, 0] = (uv[:, 0] + shift) * scale
    return replace(mesh, vertices=((mesh.vertices + shift) * scale).astype(np.float32), uv=uv.astype(np.float32))
