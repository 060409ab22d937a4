"""The map of the markings: where the world paints them, moving as the camera drives, and nothing where it is not known."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from einops import rearrange
from toy_labels import toy_conditions

from drivesim.metrics.reconstruction import luma
from drivesim.models.conditions.conditions import Conditions
from drivesim.models.conditions.marking_map import CELL, MARKING_MAP_CHANNELS, marking_map
from drivesim.scene.camera import Camera
from drivesim.scene.road import DASHES, Road
from drivesim.world.generator import render_clip, sample_world


def picture(conditions: Conditions) -> np.ndarray:
    """The map as a picture [128 256]."""
    cells = marking_map(conditions, 16, 32)
    assert cells.shape == (1, MARKING_MAP_CHANNELS, 16, 32)
    return rearrange(cells, "b (y x) h w -> b (h y) (w x)", y=CELL)[0].numpy()


def asked(along: float, road: Road | None = None) -> Conditions:
    return toy_conditions([None], road=road or Road("highway", 3, 2), camera=Camera(), along=along)


@pytest.mark.parametrize("curvature", [0.0, 0.004])
@pytest.mark.parametrize("seed", [3, 5, 8])
def test_it_lies_where_the_world_paints_dashes(seed: int, curvature: float) -> None:
    """Near pixels that the map says are painted are brighter than those half a period on, where the asphalt is bare."""
    world = sample_world(seed, "day", "highway", 3, 2, curvature)
    world = replace(world, camera=Camera())
    clip = render_clip(world, 2, 7.5, 128, 256, noise=False)
    assert clip.labels.road is not None
    road = replace(clip.labels.road, curvature=float(clip.labels.ego.curvature[1]))
    half = DASHES["highway"][1] / 2
    painted, bare = (picture(asked(float(clip.labels.ego.along[1]) + shift, road)) for shift in (0.0, half))
    near = np.zeros((128, 256), bool)
    near[75:, 60:200] = True
    brightness = luma(clip.frames[1])
    on, off = (brightness[near & (m > 0.6)] for m in (painted, bare))
    assert len(on) > 10 and len(off) > 10
    assert on.mean() > off.mean() + 25


def test_it_moves_with_the_camera_and_repeats() -> None:
    period = DASHES["highway"][1]
    first = picture(asked(0.0))
    assert not np.allclose(first, picture(asked(3.0)), atol=0.1)
    np.testing.assert_allclose(first, picture(asked(100 * period)), atol=0.02)
    rows = [np.average(np.arange(85, 128), weights=picture(asked(metres))[85:, :128].sum(axis=1)) for metres in (0.0, 1.0)]
    assert rows[1] > rows[0]  # it comes nearer


def test_it_is_a_share_and_thins_out_toward_the_horizon() -> None:
    shown = picture(asked(0.0))
    assert shown.min() >= 0 and shown.max() < 1.001 and shown.max() > 0.9
    assert not shown[:64].any()
    assert 0 < shown[66:70].max() < 0.3


def test_every_border_of_an_own_lane_has_its_line() -> None:
    for lanes, ego in ((2, 1), (4, 3)):
        length, period = DASHES["highway"]
        at = period / 2 - length / 2 - 6.0  # a dash lies 6 to 9 m ahead
        row = picture(asked(at, Road("highway", lanes, ego)))[64 + round(222 * 1.4 / 7.5)]
        lines = np.flatnonzero(np.diff((row > 0.2).astype(int)) == 1)
        inside = [k for k in range(lanes + 1) if abs((ego - 0.5 - k) * 3.7) < 7.5 * 0.577]
        assert len(lines) == len(inside)


@pytest.mark.parametrize("group", ["place", "road", "camera"])
def test_what_is_not_known_is_not_drawn(group: str) -> None:
    both = toy_conditions([None] * 2, road=Road(), camera=Camera(), along=[0.0, 1.0])
    known = marking_map(both, 16, 32)
    dropped = marking_map(both.drop(**{group: torch.tensor([True, False])}), 16, 32)
    assert not dropped[0].any()
    assert torch.equal(dropped[1], known[1])
