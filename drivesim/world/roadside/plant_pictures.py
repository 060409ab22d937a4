"""Vegetation as pictures: crowns of thousands of leaves with normals and shade, lit at drawing time."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np

from drivesim.roadside.things import ASPECTS

TALL = 320  # pixels of the finest picture's height
BARK = 62  # shades up to this are bark, lighter ones leaves


@dataclass(frozen=True)
class Sprite:
    """An upright picture: `place` x, y, z of its foot, `size` width, height (m), `species` index in SPECIES, `tint` leaf albedo."""

    place: tuple[float, float, float]
    size: tuple[float, float]
    species: int
    tint: tuple[float, float, float]
    mirror: bool = False


@dataclass(frozen=True)
class Species:
    """Shape of a crown, lengths in picture heights: `aspect` width over height; `crown` (low, high, half width) of the envelope;
    `clumps` leaf clumps of radius `clump`; `leaves` per clump of size `leaf` pixels; `taper` 0 round to 1 pointed;
    `trunk` half width."""

    aspect: float
    crown: tuple[float, float, float]
    clumps: int
    clump: tuple[float, float]
    leaves: int
    leaf: float
    taper: float
    trunk: float
    boughs: int = 7
    spread: float = 1.0


SPECIES: dict[str, Species] = {
    "oak": Species(ASPECTS["oak"], (0.20, 0.97, 0.50), 84, (0.04, 0.13), 170, 2.5, 0.0, 0.022),
    "oak2": Species(ASPECTS["oak2"], (0.16, 0.96, 0.56), 96, (0.035, 0.12), 150, 2.5, 0.1, 0.026),
    "plane": Species(ASPECTS["plane"], (0.26, 0.98, 0.40), 74, (0.035, 0.11), 170, 2.6, 0.2, 0.018),
    "street": Species(ASPECTS["street"], (0.34, 0.98, 0.38), 60, (0.04, 0.12), 180, 2.7, 0.15, 0.014),
    "gum": Species(ASPECTS["gum"], (0.30, 0.98, 0.36), 70, (0.03, 0.085), 110, 2.1, -0.2, 0.014, 13, 1.1),
    "gum2": Species(ASPECTS["gum2"], (0.30, 0.97, 0.47), 84, (0.025, 0.085), 100, 2.1, -0.3, 0.016, 16, 1.15),
    "pine": Species(ASPECTS["pine"], (0.08, 1.0, 0.26), 130, (0.02, 0.06), 90, 2.1, 0.95, 0.014, 4),
    "fir": Species(ASPECTS["fir"], (0.03, 1.0, 0.20), 140, (0.018, 0.05), 90, 1.9, 1.0, 0.012, 3),
    "poplar": Species(ASPECTS["poplar"], (0.06, 1.0, 0.14), 90, (0.025, 0.06), 110, 2.2, 0.35, 0.012, 3),
    "bare": Species(ASPECTS["bare"], (0.25, 0.97, 0.45), 60, (0.05, 0.09), 26, 1.6, 0.0, 0.018, 26, 1.0),
    "bush": Species(ASPECTS["bush"], (0.0, 0.9, 0.66), 34, (0.12, 0.24), 330, 4.5, 0.0, 0.0, 0),
    "bush2": Species(ASPECTS["bush2"], (0.0, 0.85, 0.85), 44, (0.09, 0.22), 300, 4.0, -0.2, 0.0, 0),
    "hedge": Species(ASPECTS["hedge"], (0.0, 0.85, 1.95), 110, (0.13, 0.24), 260, 4.5, -0.9, 0.0, 0),
    "wood": Species(ASPECTS["wood"], (0.0, 0.8, 1.5), 150, (0.08, 0.19), 210, 2.8, -0.8, 0.0, 0),
    "grass": Species(ASPECTS["grass"], (0.0, 0.5, 1.45), 0, (0.1, 0.2), 900, 3.0, -1.0, 0.0, 0),
}
NAMES = tuple(SPECIES)


def species_index(name: str) -> int:
    """Index of a species."""
    return NAMES.index(name)


@lru_cache(maxsize=len(SPECIES))
def _picture(index: int) -> tuple[tuple[np.ndarray, ...], ...]:
    """Mip levels: opacity float32 [h w], and normal right and up, shade float32 [h w 3], all in 0..255."""
    species = SPECIES[NAMES[index]]
    rng = np.random.default_rng([index, 77])
    height = TALL if species.aspect < 2 else TALL // 2
    canvas = np.zeros((height, max(round(height * species.aspect), 8), 3), np.uint8)
    mask = np.zeros(canvas.shape[:2], np.uint8)
    centres = _clumps(species, rng, height, canvas.shape[1])
    _boughs(species, rng, canvas, mask, centres)
    if NAMES[index] == "grass":
        _blades(species, rng, canvas, mask)
    else:
        _foliage(species, rng, canvas, mask, centres)
    cover = mask.astype(np.float32) / 255
    picture = canvas.astype(np.float32)
    soft = cv2.GaussianBlur(picture * cover[..., None], (0, 0), 5) / np.maximum(
        cv2.GaussianBlur(cover, (0, 0), 5)[..., None], 1e-3
    )
    levels: list[tuple[np.ndarray, ...]] = [(cover * 255, picture * cover[..., None] + soft * (1 - cover[..., None]))]
    while min(levels[-1][0].shape) > 6:
        rows, columns = levels[-1][0].shape
        size = (max(columns // 2, 2), max(rows // 2, 2))
        levels.append(tuple(cv2.resize(part, size, interpolation=cv2.INTER_AREA) for part in levels[-1]))
    return tuple(levels)


@lru_cache(maxsize=256)
def _level(index: int, level: int) -> np.ndarray:
    cover, picture = _picture(index)[level]
    opacity = np.clip(cover * (1.0 + 0.12 * level), 0, 255)
    opacity[0] = opacity[:, 0] = opacity[:, -1] = 0
    return np.ascontiguousarray(np.clip(np.dstack([picture, opacity]), 0, 255).astype(np.uint8))


def sprite_level(index: int, pixels: float) -> np.ndarray:
    """Picture uint8 [h w 4] (normal right and up, shade, opacity) of the mip level fit for a height of `pixels`."""
    levels = _picture(index)
    level = int(math.log2(max(levels[0][0].shape[0] / max(pixels, 1.0), 1.0)) + 0.35)
    return _level(index, min(level, len(levels) - 1))


def _clumps(species: Species, rng: np.random.Generator, height: int, width: int) -> np.ndarray:
    """Clump centres and radii in pixels, depth in [-1, 1] and place in the crown: [n 6] x, y, r, z, rx, ry (far first)."""
    low, high, half = species.crown
    rows = []
    for _ in range(species.clumps):
        up = rng.uniform(0.02, 0.98)
        if species.taper > 0.4:
            up = 1 - rng.uniform(0.001, 0.98) ** 0.8
            reach = (1 - up) ** 0.9 * (0.8 + 0.3 * rng.random())
        elif species.taper < -0.5:
            reach = 1.0
            up *= rng.uniform(0.5, 1.0)
        else:
            reach = np.sqrt(max(1 - (2 * up - 1) ** 2, 0.0)) * (1 - species.taper * (up - 0.4))
        angle = rng.uniform(0, 2 * np.pi)
        radius = np.sqrt(rng.uniform(0.15, 1)) * reach
        x, z = np.cos(angle) * radius, np.sin(angle) * radius
        size = rng.uniform(*species.clump) * (1 - 0.4 * up * max(species.taper, 0))
        rows.append([x, up, size, z])
    clumps = np.array(rows).reshape(-1, 4)
    out = np.empty((len(clumps), 6))
    out[:, 2] = clumps[:, 2] * height
    margin = out[:, 2] / width
    out[:, 0] = np.clip(0.5 + clumps[:, 0] * (half / species.aspect), margin, 1 - margin) * width
    out[:, 1] = np.clip((1 - (low + (high - low) * clumps[:, 1])) * height, out[:, 2] * 0.9, height - 0.5 * out[:, 2])
    out[:, 3] = clumps[:, 3]
    out[:, 4], out[:, 5] = clumps[:, 0], clumps[:, 1]
    return out[np.argsort(out[:, 3])]


def _boughs(
    species: Species, rng: np.random.Generator, canvas: np.ndarray, mask: np.ndarray, centres: np.ndarray
) -> None:
    """Trunk and boughs that lead to clumps."""
    if species.trunk <= 0:
        return
    height, width = mask.shape
    low, high, _ = species.crown
    foot = np.array([width / 2, height - 1.0])
    bend = rng.normal(0, 0.02) * height
    fork = np.array([width / 2 + bend, height * (1 - low - 0.12 * (high - low))])
    top = np.array([width / 2 + bend, height * (1 - low - (high - low) * (0.85 if species.taper > 0.4 else 0.4))])
    thick = species.trunk * height

    def limb(a: np.ndarray, b: np.ndarray, start: float, end: float) -> None:
        side = np.array([b[1] - a[1], a[0] - b[0]]) / max(float(np.hypot(*(b - a))), 1e-6)
        shape = np.array([a + side * start, b + side * end, b - side * end, a - side * start])
        cv2.fillConvexPoly(mask, np.round(shape * 16).astype(np.int32), 255, cv2.LINE_AA, 4)
        for share, tone in ((1.0, 60), (0.0, 150)):
            part = np.array([a + side * start * (2 * share - 1), b + side * end * (2 * share - 1), b, a])
            cv2.fillConvexPoly(
                canvas,
                np.round(part * 16).astype(np.int32),
                (215 if share else 40, 128, (tone + int(rng.integers(0, 60))) * BARK // 256),
                cv2.LINE_8,
                4,
            )

    limb(foot, fork, thick * 1.15, thick * 0.8)
    limb(fork, top, thick * 0.8, thick * 0.35)
    chosen = centres[rng.permutation(len(centres))[: species.boughs]]
    for x, y, *_ in chosen:
        start = fork + (top - fork) * rng.uniform(0, 0.9)
        joint = (start + np.array([x, y])) / 2 + rng.normal(0, 0.02, 2) * height + [0, 0.03 * height]
        limb(start, joint, thick * 0.42, thick * 0.26)
        limb(joint, np.array([x, y]), thick * 0.26, thick * 0.1)


def _foliage(
    species: Species, rng: np.random.Generator, canvas: np.ndarray, mask: np.ndarray, centres: np.ndarray
) -> None:
    """Leaves of each clump, far clumps first; outer and upper leaves are lighter."""
    height = mask.shape[0]
    for x, y, radius, z, across, up in centres:
        count = species.leaves
        direction = rng.normal(size=(count, 3))
        direction[:, 2] = np.abs(direction[:, 2]) * 0.8
        direction /= np.linalg.norm(direction, axis=1, keepdims=True)
        shell = rng.uniform(0.2, 1.0, count) ** 0.6 + np.abs(rng.normal(0, 0.12, count))
        place = np.stack(
            [x + direction[:, 0] * shell * radius * 1.2, y - direction[:, 1] * shell * radius * 0.8], axis=1
        )
        crown = np.array([across * 0.9, (up - 0.45) * 1.3, max(z, 0) * 0.8 + 0.25])
        normal = 0.5 * direction + 0.5 * crown + rng.normal(0, 0.33, (count, 3))
        normal /= np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-6)
        inner = 0.5 + 0.5 * np.clip(z, -1, 1)
        shade = np.clip(
            (0.30 + 0.45 * inner + 0.27 * direction[:, 1] + 0.3 * (shell - 0.8) + 0.15 * up)
            * rng.uniform(0.6, 1.25, count),
            0.08,
            1,
        )
        values = np.stack(
            [normal[:, 0] * 127 + 128, normal[:, 1] * 127 + 128, np.maximum(shade * 255, BARK + 8)], axis=1
        )
        order = np.argsort(direction[:, 2] + 0.5 * shade)
        size = species.leaf * height / TALL * rng.uniform(0.5, 1.3, (count, 2))
        turn = rng.uniform(0, np.pi, count)
        corner = np.array([[1, 0], [0.1, 0.62], [-1, 0], [-0.1, -0.62]])
        c, s = np.cos(turn)[:, None], np.sin(turn)[:, None]
        dx, dy = corner[:, 0] * size[:, :1] * 1.6, corner[:, 1] * size[:, 1:] * 1.6
        shapes = np.stack([place[:, :1] + dx * c - dy * s, place[:, 1:] + dx * s + dy * c], axis=-1)
        shapes = np.round(shapes * 16).astype(np.int32)
        for i in order:
            cv2.fillConvexPoly(mask, shapes[i], 255, cv2.LINE_8, 4)
            cv2.fillConvexPoly(canvas, shapes[i], values[i].tolist(), cv2.LINE_8, 4)


def _blades(species: Species, rng: np.random.Generator, canvas: np.ndarray, mask: np.ndarray) -> None:
    """A strip of tall grass."""
    height, width = mask.shape
    for _ in range(species.leaves):
        x, tall, lean = rng.uniform(8, width - 8), rng.gamma(4.0, 0.11) * height, rng.normal(0, 0.25)
        tall = min(tall, height * 0.95)
        tip = [x + lean * tall, height - tall]
        shape = np.round(np.array([[x - 1.6, height], [x + 1.6, height], tip]) * 16).astype(np.int32)
        tone = int(np.clip(rng.normal(170, 40), 40, 255))
        cv2.fillConvexPoly(mask, shape, 255, cv2.LINE_8, 4)
        cv2.fillConvexPoly(canvas, shape, (int(128 + rng.normal(0, 45)), 200, max(tone, BARK + 8)), cv2.LINE_8, 4)
