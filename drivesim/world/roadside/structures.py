"""Meshes of what stands beside the road (see drivesim.roadside.things): barriers, rails, walls, signs, lamps, bridges."""

from __future__ import annotations

import itertools

import numpy as np

from drivesim.roadside.things import (
    PIECE,
    Barrier,
    Bin,
    Fence,
    GuardRail,
    Overpass,
    Pole,
    PowerPole,
    Sign,
    StreetLamp,
    TrafficLight,
    Truss,
    Wall,
    Wire,
)
from drivesim.world.render.mesh import Material, Mesh, join, polygon
from drivesim.world.roadside.solid_parts import beam, box, prism, quads


def barrier(thing: Barrier) -> Mesh:
    """Concrete (Jersey) barrier along x, centred on y = 0."""
    outline = [(0.31, 0.0), (0.31, 0.08), (0.16, 0.33), (0.09, thing.height)]
    points, uv = [], []
    for sign in (-1, 1):
        for (y0, z0), (y1, z1) in itertools.pairwise(outline):
            face = [(0, sign * y0, z0), (PIECE, sign * y0, z0), (PIECE, sign * y1, z1), (0, sign * y1, z1)]
            points.append(face if sign < 0 else face[::-1])
            uv.append([(0, sign * y0, 0), (1, 0, 0), (0, 0, 1)])
    albedo, seed, top = thing.albedo, thing.texture, thing.height
    sides = quads(np.array(points, np.float32), "concrete", albedo, seed, np.array(uv, np.float32))
    return join([sides, box((0, -0.09, top), (PIECE, 0.09, top), "concrete", albedo, seed, "Z")])


def guard_rail(thing: GuardRail) -> Mesh:
    """W-beam rail along x with posts, facing both ways."""
    steel, dark, seed = (0.36, 0.37, 0.38), (0.16, 0.15, 0.14), thing.texture
    parts = [box((x, -0.06, 0), (x + 0.14, 0.06, 0.72), "metal", dark, seed, "xyY") for x in np.arange(0.3, PIECE, 2.5)]
    for z0, z1, tone in ((0.42, 0.5, 1.1), (0.5, 0.58, 0.62), (0.58, 0.66, 1.1), (0.66, 0.74, 0.72)):
        parts.append(box((0, -0.1, z0), (PIECE, 0.1, z1), "metal", np.array(steel, np.float32) * tone, seed, "yY"))
    parts.append(box((0, -0.1, 0.74), (PIECE, 0.1, 0.74), "metal", steel, seed, "Z"))
    return join(parts)


def wall(thing: Wall) -> Mesh:
    """A thin wall along x with its posts."""
    length, seed, material = thing.length, thing.texture, thing.material
    parts = [box((0, -0.12, 0), (length, 0.12, thing.height), material, thing.albedo, seed, "yYZ")]
    if thing.posts:
        tone = np.array(thing.albedo, np.float32) * 0.85
        parts += [
            box((x, -0.2, 0), (x + 0.35, 0.2, thing.height + 0.15), material, tone, seed, "xyYZ")
            for x in np.arange(0.0, length - 0.1, thing.posts)
        ]
    return join(parts)


def fence(thing: Fence) -> Mesh:
    """Wooden rails or wire on posts along x."""
    tone, half = np.array(thing.albedo, np.float32), thing.half
    parts = [box((x, -0.05, 0), (x + 0.1, 0.05, 1.15), "bark", tone, 0.2, "xyYZ") for x in np.arange(0.0, PIECE, 2.5)]
    parts += [
        box((0, -0.03, z - half), (PIECE, 0.03, z + half), "bark", tone * 1.15, 0.4, "yY") for z in (0.4, 0.75, 1.05)
    ]
    return join(parts)


def sign(thing: Sign) -> Mesh:
    """A panel across the road facing oncoming readers (toward -x), centred on y = 0, on its posts."""
    grey, width, z, top = (0.25, 0.25, 0.25), thing.width, thing.foot, thing.foot + thing.height
    face = [(0, width / 2, z), (0, -width / 2, z), (0, -width / 2, top), (0, width / 2, top)]
    uv = np.array([face[0], (0, -1 / width, 0), (0, 0, 1 / thing.height)], np.float32)
    parts = [
        polygon(face, "sign", thing.albedo, thing.lettering, uv),
        polygon([face[1], face[0], face[3], face[2]], "metal", grey),
    ]
    for y in ((), (0.0,), (-width * 0.35, width * 0.35))[thing.posts]:
        parts.append(prism(0.06, y, 0, z + thing.height * 0.8, 0.05 if thing.posts == 1 else 0.09, grey))
    return join(parts)


