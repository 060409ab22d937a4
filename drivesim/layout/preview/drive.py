"""The moments of a future of a scenario: its vehicles as they are placed, driven on by the traffic, and what stands beside them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Self

import numpy as np

from drivesim.layout.scene_at import SceneAt, Vehicles
from drivesim.roadside.cross_section import CrossSection
from drivesim.roadside.roadside import Roadside
from drivesim.roadside.style import Style
from drivesim.scenario.scenario import Scenario
from drivesim.scene.camera import Camera
from drivesim.scene.geometry import Pose
from drivesim.scene.vehicles import SIZE_TABLE
from drivesim.traffic.paint import PALETTE, paints
from drivesim.traffic.sampling import PARKED_ROOM
from drivesim.traffic.scenario.states import scenario_states
from drivesim.traffic.simulation import Snapshot
from drivesim.traffic.state import Roadway
from drivesim.traffic.vehicle_lamps import lamps

_BEHIND = -40.0  # m from the ego: vehicles from there on are shown


def scenario_moments(scenario: Scenario, future: int, frames: int, fps: float, seed: int) -> Iterator[SceneAt]:
    """The scene at the time of each frame of a future, whose traffic and roadside are its own beyond the first frame.

    Who is where is what `scenario_states` says.
    """
    scenery = CommonScene.of(scenario, seed, future)
    for frame, now in enumerate(scenery.states(scenario, frames, fps)):
        yield scenery.moment(now, frame / fps)


@dataclass(frozen=True, eq=False)
class CommonScene:
    """What all moments of a future have in common; `paints` of vehicles that the scenario gives one, by track."""

    roadside: Roadside
    camera: Camera
    night: bool
    seed: int
    future: int
    paints: dict[int, tuple[float, float, float]]

    @classmethod
    def of(cls, scenario: Scenario, seed: int, future: int) -> Self:
        """Those of a future of a scenario."""
        night, camera = scenario.look.time_of_day == "night", scenario.camera_model()
        return cls(scenario_roadside(scenario, seed, future), camera, night, seed, future, asked_paints(scenario))

    def states(self, scenario: Scenario, frames: int, fps: float) -> Iterator[Snapshot]:
        """The traffic of the future of the scenario at the time of each frame."""
        return scenario_states(scenario, self.seed, self.future, roadway_of(self.roadside.section), frames, fps)

    def pose(self, now: Snapshot) -> Pose[np.ndarray]:
        """The ego's pose in the plane of the alignment at a state of the traffic."""
        x, y, yaw = self._places(now)
        return Pose(x[0], y[0], yaw[0])

    def _places(self, now: Snapshot) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """x, y (m) and yaw (rad) [n] of everybody in the plane of the alignment."""
        x, y, heading = self.roadside.alignment.to_world(now.s, now.d)
        return x, y, heading + now.heading

    def moment(self, now: Snapshot, time: float) -> SceneAt:
        """The scene at a state of the traffic, `time` s after the first frame."""
        x, y, yaw = self._places(now)
        pose = Pose(x[0], y[0], yaw[0])
        rows = 1 + np.flatnonzero(now.s[1:] > now.s[0] + _BEHIND)
        ahead, left = pose.inverse().to_outer(x[rows], y[rows])
        size = SIZE_TABLE[now.kind[rows]]
        cuboid = np.column_stack([ahead, left, size[:, 2] / 2, size, yaw[rows] - yaw[0]])
        kind, track = now.kind[rows], now.track[rows]
        lit = lamps(track, now.braking[rows], now.indicator[rows], now.parked[rows], self.night, time)
        paint = paints(self.seed, kind, track)
        for row in np.flatnonzero(np.isin(track, list(self.paints))):
            paint[row] = self.paints[int(track[row])]
        vehicles = Vehicles(track, kind, cuboid, paint, lit.bits)
        return SceneAt.beside(self.roadside, float(now.s[0]), pose, self.camera, vehicles)


def asked_paints(scenario: Scenario) -> dict[int, tuple[float, float, float]]:
    """Paint (sRGB) of the vehicles that the scenario gives one, by track."""
    named = {i: getattr(vehicle, "paint", None) for i, vehicle in enumerate(scenario.vehicles)}
    return {track: PALETTE[name] for track, name in named.items() if name is not None}


@lru_cache(maxsize=8)  # whoever asks for a future again finds its cells furnished
def scenario_roadside(scenario: Scenario, seed: int, future: int) -> Roadside:
    """What stands along the road in a future of a scenario."""
    setting, night = scenario.road.setting, scenario.look.time_of_day == "night"
    lit = night and setting in ("city", "residential")
    roadside = Roadside.of(seed, scenario.road_model(), Style.of(seed).has_lamp_posts(setting, night, lit))
    return replace(roadside, future=future)


def roadway_of(section: CrossSection) -> Roadway:
    """What traffic must know of a cross-section."""
    right = section.edge_right + 1.15 if section.parking_right else None
    left = section.edge_left - 1.15 if section.parking_left else None
    outermost_right, outermost_left = section.right + section.lane_width / 2, section.far - section.lane_width / 2
    parking = []
    if right is not None:
        parking.append(min(right, outermost_right - PARKED_ROOM))
    if left is not None:
        parking.append(max(left, outermost_left + PARKED_ROOM))
    return Roadway(section.oncoming_lanes, section.near + section.lane_width / 2, tuple(parking), section.near < 30)
