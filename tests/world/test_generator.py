"""Worlds are determined by their seed, time by time; labels agree with the pictures."""

import cv2
import numpy as np
import pytest

from drivesim.scene.boxes import Boxes
from drivesim.scene.camera import Camera
from drivesim.scene.clip import Clip
from drivesim.traffic.paint import paints
from drivesim.traffic.vehicle_lamps import HEAD, TAIL
from drivesim.world.generator import generate_clip, moments, render_clip, sample_world
from drivesim.world.render.renderer import render


def tables(clip: Clip) -> list[Boxes]:
    """The boxes of each frame; a world knows them all."""
    known = [table for table in clip.labels.boxes if table is not None]
    assert len(known) == len(clip.frames)
    assert clip.labels.crowdedness.tolist() == [table.crowdedness for table in known]
    return known


@pytest.fixture(scope="module")
def clip() -> Clip:
    return generate_clip(3, 4, 10.0, 128, 256, "day", "highway", depth=True)


def gradient_energy(frame: np.ndarray) -> float:
    grey = cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY).astype(float)
    return float(np.hypot(np.diff(grey, axis=0)[:, :-1], np.diff(grey, axis=1)[:-1]).mean())


def test_same_seed_same_bytes(clip: Clip) -> None:
    again = generate_clip(3, 4, 10.0, 128, 256, "day", "highway", depth=True)
    assert np.array_equal(clip.frames, again.frames)
    assert clip.depth is not None and again.depth is not None
    assert np.array_equal(clip.depth, again.depth)
    assert all(
        np.array_equal(a.box, b.box) and np.array_equal(a.track, b.track)
        for a, b in zip(tables(clip), tables(again), strict=True)
    )


def test_other_seed_other_world(clip: Clip) -> None:
    other = generate_clip(4, 1, 10.0, 128, 256, "day", "highway")
    assert np.abs(clip.frames[0].astype(int) - other.frames[0]).mean() > 5


def test_time_fixes_the_frame_at_any_rate() -> None:
    world = sample_world(11)
    slow = render_clip(world, 3, 2.0, 64, 128)
    fast = render_clip(world, 9, 8.0, 64, 128)
    odd = render_clip(world, 26, 25.0, 64, 128)
    assert np.array_equal(slow.frames, fast.frames[::4])
    assert np.array_equal(slow.frames[2], odd.frames[25])
    assert np.allclose(slow.labels.ego.speed, fast.labels.ego.speed[::4])


def test_resolution_shows_the_same_scene() -> None:
    world = sample_world(21, "day", "highway")
    small = render_clip(world, 1, 10.0, 128, 256, noise=False)
    large = render_clip(world, 1, 10.0, 512, 1024, noise=False)
    reduced = cv2.resize(large.frames[0], (256, 128), interpolation=cv2.INTER_AREA)
    assert np.abs(reduced.astype(int) - small.frames[0]).mean() < 5
    same = np.intersect1d(tables(small)[0].track, tables(large)[0].track)
    assert len(same) >= 0.7 * len(tables(large)[0])
    for track in same:
        a, b = (boxes.box[boxes.track == track][0] for boxes in (tables(small)[0], tables(large)[0]))
        assert np.allclose(a, b, atol=1e-5)


def test_noise_can_be_left_out(clip: Clip) -> None:
    world = sample_world(3, "night", "highway")
    noisy, clean = (render_clip(world, 1, 10.0, 128, 256, noise=noise).frames[0].astype(int) for noise in (True, False))
    difference = noisy - clean
    assert 0.2 < difference.std() < 8 and abs(difference.mean()) < 0.5
    assert np.array_equal(clean, render_clip(world, 1, 10.0, 128, 256, noise=False).frames[0])


