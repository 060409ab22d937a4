"""The sections of a scenario file. Every key here reaches the networks as a condition, or steers the rollout."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field

from drivesim.config import Real, Section
from drivesim.scenario.actions import MAX_ACTIONS, Actions
from drivesim.scene.camera import Camera
from drivesim.scene.clip import TimeOfDay
from drivesim.scene.road import MAX_LANES, Road, Setting
from drivesim.scene.vehicles import Kind, PaintName, Placement
from drivesim.video_format import FRAME_RATES, MAX_VEHICLES

LANES: dict[Setting, tuple[int, int]] = {"highway": (2, 5), "city": (1, 4), "residential": (1, 2), "rural": (1, 2)}
SHARPEST_BEND = 0.01  # 1/m

TrafficMode = Literal["simulated", "scripted", "free"]
NAME_PATTERN = r"^[a-z0-9]+([_-][a-z0-9]+)*$"
_ACTIONS = f"A list of at most {MAX_ACTIONS} actions, such as {{action: speed, target: 12, rate: 3, when: {{time: 2}}}}."


def _frame_rate(fps: float) -> float:
    if fps not in FRAME_RATES:
        raise ValueError(f"must be one of {FRAME_RATES}")
    return fps


class LookSection(Section):
    """What the first frame looks like."""

    time_of_day: TimeOfDay = Field(description="Light of the whole scene.")
    crowdedness: int = Field(
        ge=0,
        le=MAX_VEHICLES,
        description="Vehicles in the first frame that are at least 8 px high at 128x256 and 30 % visible, "
        "those under `vehicles` included; the others are placed freely, as far as there is room: seldom more than 12.",
    )


class RoadSection(Section):
    """The road ahead. Its ranges are those of the roads that the networks have seen."""

    setting: Setting = Field(default="highway", description="Kind of road and what stands beside it.")
    lanes: int = Field(
        default=2,
        ge=1,
        le=MAX_LANES,
        description="Lanes in the direction of travel: "
        + ", ".join(f"{low} to {high} ({setting})" for setting, (low, high) in LANES.items())
        + ".",
    )
    ego_lane: int = Field(default=1, ge=1, le=MAX_LANES, description="The lane of the ego, counted from the left.")
    curvature: Real = Field(
        default=0.0, ge=-SHARPEST_BEND, le=SHARPEST_BEND, description="1 / radius in 1/m; positive bends to the left."
    )

    def model(self) -> Road:
        """The road as a value type."""
        return Road(self.setting, self.lanes, self.ego_lane, self.curvature)


class CameraSection(Section):
    """The camera of the ego. Its ranges are those of the cameras that the networks have seen with."""

    height: Real = Field(default=1.4, ge=1.2, le=2.2, description="Metres above the road.")
    pitch: Real = Field(default=0.0, ge=-4.0, le=4.0, description="Degrees; positive looks up.")
    field_of_view: Real = Field(default=60.0, ge=50.0, le=80.0, description="Degrees, horizontal.")

    def model(self) -> Camera:
        """The camera as a value type."""
        return Camera(self.height, self.pitch, self.field_of_view)


class EgoSection(Section):
    """How the ego, the car that carries the camera, drives. With actions it does these alone, without regard to others."""

    speed: Real = Field(
        default=20.0, ge=0.0, le=33.0, description="Metres a second in the first frame, and about which it then drives."
    )
    actions: Actions = Field(default=(), description=_ACTIONS)


class PlacedVehicle(Section):
    """A vehicle placed on the road, in metres along and across it."""

    ahead: Real = Field(ge=-300.0, le=300.0, description="Metres from the camera to its centre, along the road.")
    left: Real = Field(ge=-60.0, le=60.0, description="Metres left of the centre of the ego's lane; negative is right.")
    heading: Real = Field(
        default=0.0, ge=-180.0, le=180.0, description="Degrees from the road's direction; 180 is oncoming, 90 left."
    )
    kind: Kind = Field(description="Body of the vehicle.")
    name: str | None = Field(
        default=None, pattern=NAME_PATTERN, max_length=64,
        description="What triggers call it, such as cutter: a to z, 0 to 9, _ and -."
    )
    paint: PaintName | None = Field(default=None, description="Colour of the body; drawn if left out.")
    speed: Real | None = Field(
        default=None,
        ge=0.0,
        le=45.0,
        description="Metres a second in the first frame, and about which it then drives. Left out, it drives as traffic "
        "does, and stands if it is across or beside the lanes.",
    )
    actions: Actions = Field(default=(), description=_ACTIONS)

    def placement(self) -> Placement:
        """The vehicle as a value type."""
        return Placement(self.ahead, self.left, self.heading, self.kind)


class BoxedVehicle(Section):
    """A vehicle given by its pixel box in the first frame."""

    box: Annotated[tuple[Real, ...], Field(strict=False, min_length=4, max_length=4)] = Field(
        description="Four numbers [x1, y1, x2, y2]: left, top, right and bottom edge in pixels of the 1024x512 frame."
    )
    heading: Real = Field(
        default=0.0, ge=-180.0, le=180.0, description="Degrees from the ego's direction; 180 is oncoming, 90 left."
    )
    kind: Kind = Field(description="Body of the vehicle.")


Vehicle = PlacedVehicle | BoxedVehicle


class RolloutSection(Section):
    """How much video is made of the scenario."""

    seconds: Real = Field(default=8.0, ge=0.5, le=600.0, description="Length of every future.")
    fps: Annotated[Real, AfterValidator(_frame_rate)] = Field(
        default=FRAME_RATES[-1],
        description="Frames a second: key frames only ({:g}), or interpolated x4 once ({:g}) or twice ({:g}).".format(*FRAME_RATES),
        json_schema_extra={"enum": list(FRAME_RATES)},
    )
    futures: int = Field(default=2, ge=1, le=16, description="How many continuations of the first frame.")
    seed: int = Field(default=0, ge=0, le=2**32 - 1, description="The same seed gives the same video.")


class GuidanceSection(Section):
    """How strongly a network is held to what it is given: 0 ignores it, 1 samples as trained, above 1 exaggerates."""

    boxes: Real = Field(default=2.0, ge=0.0, le=10.0, description="Scale of boxes, layout, look, road and camera.")
    context: Real = Field(default=2.0, ge=0.0, le=10.0, description="Scale of the frames that a video continues.")


def vehicle_tag(values: Any) -> str:
    """Which of the two forms a vehicle is given in: "boxed" if there is a pixel box, "placed" otherwise."""
    if isinstance(values, dict):
        return "boxed" if "box" in values else "placed"
    return "boxed" if isinstance(values, BoxedVehicle) else "placed"


VEHICLE_FORMS: dict[str, type[Section]] = {"placed": PlacedVehicle, "boxed": BoxedVehicle}
SECTIONS: dict[str, type[Section]] = {
    "look": LookSection,
    "road": RoadSection,
    "camera": CameraSection,
    "ego": EgoSection,
    "rollout": RolloutSection,
    "guidance": GuidanceSection,
}