def pole(thing: Pole) -> Mesh:
    """An upright prism."""
    return prism(thing.x, 0, 0, thing.height, thing.radius, thing.albedo, thing.material, thing.sides)


def truss(thing: Truss) -> Mesh:
    """The two beams of a gantry."""
    return join([beam((0, 0, z), (0, thing.span, z), 0.09, thing.albedo) for z in (6.3, 7.3)])


def street_lamp(thing: StreetLamp) -> Mesh:
    """Pole at the origin with an arm and a head."""
    grey, height, arm = (0.22, 0.22, 0.22), thing.height, thing.arm
    parts = [
        prism(0, 0, 0, height * 0.55, 0.09, grey, sides=6),
        prism(0, 0, height * 0.55, height, 0.065, grey, sides=6),
        beam((0, 0, height - 0.5), (0, arm * 0.5, height - 0.08), 0.05, grey),
        beam((0, arm * 0.5, height - 0.08), (0, arm, height), 0.05, grey),
        box((-0.3, arm - 0.16, height - 0.04), (0.3, arm + 0.16, height + 0.09), "metal", grey, 0.1, "xXyYZ"),
        box(
            (-0.24, arm - 0.12, height - 0.07),
            (0.24, arm + 0.12, height - 0.04),
            "lamp_head",
            (0.6, 0.6, 0.55),
            0.1,
            "xXyYz",
        ),
    ]
    return join(parts)


def lamp_head(thing: StreetLamp) -> np.ndarray:
    """Where the head of a street lamp is, in the lamp's frame, float32 [3]."""
    return np.array([0, thing.arm, thing.height - 0.05], np.float32)


def traffic_light(thing: TrafficLight) -> Mesh:
    """Signal pole at the origin with an arm over the road and two heads facing -x."""
    dark, grey, arm = (0.03, 0.03, 0.03), (0.16, 0.16, 0.16), thing.arm
    parts = [prism(0, 0, 0, 6.2, 0.1, grey, sides=6), beam((0, 0, 6.0), (0, arm, 6.2), 0.07, grey)]
    state = int(thing.state * 3)
    for y, z in ((arm, 5.4), (0.0, 3.0)):
        parts.append(box((-0.15, y - 0.2, z), (0.15, y + 0.2, z + 1.1), "matte", dark, 0.1, "xXyYZ"))
        for k, colour in enumerate(((0.03, 0.10, 0.07), (0.10, 0.07, 0.02), (0.10, 0.02, 0.02))):
            z0 = z + 0.1 + 0.33 * k
            angles = np.arange(6) * np.pi / 3
            ring = [(-0.16, y - 0.13 * np.cos(t), z0 + 0.13 + 0.13 * np.sin(t)) for t in angles]
            glowing = k == (0, 2, 2)[state]
            lamp: Material = "indicator" if glowing and k == 1 else "tail_lamp" if glowing and k == 2 else "matte"
            bright = (0.15, 0.9, 0.6) if glowing and k == 0 else (0.9, 0.08, 0.05) if glowing else colour
            parts.append(polygon(ring, lamp, bright, 0.5))
    return join(parts)


def power_pole(thing: PowerPole) -> Mesh:
    """A wooden pole with a crossbar."""
    tone = (0.14, 0.11, 0.085)
    return join(
        [prism(0, 0, 0, 9.0, 0.14, tone, "bark", sides=6), beam((0, -1.1, 8.4), (0, 1.1, 8.4), 0.07, tone, "bark")]
    )


def wire(thing: Wire) -> Mesh:
    """A straight piece of wire."""
    return beam(thing.start, thing.end, 0.016, (0.03, 0.03, 0.03))


def rubbish_bin(thing: Bin) -> Mesh:
    """A box at the kerb."""
    return box((0, 0, 0), (thing.size, thing.size, thing.height), "matte", thing.albedo, 0.1)


def overpass(thing: Overpass) -> Mesh:
    """A bridge deck across the road with parapets."""
    low, near, far, width, seed = 5.3, thing.near, thing.far, thing.width, thing.texture
    albedo = np.array(thing.albedo, np.float32)
    parts = [
        box((0, near, low), (width, far, low + 1.3), "concrete", albedo, seed, "xXyYz"),
        box((0, near, low + 1.3), (0.3, far, low + 2.3), "concrete", albedo * 1.1, seed + 0.1, "xX"),
        box((-0.25, near, low + 1.1), (0, far, low + 1.35), "concrete", albedo * 1.15, seed, "xzZ"),
    ]
    return join(parts)
