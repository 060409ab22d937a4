"""Meshes of houses and city blocks."""

from __future__ import annotations

import numpy as np

from drivesim.roadside.things import Awning, Building, House
from drivesim.scene.triples import Colour
from drivesim.world.render.mesh import Mesh, join, polygon
from drivesim.world.roadside.solid_parts import box

_OVERHANG = 0.4  # m of a roof beyond the walls


def building(thing: Building) -> Mesh:
    """A city block with a flat roof and a cornice, perhaps an awning."""
    width, depth, height, side = thing.width, thing.depth, thing.height, thing.side
    colour = np.array(thing.albedo, np.float32)
    low, high = (0.0, -depth if side < 0 else 0.0, 0.0), (width - 0.05, 0.0 if side < 0 else depth, height)
    face = high[1] if side < 0 else low[1]
    out = 0.35 * -side
    y0, y1 = min(face, face + out), max(face, face + out)
    parts = [
        box(low, high, "facade", colour, thing.texture, "xXyY"),
        box((0, low[1], height), (width - 0.05, high[1], height), "roof", (0.12, 0.12, 0.12), 0.1, "Z"),
        box((0, y0, height - 0.6), (width - 0.05, y1, height), "concrete", colour * 1.2, 0.4, "xXyYzZ"),
    ]
    return join(parts + _awning(thing.awning, face, side) if thing.awning else parts)


def _awning(awning: Awning, face: float, side: int) -> list[Mesh]:
    """Its upper and lower side, on a front at y = `face`."""
    x, width, albedo = awning.x, awning.width, np.array(awning.albedo)
    f0, f1 = face, face - side * 1.2
    points = [(x, f1, 2.5), (x + width, f1, 2.5), (x + width, f0, 3.0), (x, f0, 3.0)]
    upward = side < 0 and f1 > f0
    return [
        polygon(points if upward else points[::-1], "matte", albedo, 0.1),
        polygon(points[::-1] if upward else points, "matte", albedo * 0.5, 0.1),
    ]


def house(thing: House) -> Mesh:
    """A house with a gabled roof, a chimney, a door and perhaps a garage door on its front."""
    a, b, c, d = -thing.width / 2, thing.width / 2, -thing.depth / 2, thing.depth / 2
    parts = [box((a, c, 0), (b, d, thing.height), "facade", thing.albedo, thing.texture, "xXyY")]
    parts += _roof_along(thing) if thing.along else _roof_across(thing)
    brick: Colour = (0.2, 0.12, 0.09)
    top = thing.height + thing.rise + 0.7
    parts.append(box((a * 0.3, -0.4, thing.height), (a * 0.3 + 0.6, 0.3, top), "concrete", brick, 0.1))
    porch = thing.porch
    parts.append(box((porch - 0.5, d, 0), (porch + 0.5, d + 0.04, 2.1), "matte", thing.door, 0.2, "Y"))
    if thing.garage:
        g = 0.25 * thing.width * (1 if porch < 0 else -1)
        parts.append(box((g - 1.3, d, 0), (g + 1.3, d + 0.05, 2.2), "matte", thing.garage, 0.2, "Y"))
    return join(parts)


def _roof_along(thing: House) -> list[Mesh]:
    """Roof and gables with the ridge along x."""
    a, b, c, d = -thing.width / 2, thing.width / 2, -thing.depth / 2, thing.depth / 2
    height, top, parts = thing.height, thing.height + thing.rise, []
    for sign in (-1, 1):
        eave, ridge = sign * (d + _OVERHANG), 0.0
        points = [
            (a - _OVERHANG, eave, height - 0.15),
            (b + _OVERHANG, eave, height - 0.15),
            (b + _OVERHANG, ridge, top),
            (a - _OVERHANG, ridge, top),
        ]
        parts.append(polygon(points if sign < 0 else points[::-1], "roof", thing.roof, thing.texture))
    for x, turn in ((a, -1), (b, 1)):
        gable = [(x, c, height), (x, d, height), (x, 0, top)]
        parts.append(polygon(gable if turn > 0 else gable[::-1], "matte", thing.albedo, thing.texture))
    return parts


def _roof_across(thing: House) -> list[Mesh]:
    """Roof and gables with the ridge along y."""
    a, b, c, d = -thing.width / 2, thing.width / 2, -thing.depth / 2, thing.depth / 2
    height, top, parts = thing.height, thing.height + thing.rise, []
    for sign in (-1, 1):
        eave = sign * (b + _OVERHANG)
        points = [
            (eave, c - _OVERHANG, height - 0.15),
            (eave, d + _OVERHANG, height - 0.15),
            (0, d + _OVERHANG, top),
            (0, c - _OVERHANG, top),
        ]
        parts.append(polygon(points if sign > 0 else points[::-1], "roof", thing.roof, thing.texture))
    for y, turn in ((c, 1), (d, -1)):
        gable = [(a, y, height), (b, y, height), (0, y, top)]
        parts.append(polygon(gable if turn > 0 else gable[::-1], "matte", thing.albedo, thing.texture))
    return parts
