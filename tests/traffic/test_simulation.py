"""Traffic: nobody touches anybody, speeds fit the setting, same seed same traffic, futures part."""

import itertools
import math
import time
from dataclasses import fields

import numpy as np
import pytest
import shapely

from drivesim.scene.road import Road, Setting
from drivesim.scene.vehicles import KINDS, SIZES
from drivesim.traffic.drivers import DESIRED_SPEED
from drivesim.traffic.sampling import STARTS, sample_traffic
from drivesim.traffic.simulation import advance, continued, snapshots
from drivesim.traffic.state import GONE, ONCOMING, Traffic, VehicleStates

WIDTHS = np.array([SIZES[kind][1] for kind in KINDS])
LENGTHS = np.array([SIZES[kind][0] for kind in KINDS])


def sampled(setting: Setting, lanes: int, seed: int, density: float, start: str | None = None) -> Traffic:
    road = Road(setting, lanes, ego_lane=1 + seed % lanes)
    street = setting in ("city", "residential")
    offset = road.lane_center(1) + road.lane_width * (1.0 if lanes == 1 else 1.6)
    count = min(lanes, 2)
    kerbs = (road.lane_center(lanes) - 2.4, offset + (count - 1) * road.lane_width + 2.4)
    rng = np.random.default_rng(seed)
    return sample_traffic(road, rng, density, count, offset, street, kerbs, start=start)  # type: ignore[arg-type]


def others(traffic: Traffic) -> VehicleStates:
    """Everybody but the ego."""
    return VehicleStates(**{field.name: getattr(traffic.vehicles, field.name)[1:] for field in fields(VehicleStates)})


def present(traffic: Traffic) -> np.ndarray:
    return others(traffic).s > GONE / 2


def parked(traffic: Traffic) -> np.ndarray:
    return np.arange(1, len(traffic.vehicles.s)) >= traffic.driving


def rectangles(traffic: Traffic) -> np.ndarray:
    """Outlines of everybody present and of the ego (the last)."""
    here = present(traffic)
    s, d = np.append(others(traffic).s[here], traffic.vehicles.s[0]), np.append(others(traffic).d[here], 0.0)
    yaw, kind = np.append(others(traffic).heading[here], 0.0), np.append(others(traffic).kind[here], 0)
    corner = np.array([[1, 1], [-1, 1], [-1, -1], [1, -1]]) / 2
    local = corner[None] * np.stack([LENGTHS[kind], WIDTHS[kind]], axis=-1)[:, None]
    c, n = np.cos(yaw)[:, None], np.sin(yaw)[:, None]
    x = s[:, None] + c * local[..., 0] - n * local[..., 1]
    y = d[:, None] + n * local[..., 0] + c * local[..., 1]
    return shapely.polygons(np.stack([x, y], axis=-1))


def touching(traffic: Traffic) -> int:
    outlines = rectangles(traffic)
    pairs = shapely.STRtree(outlines).query(outlines, predicate="intersects")
    return int((pairs[0] != pairs[1]).sum())


CASES: list[tuple[Setting, int]] = [("highway", 2), ("highway", 4), ("city", 2), ("residential", 1), ("rural", 1)]


@pytest.mark.parametrize(("setting", "lanes"), CASES)
@pytest.mark.parametrize("density", [0.15, 0.6, 1.0])
def test_nobody_ever_touches_anybody(setting: Setting, lanes: int, density: float) -> None:
    traffic = sampled(setting, lanes, seed=int(10 * density) + lanes, density=density)
    known = set(others(traffic).track.tolist())
    for frame in range(60 * 30):
        advance(traffic, 1 / 30)
        assert (others(traffic).speed >= 0).all() and traffic.vehicles.speed[0] >= 0
        if frame % 6 == 0:
            assert touching(traffic) == 0
            fresh = ~np.isin(others(traffic).track, list(known)) & present(traffic) & ~parked(traffic)
            ahead = others(traffic).s[fresh] - traffic.vehicles.s[0]
            assert ((ahead > 150) | (ahead < -20)).all()  # nobody pops up in sight
            known |= set(others(traffic).track.tolist())
    assert traffic.time == pytest.approx(60.0)


def test_every_start_is_free_of_overlap_and_brakes_gently() -> None:
    for (setting, lanes), start, seed in itertools.product(CASES, STARTS, range(3)):
        traffic = sampled(setting, lanes, seed, 0.7, start)
        assert touching(traffic) == 0
        for _ in range(60):
            advance(traffic, 1 / 30)
            assert traffic.vehicles.accel.min() > -8.5
        assert touching(traffic) == 0


@pytest.mark.parametrize(("setting", "lanes"), CASES)
def test_speeds_fit_the_setting(setting: Setting, lanes: int) -> None:
    low, high = DESIRED_SPEED[setting]
    own, ego = [], []
    for seed in range(6):
        traffic = sampled(setting, lanes, seed, 0.3, "usual")
        for _ in range(20):
            advance(traffic, 0.5)
            driving = present(traffic) & ~parked(traffic)
            own.append(others(traffic).speed[driving])
            ego.append(traffic.vehicles.speed[0])
    speeds = np.concatenate(own)
    assert speeds.max() < high * 1.12 + 0.5
    assert 0.8 * low < np.median(speeds) < high
    assert np.std(ego) > 0.3


def test_steps_are_reproducible_and_copies_independent() -> None:
    one, two = (sampled("highway", 3, 4, 0.6) for _ in range(2))
    twin = one.copy()
    for _ in range(240):
        advance(one, 1 / 30)
    for _ in range(60):
        advance(two, 4 / 30)
    np.testing.assert_allclose(others(one).s, others(two).s)
    np.testing.assert_array_equal(others(one).track, others(two).track)
    assert twin.time == 0.0 and not np.allclose(others(twin).s, others(one).s)
    for _ in range(240):
        advance(twin, 1 / 30)
    np.testing.assert_array_equal(others(twin).s, others(one).s)
    np.testing.assert_array_equal(others(twin).d, others(one).d)


