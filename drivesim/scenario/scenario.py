"""A scenario: what an engineer asks for, in one value. Files are read by `file`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import Discriminator, Field, Tag, model_validator
from pydantic_core import PydanticCustomError

from drivesim.config import Section
from drivesim.scenario.first_frame_boxes import first_frame_boxes
from drivesim.scenario.rules_of_actions import script_conflicts
from drivesim.scenario.rules_of_placement import conflicts
from drivesim.scenario.sections import (
    NAME_PATTERN,
    BoxedVehicle,
    CameraSection,
    EgoSection,
    GuidanceSection,
    LookSection,
    PlacedVehicle,
    RoadSection,
    RolloutSection,
    TrafficMode,
    vehicle_tag,
)
from drivesim.scene.boxes import Boxes
from drivesim.scene.camera import Camera
from drivesim.scene.road import Road
from drivesim.video_format import MAX_VEHICLES

CONFLICT = "scenario_conflict"  # type of the pydantic error of contradicting sections

AnyVehicle = Annotated[
    Annotated[PlacedVehicle, Tag("placed")] | Annotated[BoxedVehicle, Tag("boxed")], Discriminator(vehicle_tag)
]


TWO_SPEEDS = "the ego's speed is given twice, as ego.speed and as rollout.speed of older files; remove the latter"


def has_older_speed(values: Any) -> bool:
    """Whether the values of a file have the ego's speed where older files have it."""
    return isinstance(values, dict) and isinstance(values.get("rollout"), dict) and "speed" in values["rollout"]


class Scenario(Section):
    """Scenario of the drivesim driving simulator. A Scenario object is always free of contradictions."""

    name: str = Field(
        pattern=NAME_PATTERN,
        max_length=64,
        description="Lower-case letters and digits, joined by _ or -, such as night_city.",
    )
    look: LookSection
    road: RoadSection = Field(default_factory=RoadSection)
    camera: CameraSection = Field(default_factory=CameraSection)
    ego: EgoSection = Field(default_factory=EgoSection)
    vehicles: Annotated[tuple[AnyVehicle, ...], Field(strict=False, max_length=MAX_VEHICLES)] = Field(
        default=(),
        description=f"A list of at most {MAX_VEHICLES} vehicles of the first frame, each placed in metres "
        "(ahead, left, heading, kind, name, paint, speed, actions) or given as a pixel box (box, heading, kind).",
    )
    photo: Annotated[Path | None, Field(strict=False)] = Field(
        default=None,
        description="The path of an image, relative to this file, that is the first frame instead of a composed one.",
    )
    traffic: TrafficMode = Field(
        default="simulated",
        description="Who drives after the first frame. simulated: all of `vehicles` and further ones, drawn up to the "
        "crowdedness, who look out for each other; those with actions do these alone. scripted: nobody but `vehicles`, who "
        "keep lane and speed but for their actions, in all futures alike. free: the networks make it up.",
    )
    rollout: RolloutSection = Field(default_factory=RolloutSection)
    guidance: GuidanceSection = Field(default_factory=GuidanceSection)

    @model_validator(mode="before")
    @classmethod
    def _current(cls, values: Any) -> Any:
        """Older files say `rollout.speed` for what is `ego.speed` today."""
        if has_older_speed(values):
            ego = values.get("ego", {})
            if isinstance(ego, dict) and "speed" in ego:
                raise PydanticCustomError(CONFLICT, "{text}", {"text": TWO_SPEEDS})
            if isinstance(ego, dict):
                rollout = {key: value for key, value in values["rollout"].items() if key != "speed"}
                return values | {"ego": ego | {"speed": values["rollout"]["speed"]}, "rollout": rollout}
        return values

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        vehicles = dict(enumerate(self.vehicles))
        found = conflicts(self.look, self.road, self.camera_model(), vehicles)
        found += script_conflicts(self.road, self.ego, vehicles, self.traffic)
        if found:
            raise PydanticCustomError(CONFLICT, "{text}", {"text": "; ".join(c.message for c in found)})
        return self

    def freed(self) -> Self:
        """The same with free traffic: without speeds and actions of vehicles, which have no effect there."""
        vehicles = [
            vehicle.model_copy(update={"speed": None, "actions": ()}) if isinstance(vehicle, PlacedVehicle) else vehicle
            for vehicle in self.vehicles
        ]
        return self.model_copy(update={"traffic": "free", "vehicles": tuple(vehicles)})

    def camera_model(self) -> Camera:
        """The camera as a value type."""
        return self.camera.model()

    def road_model(self) -> Road:
        """The road as a value type."""
        return self.road.model()

    def scene_boxes(self) -> Boxes:
        """The asked vehicles of the first frame, sorted near to far, track ids 0 to n-1."""
        return first_frame_boxes(self.vehicles, self.road_model(), self.camera_model())


SWEEP = "sweep"  # the key with which a file is that of many scenarios
MAY_BE_EMPTY = frozenset(name for name, info in Scenario.model_fields.items() if not info.is_required())
"""Keys that may stand in a file without a value, as when all below them is commented out: they are at their default."""


def scenario_schema() -> dict[str, Any]:
    """JSON Schema of a scenario file, for editors to complete and check it."""
    schema = Scenario.model_json_schema()
    for name in MAY_BE_EMPTY - {"photo"}:
        given = schema["properties"][name]
        if "$ref" in given:
            section = given.pop("$ref")
            given["description"] = schema["$defs"][section.rpartition("/")[2]]["description"]
            given["anyOf"] = [{"$ref": section}, {"type": "null"}]
        else:
            given["type"] = [given["type"], "null"]
            if "enum" in given:
                given["enum"] = [*given["enum"], None]
    speed = schema["$defs"]["EgoSection"]["properties"]["speed"]
    older = {"deprecated": True, "description": "What older files call ego.speed."}
    schema["$defs"]["RolloutSection"]["properties"]["speed"] = {k: v for k, v in speed.items() if k != "default"} | older
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}
