"""Labels of pixels against boxes, depth and what the settings have."""

from __future__ import annotations

from functools import cache

import numpy as np

from drivesim.scene.classes import SceneClass
from drivesim.scene.road import SETTINGS
from drivesim.world.generator import moments, sample_world
from drivesim.world.render.renderer import Rendered, render

HEIGHT, WIDTH = 128, 256


@cache
def rendered(seed: int) -> Rendered:
    world = sample_world(seed, None, SETTINGS[seed % 4])
    moment, _ = next(iter(moments(world, 1, 1.0)))
    return render(world.surroundings, moment, HEIGHT, WIDTH, 2, ids=True)


def share(seed: int, *classes: SceneClass) -> float:
    ids = rendered(seed).ids
    assert ids
    return float(np.isin(ids.scene_class, classes).mean())


def test_pixels_of_a_vehicle_lie_in_its_box() -> None:
    counted = 0
    for seed in range(8):
        ids, boxes = rendered(seed).ids, rendered(seed).boxes
        assert ids
        np.testing.assert_array_equal(ids.track >= 0, ids.scene_class == SceneClass.VEHICLE)
        for track, box, visible in zip(boxes.track, boxes.box * [WIDTH, HEIGHT, WIDTH, HEIGHT], boxes.visible, strict=True):
            rows, columns = np.nonzero(ids.track == track)
            if len(rows):
                assert columns.min() >= box[0] - 1.1 and columns.max() + 1 <= box[2] + 1.1
                assert rows.min() >= box[1] - 1.1 and rows.max() + 1 <= box[3] + 1.1
            area = (box[2] - box[0]) * (box[3] - box[1])
            if area > 150 and visible > 0.9:
                assert 0.6 * visible * area < len(rows) <= 1.1 * area
                counted += 1
    assert counted > 8


def test_sky_is_what_is_infinitely_far() -> None:
    for seed in range(8):
        ids = rendered(seed).ids
        assert ids
        np.testing.assert_array_equal(ids.scene_class == SceneClass.SKY, np.isinf(rendered(seed).depth))


def test_settings_show_what_they_have() -> None:
    for seed in range(8):
        assert share(seed, SceneClass.ROAD) > 0.1
        assert 0.001 < share(seed, SceneClass.WHITE_MARKING, SceneClass.YELLOW_MARKING) < 0.1 or seed % 4 == 2
        assert share(seed, SceneClass.VEGETATION, SceneClass.BUILDING) > 0.01
    cities = [seed for seed in range(8) if SETTINGS[seed % 4] == "city"]
    assert all(share(seed, SceneClass.BUILDING) > 0.05 for seed in cities)


def test_labels_do_not_change_the_picture() -> None:
    world = sample_world(0, "night", "city")
    moment, _ = next(iter(moments(world, 1, 1.0)))
    plain, labelled = (render(world.surroundings, moment, HEIGHT, WIDTH, 2, ids=ids) for ids in (False, True))
    assert plain.ids is None and labelled.ids is not None
    np.testing.assert_array_equal(plain.radiance, labelled.radiance)
    np.testing.assert_array_equal(plain.depth, labelled.depth)
