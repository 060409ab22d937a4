"""Traffic: nobody touches anybody, speeds fit the setting, same seed same traffic, futures part."""

import itertools
import math
import time

import numpy as np
import pytest
import shapely

from drivesim.scene.road import Road, Setting
from drivesim.scene.vehicles import KINDS, SIZES
from drivesim.traffic.drivers import DESIRED_SPEED
from drivesim.traffic.flow import ONCOMING
from drivesim.traffic.sampling import STARTS, Traffic, sample_traffic

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


def rectangles(traffic: Traffic) -> np.ndarray:
    """Outlines of everybody present and of the ego (the last)."""
    here = traffic.present
    s, d = np.append(traffic.s[here], traffic.ego_s), np.append(traffic.d[here], 0.0)
    yaw, kind = np.append(traffic.heading[here], 0.0), np.append(traffic.kind[here], 0)
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
    known = set(traffic.track.tolist())
    for frame in range(60 * 30):
        traffic.step(1 / 30)
        assert (traffic.speed >= 0).all() and traffic.ego_speed >= 0
        if frame % 6 == 0:
            assert touching(traffic) == 0
            fresh = ~np.isin(traffic.track, list(known)) & traffic.present & ~traffic.parked
            ahead = traffic.s[fresh] - traffic.ego_s
            assert ((ahead > 150) | (ahead < -20)).all()  # nobody pops up in sight
            known |= set(traffic.track.tolist())
    assert traffic.time == pytest.approx(60.0)


def test_every_start_is_free_of_overlap_and_brakes_gently() -> None:
    for (setting, lanes), start, seed in itertools.product(CASES, STARTS, range(3)):
        traffic = sampled(setting, lanes, seed, 0.7, start)
        assert touching(traffic) == 0
        for _ in range(60):
            traffic.step(1 / 30)
            assert traffic.rows.accel.min() > -8.5
        assert touching(traffic) == 0


@pytest.mark.parametrize(("setting", "lanes"), CASES)
def test_speeds_fit_the_setting(setting: Setting, lanes: int) -> None:
    low, high = DESIRED_SPEED[setting]
    own, ego = [], []
    for seed in range(6):
        traffic = sampled(setting, lanes, seed, 0.3, "usual")
        for _ in range(20):
            traffic.step(0.5)
            driving = traffic.present & ~traffic.parked
            own.append(traffic.speed[driving])
            ego.append(traffic.ego_speed)
    speeds = np.concatenate(own)
    assert speeds.max() < high * 1.12 + 0.5
    assert 0.8 * low < np.median(speeds) < high
    assert np.std(ego) > 0.3


def test_steps_are_reproducible_and_copies_independent() -> None:
    one, two = (sampled("highway", 3, 4, 0.6) for _ in range(2))
    twin = one.copy()
    for _ in range(240):
        one.step(1 / 30)
    for _ in range(60):
        two.step(4 / 30)
    np.testing.assert_allclose(one.s, two.s)
    np.testing.assert_array_equal(one.track, two.track)
    assert twin.time == 0.0 and not np.allclose(twin.s, one.s)
    for _ in range(240):
        twin.step(1 / 30)
    np.testing.assert_array_equal(twin.s, one.s)
    np.testing.assert_array_equal(twin.d, one.d)


def test_continued_starts_the_same_and_parts() -> None:
    traffic = sampled("highway", 3, 4, 0.5, "usual")
    traffic.step(2.0)
    futures = [traffic.continued(seed) for seed in (1, 2, 1)]
    for future in futures:
        np.testing.assert_array_equal(future.s, traffic.s)
        np.testing.assert_array_equal(future.speed, traffic.speed)
        assert future.ego_speed == traffic.ego_speed
        future.step(6.0)
    np.testing.assert_array_equal(futures[0].s, futures[2].s)
    both = futures[0].present & futures[1].present & (futures[0].track == futures[1].track)
    assert np.abs((futures[0].s - futures[1].s)[both]).max() > 3.0
    assert futures[0].ego_s != futures[1].ego_s


def test_special_starts_put_vehicles_where_they_say() -> None:
    for seed in range(8):
        lead = sampled("city", 2, seed, 0.3, "lead")
        near = (lead.lane == lead.road.ego_lane) & (lead.s > 0) & (lead.s < 19)
        assert near.any()
        truck = sampled("rural", 1, seed, 0.3, "oncoming truck")
        assert ((truck.lane >= ONCOMING) & (truck.kind == KINDS.index("truck")) & (truck.s < 46) & (truck.s > 0)).any()
        empty = sampled("highway", 3, seed, 0.5, "empty")
        assert not ((empty.lane < ONCOMING) & (empty.lane > 0)).any()
        jam = sampled("highway", 3, seed, 0.5, "jam")
        assert jam.ego_speed < 12 and (np.abs(jam.s[jam.lane < ONCOMING]) < 60).sum() >= 8
    sides = [np.abs(t.s[(np.abs(t.lane - t.road.ego_lane) == 1) & t.present]).min(initial=99.0)
             for t in (sampled("highway", 3, seed, 0.1, "beside") for seed in range(10))]  # fmt: skip
    assert np.mean(np.array(sides) < 14) > 0.6


def test_a_red_light_holds_the_ego_and_lets_it_go() -> None:
    stopped = restarted = False
    for seed in range(6):
        traffic = sampled("city", 2, seed, 0.3, "red light")
        line, slow = traffic.stop_s, False
        assert math.isfinite(line)
        while traffic.time < 25:
            traffic.step(0.1)
            if math.isfinite(traffic.stop_s) and traffic.stop_s == line:
                assert traffic.ego_s < line
            slow |= traffic.ego_speed < 0.5
            restarted |= slow and traffic.ego_speed > 4
        stopped |= slow
    assert stopped and restarted


def test_lane_changes_are_smooth_and_indicated() -> None:
    changes = 0
    for seed in range(4):
        traffic = sampled("highway", 3, seed, 0.5, "usual")
        before = traffic.copy()
        for _ in range(450):
            traffic.step(1 / 30)
            same = (traffic.track == before.track) & traffic.present & ~traffic.parked
            sideways = np.abs(traffic.d - before.d)[same]
            assert sideways.max(initial=0.0) < 0.09
            moving = traffic.rows.lane[1:] != traffic.rows.target[1:]
            assert (traffic.indicator[moving] != 0).all()
            changes += int((same & (traffic.lane != before.lane)).sum())
            before = traffic.copy()
    assert changes >= 3


def test_parked_cars_stand_at_the_kerb() -> None:
    traffic = sampled("residential", 1, 3, 0.4)
    assert traffic.parked.sum() >= 8
    places = dict(zip(traffic.track[traffic.parked].tolist(), traffic.s[traffic.parked].tolist(), strict=True))
    traffic.step(5.0)
    for track, s in zip(traffic.track[traffic.parked].tolist(), traffic.s[traffic.parked].tolist(), strict=True):
        assert places.get(track, s) == s
    assert (traffic.speed[traffic.parked] == 0).all()


def test_a_step_is_cheap() -> None:
    traffic = sampled("highway", 4, 1, 1.0, "jam")
    start = time.process_time()
    for _ in range(300):
        traffic.step(1 / 30)
    assert (time.process_time() - start) / 300 < 1e-3  # about 0.15 ms; generous for a busy machine
