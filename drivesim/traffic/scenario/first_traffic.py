"""The vehicles of the first frame: those of the scenario, and drawn ones until as many are in view as are asked for."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from drivesim.scenario.scenario import Scenario
from drivesim.scene.road import Road, Setting
from drivesim.scene.vehicles import KINDS, SIZES
from drivesim.traffic.drivers import draw_kinds
from drivesim.traffic.scenario.actor import lanes_of
from drivesim.traffic.scenario.companions import VIEW, Companions, vehicles_in_view
from drivesim.traffic.scenario.sight import out_of_sight, parked_out_of_sight
from drivesim.traffic.state import AHEAD, BEHIND, GONE, ONCOMING, Roadway, Traffic

_ACROSS: dict[Setting, float] = {"highway": 0.15, "city": 0.3, "residential": 0.15, "rural": 0.4}  # share that is oncoming
_PARKED: dict[Setting, float] = {"highway": 0.0, "city": 0.35, "residential": 0.65, "rural": 0.0}  # share that is parked
_TRIES = 120  # places that are drawn for each vehicle that is missing in view
_DENSEST = 0.04  # vehicles a metre and lane
_CLEAR = 60.0  # m ahead of who follows a script, in whose lanes nobody is drawn
_CLOSEST = 0.5  # s, headway on the fullest roads
_STRIDE = 10.0  # m along the road between places from which vehicles in view are counted
_SPARE = 3  # rows beyond those on the road, who may turn up later


@dataclass(frozen=True)
class Listed:
    """A vehicle at time 0: track, kind (index into KINDS), s and d (m), heading (rad), lane (0: beside or across the lanes).

    `speed` in m/s where it is given; `scripted`: it follows a script; `standing`: it stands for good.
    """

    track: int
    kind: int
    s: float
    d: float
    heading: float
    lane: int
    speed: float | None = None
    scripted: bool = False
    standing: bool = False


@dataclass(frozen=True)
class Shares:
    """Vehicles a metre of road: of the ego's direction, of the other one, and parked, all lanes and sides together."""

    own: float
    across: float
    parked: float

    @classmethod
    def of(cls, scenario: Scenario, roadway: Roadway, listed: list[Listed]) -> Shares:
        """Densities at which about as many are in view as are asked for."""
        setting = scenario.road.setting
        total = 1.25 * scenario.look.crowdedness / VIEW  # some are hidden
        across = _ACROSS[setting] if roadway.oncoming_lanes and roadway.seen_across else 0.0
        stands = sum(one.standing for one in listed) / max(len(listed), 1)
        parked = max(_PARKED[setting], 0.9 * stands) if roadway.parking else 0.0
        most = _DENSEST * scenario.road.lanes
        return cls(min((1 - parked) * (1 - across) * total, most), min((1 - parked) * across * total, most), parked * total)


def drawn_traffic(
    scenario: Scenario, listed: list[Listed], roadway: Roadway, still: np.random.Generator, rng: np.random.Generator
) -> list[Listed]:
    """Who else is on the road: in view and ahead drawn from `still`, the same in all futures, behind the ego from `rng`.

    Some stand at s = GONE: they wait to turn up.
    """
    if scenario.look.crowdedness == 0:
        return []
    draft = _Draft(scenario, roadway, list(listed), len(scenario.vehicles))
    shares = Shares.of(scenario, roadway, listed)
    draft.fill_view(shares, still)
    draft.fill_far(shares, still)
    draft.fill_along(shares, still)
    draft.fill_behind(shares, rng)
    for lane in [1] * (scenario.look.crowdedness + _SPARE) + [ONCOMING] * (5 if shares.across else 0):
        draft.add(Listed(draft.track, 0, GONE - 50.0 * draft.track, 0.0, 0.0 if lane == 1 else math.pi, lane))
    return draft.placed[len(listed) :]