def test_continued_shares_the_present_only() -> None:
    world = sample_world(7, "day", "city")
    futures = [render_clip(world.continued(seed), 3, 0.25, 64, 128) for seed in (1, 2)]
    assert np.array_equal(futures[0].frames[0], futures[1].frames[0])
    assert not np.array_equal(futures[0].frames[2], futures[1].frames[2])
    assert np.array_equal(render_clip(world, 1, 1.0, 64, 128).frames[0], futures[0].frames[0])


def test_later_world_is_where_the_clip_gets_to() -> None:
    world = sample_world(5)
    through = render_clip(world, 2, 1.0, 64, 128)
    later = render_clip(world.after(1.0), 1, 1.0, 64, 128)
    assert np.array_equal(through.frames[1], later.frames[0])


def test_what_is_asked_for_is_kept() -> None:
    camera = Camera(2.0, -3.0, 55.0)
    world = sample_world(9, "night", "rural", 2, 2, -0.01, camera)
    assert (world.time_of_day, world.road.setting, world.road.lanes, world.road.ego_lane, world.camera) == (
        "night",
        "rural",
        2,
        2,
        camera,
    )
    clip = render_clip(world, 1, 10.0, 64, 128)
    assert clip.labels.road is not None and clip.labels.camera == camera
    assert clip.labels.road.curvature == pytest.approx(-0.01, abs=1e-6)
    assert sample_world(9, ego_lane=1).road.setting == sample_world(9).road.setting


def test_night_is_darker_than_day() -> None:
    day, night = (
        np.mean([generate_clip(s, 1, 1.0, 64, 128, time).frames.mean() for s in range(4)]) for time in ("day", "night")
    )
    assert night < 0.55 * day


def test_day_pictures_are_not_bland() -> None:
    energy = [gradient_energy(generate_clip(s, 1, 1.0, 128, 256, "day", noise=False).frames[0]) for s in range(30, 42)]
    assert np.mean(energy) > 7.0


def test_depth_is_infinite_in_the_sky_and_near_below(clip: Clip) -> None:
    assert clip.depth is not None and clip.depth.dtype == np.float16 and clip.depth.shape == clip.frames.shape[:3]
    assert np.isinf(clip.depth[0, 0]).any() and np.nanmedian(clip.depth[0, -1].astype(float)) < 12


def test_boxes_lie_in_the_frame_and_follow_tracks() -> None:
    for seed in range(5):
        clip = generate_clip(seed, 3, 10.0, 64, 128)
        for boxes in tables(clip):
            assert (boxes.box >= 0).all() and (boxes.box <= 1).all()
            assert (boxes.box[:, 2:] > boxes.box[:, :2]).all()
            assert (boxes.visible > 0).all() and (boxes.visible <= 1).all()
            assert len(np.unique(boxes.track)) == len(boxes)


def test_scene_at_a_time_does_not_change_the_world() -> None:
    world = sample_world(2)
    before = world.traffic.vehicles.s[0]
    list(moments(world, 5, 1.0))
    assert world.traffic.vehicles.s[0] == before and world.time == 0.0


def test_labels_tell_paint_and_lamps() -> None:
    seen, lit = 0, set()
    for seed, time_of_day in ((1, "day"), (2, "night"), (3, "night"), (4, "day")):
        world = sample_world(seed, time_of_day)  # type: ignore[arg-type]
        (moment, _), *_ = moments(world, 1, 1.0)
        boxes = render(world.surroundings, moment, 64, 128, 2).boxes
        np.testing.assert_array_equal(boxes.paint, paints(seed, boxes.kind, boxes.track))
        driving = ~moment.parked[[int(np.flatnonzero(moment.track == track)[0]) for track in boxes.track]]
        if time_of_day == "night":
            assert ((boxes.lamps[driving] & TAIL) > 0).all() and ((boxes.lamps[driving] & HEAD) > 0).all()
        assert (boxes.lamps[~driving] == 0).all() and boxes.lamps.dtype == np.uint8
        seen, lit = seen + len(boxes), lit | set(boxes.lamps.tolist())
    assert seen > 5 and len(lit) > 1
