from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from drivesim.scenario.first_frame_boxes import ground_distance
from drivesim.scenario.scenario import Scenario, scenario_schema
from drivesim.scenario.sections import LANES
from drivesim.scene.camera import Camera
from drivesim.scene.road import SETTINGS, Road
from drivesim.scene.vehicles import KINDS


def scenario(*vehicles: dict[str, Any], **sections: Any) -> Scenario:
    look = {"time_of_day": "day", "crowdedness": 24}
    return Scenario.model_validate({"name": "a", "look": look, "vehicles": list(vehicles)} | sections)


CAR = {"ahead": 20, "left": 0, "kind": "sedan"}


def test_defaults_are_those_of_the_value_types() -> None:
    empty = scenario()
    assert empty.camera_model() == Camera()
    assert empty.road_model() == Road()
    assert len(empty.scene_boxes()) == 0
    assert (empty.rollout.fps, empty.guidance.boxes, empty.guidance.context) == (30, 2, 2)


def test_boxes_are_sorted_near_to_far_whatever_the_order_and_form() -> None:
    boxes = scenario(
        {"ahead": 40, "left": 0, "kind": "bus"},
        {"box": [100, 230, 200, 290], "kind": "van", "heading": 90},
        {"ahead": 10, "left": -3.7, "kind": "suv", "heading": 180},
    ).scene_boxes()
    assert [KINDS[kind] for kind in boxes.kind] == ["suv", "van", "bus"]  # the van's ground is some 25 m away
    assert boxes.track.tolist() == [0, 1, 2]
    assert np.allclose(boxes.heading, [np.pi, np.pi / 2, 0])
    assert np.allclose(boxes.box[1] * [1024, 512, 1024, 512], [100, 230, 200, 290])
    assert np.isnan(boxes.cuboid[1]).all()
    assert np.isfinite(boxes.cuboid[[0, 2]]).all()
    assert boxes.box.dtype == boxes.heading.dtype == boxes.visible.dtype == boxes.cuboid.dtype == np.float32


def test_the_distance_of_a_pixel_box_agrees_with_a_placed_car_in_the_same_place() -> None:
    for camera in (Camera(), Camera(2.0, -5, 80), Camera(1.2, 4, 45)):
        for point in ((12.0, 0.0, 0.0), (30.0, -5.0, 0.0)):
            (x, y), _ = camera.project(np.array(point))
            assert ground_distance(camera, np.array([x, 0, x, y])) == pytest.approx(np.hypot(*point[:2]))
    assert ground_distance(Camera(), np.array([0.1, 0.1, 0.2, 0.4])) == np.inf


def test_road_and_camera_move_the_boxes() -> None:
    straight = scenario(CAR).scene_boxes().box
    assert scenario(CAR, camera={"pitch": 3}).scene_boxes().box[0, 1] > straight[0, 1]
    assert scenario(CAR, camera={"field_of_view": 50}).scene_boxes().box[0, 2] > straight[0, 2]
    assert scenario(CAR, road={"curvature": 0.01}).scene_boxes().box[0, 0] < straight[0, 0]