def companions_of(scenario: Scenario, traffic: Traffic, everybody: list[Listed], roadway: Roadway) -> Companions | None:
    """Who keeps as many vehicles in view as are asked for; None if none is asked for."""
    if scenario.look.crowdedness == 0:
        return None
    first = len(scenario.vehicles)
    listed = [one for one in everybody if one.track < first]
    shares = Shares.of(scenario, roadway, listed)
    drawn = {row for row, one in enumerate(everybody, 1) if not (one.standing or one.scripted) and one.speed is None}
    gap = len(roadway.parking) / shares.parked if shares.parked else math.inf
    across = shares.across / max(sum(one.lane >= ONCOMING and one.s < GONE / 2 for one in everybody), 1)
    spacing = VIEW * scenario.road.lanes / scenario.look.crowdedness
    headway = (spacing - 7.0) / max(scenario.ego.speed, 5.0)  # s, of a road that holds so many
    rows = sorted(row for row in drawn if row < traffic.driving)
    traffic.vehicles.headway[rows] = np.minimum(traffic.vehicles.headway[rows], max(headway, _CLOSEST))
    return Companions(
        scenario.look.crowdedness, scenario.camera_model(), traffic.rng, drawn, scenario.ego.speed,
        scenario.ego.speed, across, gap, roadway.parking,
    )  # fmt: skip


