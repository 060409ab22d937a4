"""Layout maps and flow against what the world's renderer sees."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np

from drivesim.evaluation.layout_agreement import rendered_maps, scene_of, true_flow
from drivesim.layout.flow import flow
from drivesim.layout.raster import layout_maps
from drivesim.metrics.layout_agreement import agreement_figures, compare_frame
from drivesim.scene.road import SETTINGS
from drivesim.scene.vehicles import KINDS, SIZES
from drivesim.world.generator import moments, sample_world

HEIGHT, WIDTH = 128, 256


@cache
def agreement() -> dict[str, float]:
    frames, no_flow = [], np.full((HEIGHT, WIDTH), np.nan)
    for seed in range(1000, 1008):
        world = sample_world(seed, None, SETTINGS[seed % 4])
        moment, _ = next(iter(moments(world, 1, 1.0)))
        maps = layout_maps(scene_of(world, moment), HEIGHT, WIDTH)
        frames.append(compare_frame(maps, rendered_maps(world, moment, HEIGHT, WIDTH), no_flow))
    return {name: interval.value for name, interval in agreement_figures(frames).items()}


def test_vehicles_have_their_silhouettes() -> None:
    figures = agreement()
    assert figures["vehicles_compared"] >= 10
    assert figures["silhouette_iou"] >= 0.85
    assert figures["vehicle_depth_within_10_percent"] > 0.95


def test_markings_are_within_a_pixel() -> None:
    assert agreement()["markings_within_1_px"] >= 0.9


def test_the_ground_is_as_deep_as_it_is() -> None:
    assert agreement()["ground_depth_error_median"] < 0.002
    assert agreement()["ground_depth_within_2_percent"] > 0.95


def test_most_pixels_have_the_right_class() -> None:
    assert agreement()["same_all"] > 0.88
    assert agreement()["same_road"] > 0.95


def test_flow_is_the_motion_of_the_world() -> None:
    errors, alike, followed = [], [], []
    for seed in (1003, 1004, 1005, 1006):
        world = sample_world(seed, "day", SETTINGS[seed % 4])
        (before, _), (now, _) = moments(world, 2, 4.0)
        scenes = [scene_of(world, moment) for moment in (now, before)]
        maps = [layout_maps(scene, HEIGHT, WIDTH) for scene in scenes]
        truths = [rendered_maps(world, moment, HEIGHT, WIDTH) for moment in (now, before)]
        back = flow(scenes[0], maps[0], scenes[1], maps[1])
        rendered = [replace(m, track=t.track, inverse_depth=1 / t.depth) for m, t in zip(maps, truths, strict=True)]
        alike.append(back.seen == flow(scenes[0], rendered[0], scenes[1], rendered[1]).seen)
        (here, visible), (there, visible_there) = (
            _seen(moment, _vertices(world, moment), truth.depth)
            for moment, truth in zip((now, before), truths, strict=True)
        )
        column, row = here[visible & visible_there].astype(int).T
        shift = np.stack([back.right[row, column], back.down[row, column]], axis=1)
        right, down, found = true_flow(now, truths[0], before, truths[1])
        same = np.stack([right[row, column], down[row, column]], axis=1)[found[row, column]]
        followed.append(np.linalg.norm(same - (there - here)[visible & visible_there][found[row, column]], axis=1))
        errors.append(np.linalg.norm(shift - (there - here)[visible & visible_there], axis=1)[back.seen[row, column]])
    assert len(np.concatenate(errors)) > 300
    assert np.median(np.concatenate(errors)) < 0.5
    assert np.mean(alike) > 0.85
    assert len(np.concatenate(followed)) > 300 and np.median(np.concatenate(followed)) < 0.25


def _vertices(world, moment) -> np.ndarray:
    """Corners of the roadside and of the vehicles in the ego frame [n 3], the same ones in two moments of one place."""
    still = world.surroundings.scenery.around(0.0).geometry.turned(moment.pose).mesh.vertices[:, 0]
    size = np.array([SIZES[kind] for kind in KINDS])[moment.kind]
    c, n = np.cos(moment.yaw), np.sin(moment.yaw)
    cars = {}
    for row, track in enumerate(moment.track.tolist()):
        for x, y in ((-1, -1), (-1, 1), (1, -1), (1, 1)):  # on the flanks, at half of the height
            x, y = 0.3 * x * size[row, 0], 0.49 * y * size[row, 1]
            cars[track, x > 0, y > 0] = [*(moment.place[row] + [x * c[row] - y * n[row], x * n[row] + y * c[row]]), 0.6]
    places = [
        cars.get((track, a, b), [-1.0, 0.0, 0.0]) for track in range(400) for a in (False, True) for b in (False, True)
    ]
    return np.concatenate([still, places])


def _seen(moment, points: np.ndarray, depth: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Pixel coordinates [n 2] (0.5 is the first pixel's centre) and whether each is what the renderer shows there."""
    spots, far = moment.camera.project(points)
    spots = spots * [WIDTH, HEIGHT]
    inside = (far > 1.0) & (spots > 0).all(axis=1) & (spots < [WIDTH, HEIGHT]).all(axis=1)
    column, row = np.clip(spots, 0, [WIDTH - 1, HEIGHT - 1]).astype(int).T
    return spots, inside & (np.abs(depth[row, column] - far) < 0.03 * far)