@pytest.mark.parametrize(
    ("vehicles", "sections", "message"),
    [
        ([CAR, CAR | {"ahead": 23}], {}, "vehicle 2 (sedan) stands inside vehicle 1 (sedan): their footprints share 3"),
        ([CAR | {"ahead": 1}], {}, "on top of the ego"),
        ([CAR | {"ahead": -12}], {}, "12.0 m behind the camera"),
        ([CAR | {"left": 30}], {}, "left of the 1024x512 frame"),
        ([CAR | {"left": -30}], {}, "right of the 1024x512 frame"),
        ([CAR | {"ahead": 290}], {}, "hardly in view"),
        ([{"box": [10, 10, 10, 60], "kind": "bus"}], {}, "x2 must exceed x1"),
        ([{"box": [10, 60, 50, 10], "kind": "bus"}], {}, "y2 must exceed y1"),
        ([{"box": [-4, 10, 50, 60], "kind": "bus"}], {}, "cut it to [0, 10, 50, 60]"),
        ([{"box": [1100, 10, 1150, 60], "kind": "bus"}], {}, "no part of it is inside"),
        ([{"box": [10, 10, 17, 60], "kind": "bus"}], {}, "7x50 px"),
        ([{"box": [10, 10, 99, 99], "kind": k} for k in ("bus", "van")], {}, "nearly the same box as vehicle 1 (bus)"),
        ([], {"road": {"lanes": 2, "ego_lane": 3}}, "ego_lane is 3, but the road has lanes: 2"),
        ([CAR], {"look": {"time_of_day": "day", "crowdedness": 0}}, "1 of the vehicles count"),
    ],
)
def test_contradictions_are_refused(vehicles: list[Any], sections: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError) as caught:
        scenario(*vehicles, **sections)
    assert message in str(caught.value)


def test_the_part_in_view_decides_and_not_the_outline_beyond_the_frame() -> None:
    """A bus askew beside the frame: its outline reaches 8 px in, the part of it that is in view is narrower."""
    rng = np.random.default_rng(1)
    for _ in range(300):
        bus = {"ahead": rng.uniform(-3, 12), "left": rng.uniform(4, 10), "heading": rng.uniform(-180, 180), "kind": "bus"}
        try:
            boxes = scenario({k: v if k == "kind" else float(v) for k, v in bus.items()}).scene_boxes()
        except ValidationError:
            continue
        sides = (boxes.box[0, 2:] - boxes.box[0, :2]) * [1024, 512]
        assert (sides >= 8 - 1e-3).all(), (bus, sides)


def test_what_is_hidden_or_tiny_needs_no_crowdedness() -> None:
    look = {"time_of_day": "day", "crowdedness": 1}
    hidden = scenario({"ahead": 15, "left": 0, "kind": "truck"}, CAR | {"ahead": 30}, look=look)
    assert hidden.scene_boxes().crowdedness == 1
    assert len(hidden.scene_boxes()) == 2
    low = scenario({"box": [10, 10, 60, 41], "kind": "bus"}, look=look | {"crowdedness": 0})
    assert low.scene_boxes().crowdedness == 0


def test_touching_and_neighbouring_vehicles_are_fine() -> None:
    scenario(CAR, CAR | {"ahead": 24.7}, CAR | {"left": -1.82})


def test_a_placed_car_and_the_same_box_in_pixels_are_one_vehicle() -> None:
    x1, y1, x2, y2 = (scenario(CAR).scene_boxes().box[0] * [1024, 512, 1024, 512]).tolist()
    with pytest.raises(ValidationError, match="nearly the same box"):
        scenario(CAR, {"box": [x1, y1, x2, y2], "kind": "sedan"})


def test_the_schema_describes_every_key_and_forbids_others() -> None:
    schema = scenario_schema()
    for definition in [schema, *schema["$defs"].values()]:
        assert definition["additionalProperties"] is False
        for key, value in definition["properties"].items():
            assert "description" in value or "$ref" in value, key
    assert schema["required"] == ["name", "look"]
    assert schema["$defs"]["RolloutSection"]["properties"]["fps"]["enum"] == [1.875, 7.5, 30.0]
    assert len(schema["properties"]["vehicles"]["items"]["oneOf"]) == 2


@pytest.mark.parametrize("setting", SETTINGS)
def test_lanes_suit_the_setting(setting: str) -> None:
    low, high = LANES[setting]
    for lanes in (low, high):
        assert scenario(road={"setting": setting, "lanes": lanes}).road.lanes == lanes
    for lanes in {low - 1, high + 1} & set(range(1, 6)):
        with pytest.raises(ValidationError, match=rf"a {setting} road has {low} to {high} lanes"):
            scenario(road={"setting": setting, "lanes": lanes})