class _Draft:
    """Vehicles placed so far; each further one keeps its distance."""

    def __init__(self, scenario: Scenario, roadway: Roadway, placed: list[Listed], track: int) -> None:
        self.scenario, self.roadway, self.placed, self.track = scenario, roadway, placed, track
        self.road: Road = scenario.road_model()
        self.setting = scenario.road.setting

    def add(self, one: Listed) -> None:
        self.placed.append(one)
        self.track += 1

    def count(self, vehicles: Sequence[Listed], way: float = 0.0) -> int:
        """How many of the `vehicles` count where the ego is after `way` metres."""
        table = np.array([(one.s - way, one.d, one.heading, one.kind) for one in vehicles]).reshape(-1, 4)
        s, d, heading, kind = table.T
        return vehicles_in_view(self.scenario.camera_model(), self.road, s, d, heading, kind.astype(int))

    def _is_small(self, one: Listed) -> bool:
        """Whether a vehicle is too far away to count."""
        return SIZES[KINDS[one.kind]][2] * self.scenario.camera_model().focal * 256.0 / one.s < 7.6

    def fill_view(self, shares: Shares, rng: np.random.Generator) -> None:
        """Places vehicles in view, each where it is seen and hides nobody who counts."""
        weights = np.array([shares.own, shares.across, shares.parked])
        count = self.count(self.placed)
        tries = _TRIES * max(self.scenario.look.crowdedness - count, 0)
        for number in range(tries):
            apart = 5.0 + (0.35 * self.scenario.ego.speed if number < tries / 2 else 0.0)
            if count >= self.scenario.look.crowdedness:
                return
            group = int(rng.choice(3, p=weights / weights.sum()))
            one = self._candidate(group, float(rng.uniform(7.0, VIEW + 5.0)), rng)
            if self._has_room(one, apart) and self.count([*self.placed, one]) == count + 1:
                self.add(one)
                count += 1

    def fill_far(self, shares: Shares, rng: np.random.Generator) -> None:
        """Places vehicles ahead that are too far away to count: those that the ego will meet as far as it sees them."""
        camera = self.scenario.camera_model()
        unseen = out_of_sight(camera)
        reach = AHEAD - 5.0, float(unseen.max()), parked_out_of_sight(camera)
        for group, density in enumerate((shares.own, shares.across, shares.parked)):
            apart, beside = (6.0, 0.7) if group == 2 else (14.0, 1.0)
            for s in _spread(VIEW, reach[group], density, rng):
                one = self._candidate(group, s, rng)
                if (group == 2 or s < unseen[one.kind]) and self._is_small(one) and self._has_room(one, apart, beside):
                    self.add(one)

    def fill_along(self, shares: Shares, rng: np.random.Generator) -> None:
        """Places further vehicles that the ego will meet, too far away to count, until as many come into view as leave it."""
        mine = [one for one in self.placed if 0 < one.lane < ONCOMING and not one.scripted]
        weights = np.array([0.0, shares.across, shares.parked])
        if not weights.any():
            return
        unseen = float(out_of_sight(self.scenario.camera_model()).min())
        for way in np.arange(_STRIDE, unseen - VIEW, _STRIDE):
            missing = self.scenario.look.crowdedness - self.count(mine)
            met = [one for one in self.placed if one.lane == 0 or one.lane >= ONCOMING]
            seen = self.count(met, way)
            for _ in range(_TRIES // 4):
                if seen >= missing:
                    break
                group = int(rng.choice(3, p=weights / weights.sum()))
                one = self._candidate(group, way + float(rng.uniform(7.0, VIEW + 5.0)), rng)
                if one.s > VIEW and self._is_small(one) and self._has_room(one, 6.0 if group == 2 else 14.0, 0.7):
                    more = self.count([*met, one], way)
                    if more > seen:
                        self.add(one)
                        met, seen = [*met, one], more

    def fill_behind(self, shares: Shares, rng: np.random.Generator) -> None:
        """Places vehicles of the ego's direction behind the camera."""
        for s in _spread(BEHIND + 2.0, -7.0, shares.own, rng):
            one = self._candidate(0, s, rng)
            if one.lane != self.road.ego_lane and self._has_room(one, 9.0):
                self.add(one)

    def _candidate(self, group: int, s: float, rng: np.random.Generator) -> Listed:
        """A vehicle of the ego's direction (0), of the other (1) or parked (2) at s."""
        kind = int(draw_kinds(self.setting, 1, rng, parked=group == 2)[0])
        number, offset = float(rng.random()), float(np.clip(rng.normal(0.0, 0.12), -0.22, 0.22))
        if group == 2:
            d = self.roadway.parking[int(number * len(self.roadway.parking))]
            return Listed(self.track, kind, s, d + 0.4 * offset, math.pi if d > 0 else 0.0, 0, 0.0, False, True)
        if group == 1:
            lane = int(number * self.roadway.oncoming_lanes)
            d = self.roadway.oncoming_offset + lane * self.road.lane_width
            return Listed(self.track, kind, s, d + offset, math.pi, ONCOMING + lane)
        lane = 1 + int(number * self.road.lanes)
        return Listed(self.track, kind, s, self.road.lane_center(lane) + offset, 0.0, lane)

    def _has_room(self, one: Listed, apart: float, beside: float = 1.0) -> bool:
        """Whether nobody is nearer than `apart` m bumper to bumper in its lane, or touches it, or drives by script behind."""
        length, width, _ = SIZES[KINDS[one.kind]]
        if one.lane == self.road.ego_lane and abs(one.s) < 6.0 + 0.5 * length + 0.4 * self.scenario.ego.speed:
            return False
        ego = self.scenario.ego.actions
        if ego and -12.0 < one.s < _CLEAR and one.lane in lanes_of(ego, 0.0, self.road):
            return False
        for other in self.placed:
            other_length, other_width, _ = SIZES[KINDS[other.kind]]
            if abs(math.sin(other.heading)) > 0.5:
                other_length, other_width = other_width, other_length
            across = abs(one.d - other.d) - 0.5 * (width + other_width)
            gap = abs(one.s - other.s) - 0.5 * (length + other_length)
            if across < 0.5 and gap < (apart if one.lane == other.lane else 1.0):
                return False
            if across < beside and gap < 0.5:
                return False
            actions = getattr(self.scenario.vehicles[other.track], "actions", ()) if other.scripted else ()
            lanes = lanes_of(actions, other.d, self.road) if other.scripted else set()
            if one.lane in lanes and -6.0 < one.s - other.s < _CLEAR:
                return False
        return True


def _spread(low: float, high: float, density: float, rng: np.random.Generator) -> list[float]:
    """Random places from `low` to `high` (m), `density` a metre."""
    if density <= 0:
        return []
    out, s = [], low + float(rng.exponential(1.0 / density))
    while s < high:
        out.append(s)
        s += float(rng.exponential(1.0 / density))
    return out
