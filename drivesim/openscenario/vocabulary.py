"""How a scenario's words are called in OpenSCENARIO and OpenDRIVE.

The reference line of the road is the middle of the ego's lane, so that s and t of OpenDRIVE are `ahead` and `left` but for where
s begins, and an arc's curvature is the road's. An entity's origin is the middle of a vehicle's bottom; the ego's is its camera.
What OpenSCENARIO has no word for stands in parameters and properties whose names begin with PREFIX.
"""

from __future__ import annotations

from drivesim.scene.clip import TimeOfDay
from drivesim.scene.road import Setting
from drivesim.scene.vehicles import Kind

PREFIX = "drivesim_"
ROAD_ID = "1"
SECTIONS_IN_PARAMETERS = ("look", "camera", "rollout", "guidance")
"""Sections whose values are parameters, drivesim_camera_height for one, but for those that stand elsewhere, too."""
ELSEWHERE = {("look", "time_of_day"), ("rollout", "seconds")}

ROAD_TYPE: dict[Setting, str] = {"highway": "motorway", "city": "town", "residential": "townLocal", "rural": "rural"}
SETTING_OF: dict[str, Setting] = {
    **{name: setting for setting, name in ROAD_TYPE.items()}, "townExpressway": "city", "townCollector": "city",
    "townArterial": "city", "townPrivate": "residential", "townPlayStreet": "residential", "lowSpeed": "residential",
}  # fmt: skip
CATEGORY: dict[Kind, str] = {"sedan": "car", "hatchback": "car", "suv": "car", "van": "van", "truck": "truck", "bus": "bus"}
KIND_OF: dict[str, Kind] = {"car": "sedan", "van": "van", "truck": "truck", "bus": "bus"}
TIME: dict[TimeOfDay, str] = {"day": "2026-06-21T12:00:00", "night": "2026-06-21T23:30:00"}
DAY_HOURS = range(6, 20)
MAX_SPEED, MAX_ACCELERATION = 70.0, 12.0  # m/s, m/s2: of Performance, which limits no action here


def parameter_name(*words: str) -> str:
    """Name of a parameter or property of ours."""
    return PREFIX + "_".join(words)


def number(value: float) -> str:
    """A number as text that is read back as the same: 30 for 30.0."""
    return str(int(value)) if float(value).is_integer() else repr(float(value))