def test_continued_starts_the_same_and_parts() -> None:
    traffic = sampled("highway", 3, 4, 0.5, "usual")
    advance(traffic, 2.0)
    futures = [continued(traffic, seed) for seed in (1, 2, 1)]
    for future in futures:
        np.testing.assert_array_equal(others(future).s, others(traffic).s)
        np.testing.assert_array_equal(others(future).speed, others(traffic).speed)
        assert future.vehicles.speed[0] == traffic.vehicles.speed[0]
        advance(future, 6.0)
    np.testing.assert_array_equal(others(futures[0]).s, others(futures[2]).s)
    both = present(futures[0]) & present(futures[1]) & (others(futures[0]).track == others(futures[1]).track)
    assert np.abs((others(futures[0]).s - others(futures[1]).s)[both]).max() > 3.0
    assert futures[0].vehicles.s[0] != futures[1].vehicles.s[0]


def test_special_starts_put_vehicles_where_they_say() -> None:
    for seed in range(8):
        lead = sampled("city", 2, seed, 0.3, "lead")
        near = (others(lead).lane == lead.road.ego_lane) & (others(lead).s > 0) & (others(lead).s < 19)
        assert near.any()
        some = others(sampled("rural", 1, seed, 0.3, "oncoming truck"))
        assert ((some.lane >= ONCOMING) & (some.kind == KINDS.index("truck")) & (some.s < 46) & (some.s > 0)).any()
        empty = sampled("highway", 3, seed, 0.5, "empty")
        assert not ((others(empty).lane < ONCOMING) & (others(empty).lane > 0)).any()
        jam = sampled("highway", 3, seed, 0.5, "jam")
        assert jam.vehicles.speed[0] < 12 and (np.abs(others(jam).s[others(jam).lane < ONCOMING]) < 60).sum() >= 8
    sides = [np.abs(others(t).s[(np.abs(others(t).lane - t.road.ego_lane) == 1) & present(t)]).min(initial=99.0)
             for t in (sampled("highway", 3, seed, 0.1, "beside") for seed in range(10))]  # fmt: skip
    assert np.mean(np.array(sides) < 14) > 0.6


def test_a_red_light_holds_the_ego_and_lets_it_go() -> None:
    stopped = restarted = False
    for seed in range(6):
        traffic = sampled("city", 2, seed, 0.3, "red light")
        line, slow = traffic.stop_s, False
        assert math.isfinite(line)
        while traffic.time < 25:
            advance(traffic, 0.1)
            if math.isfinite(traffic.stop_s) and traffic.stop_s == line:
                assert traffic.vehicles.s[0] < line
            slow |= traffic.vehicles.speed[0] < 0.5
            restarted |= slow and traffic.vehicles.speed[0] > 4
        stopped |= slow
    assert stopped and restarted


def test_lane_changes_are_smooth_and_indicated() -> None:
    changes = 0
    for seed in range(4):
        traffic = sampled("highway", 3, seed, 0.5, "usual")
        before = traffic.copy()
        for _ in range(450):
            advance(traffic, 1 / 30)
            same = (others(traffic).track == others(before).track) & present(traffic) & ~parked(traffic)
            sideways = np.abs(others(traffic).d - others(before).d)[same]
            assert sideways.max(initial=0.0) < 0.09
            moving = traffic.vehicles.lane[1:] != traffic.vehicles.target[1:]
            assert (others(traffic).indicator[moving] != 0).all()
            changes += int((same & (others(traffic).lane != others(before).lane)).sum())
            before = traffic.copy()
    assert changes >= 3


def test_parked_cars_stand_at_the_kerb() -> None:
    traffic = sampled("residential", 1, 3, 0.4)
    assert parked(traffic).sum() >= 8
    places = dict(
        zip(others(traffic).track[parked(traffic)].tolist(), others(traffic).s[parked(traffic)].tolist(), strict=True)
    )
    advance(traffic, 5.0)
    for track, s in zip(
        others(traffic).track[parked(traffic)].tolist(), others(traffic).s[parked(traffic)].tolist(), strict=True
    ):
        assert places.get(track, s) == s
    assert (others(traffic).speed[parked(traffic)] == 0).all()


def test_a_step_is_cheap() -> None:
    traffic = sampled("highway", 4, 1, 1.0, "jam")
    start = time.process_time()
    for _ in range(300):
        advance(traffic, 1 / 30)
    assert (time.process_time() - start) / 300 < 1e-3  # about 0.15 ms; generous for a busy machine


def test_snapshots_show_the_same_moments_at_any_rate() -> None:
    traffic = sampled("city", 2, 5, 0.6)
    slow, fast = list(snapshots(traffic, 4, 2.0)), list(snapshots(traffic, 16, 8.0))
    for one, other in zip(slow, fast[::4], strict=True):
        for field in fields(one):
            np.testing.assert_array_equal(getattr(one, field.name), getattr(other, field.name))
    assert traffic.time == 0.0
    between = list(snapshots(traffic, 3, 60.0))
    np.testing.assert_allclose(between[1].s[:3], (between[0].s[:3] + between[2].s[:3]) / 2)
    advance(traffic, 0.5)
    np.testing.assert_allclose(traffic.vehicles.s, slow[1].s)
    assert not slow[0].parked[0] and slow[0].parked.sum() == len(traffic.vehicles.s) - traffic.driving
