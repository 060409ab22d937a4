"""What groups find in scenarios and labels; what is not known is not given, and nothing is made up."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from toy_labels import LEFT, RIGHT, UNKNOWN, all_conditions, same_conditions, toy_boxes, toy_conditions, toy_labels

from drivesim.models.conditions.all_groups import (
    GROUPS,
    LAYOUT_GROUPS,
    label_conditions,
    no_conditions,
    scenario_conditions,
)
from drivesim.scenario.file import load_scenario
from drivesim.scenario.scenario import Scenario
from drivesim.scene.camera import Camera
from drivesim.scene.road import Road

SCENARIO = """\
name: bend
look: {time_of_day: night, crowdedness: 3}
road: {setting: city, lanes: 3, ego_lane: 2, curvature: 0.01}
camera: {height: 1.6, pitch: -2, field_of_view: 70}
vehicles: [{ahead: 14, left: 0, kind: sedan}]
rollout: {speed: 26}
"""


@pytest.fixture
def bend(tmp_path: Path) -> Scenario:
    (tmp_path / "bend.yaml").write_text(SCENARIO)
    return load_scenario(tmp_path / "bend.yaml")


def test_labels_become_fields() -> None:
    c = all_conditions(LEFT, RIGHT)
    assert c["boxes"]["present"].sum() == 2
    assert (float(c["look"]["night"]), float(c["look"]["crowdedness"])) == (1, 3)
    assert (int(c["road"]["setting"]), float(c["road"]["lanes"])) == (1, 3)
    assert (float(c["camera"]["height"]), float(c["camera"]["pitch"])) == (pytest.approx(1.6), -2.0)
    assert float(c["place"]["along"]) == 7.0
    assert all(c[group].given.all() == (group not in LAYOUT_GROUPS) for group in GROUPS)


def test_a_scenario_says_the_same_in_the_same_words(bend: Scenario) -> None:
    said = scenario_conditions(bend, [0.0, 0.5])
    labelled = toy_conditions([bend.scene_boxes(), None], "night", 3, bend.road_model(), bend.camera_model(), [0.0, 13.0])
    assert same_conditions(said, labelled)


def test_a_photo_has_its_own_dashes(bend: Scenario) -> None:
    shown = scenario_conditions(bend.model_copy(update={"photo": Path("photo.jpg")}))
    assert [name for name in GROUPS if not shown[name].given.all()] == ["place", *LAYOUT_GROUPS]


def test_every_frame_has_its_own_row() -> None:
    c = toy_conditions([toy_boxes(LEFT), None], "night", [1, 5])
    assert c["boxes"].given.tolist() == [True, False]
    assert c["look"]["crowdedness"].tolist() == [1, 5]
    assert not c["road"].given.any()
    assert len(label_conditions([toy_labels([None] * 2), toy_labels([None] * 3)])) == 5


@pytest.mark.parametrize(
    ("unknown", "group"),
    [({"boxes": (None,)}, "boxes"), ({"time_of_day": None}, "look"), ({"crowdedness": UNKNOWN}, "look"),
     ({"camera": None}, "camera"), ({"along": UNKNOWN}, "place"), ({"road": None}, "road")],
)  # fmt: skip
def test_a_group_of_which_anything_is_unknown_is_not_given(unknown: dict[str, object], group: str) -> None:
    known = {"boxes": (toy_boxes(LEFT),), "time_of_day": "day", "crowdedness": 2.0, "road": Road(), "camera": Camera()}
    known["along"] = 0.0
    whole, part = toy_conditions(**known), toy_conditions(**known | unknown)  # type: ignore[arg-type]
    assert same_conditions(part, whole.drop(**{group: True}))


def test_a_road_whose_bend_is_unknown_is_unknown() -> None:
    labels = toy_labels([None] * 2, road=Road())
    bend = labels.ego.curvature.copy()
    bend[1] = UNKNOWN
    assert label_conditions([replace(labels, ego=replace(labels.ego, curvature=bend))])["road"].given.tolist() == [True, False]


def test_fields_have_the_shapes_and_types_that_they_say() -> None:
    for name, group in GROUPS.items():
        for rows in (no_conditions(2)[name], all_conditions(LEFT)[name]):
            assert rows.given.dtype == torch.bool
            for field, spec in group.fields.items():
                assert (rows[field].shape[1:], rows[field].dtype) == (spec.shape, spec.dtype), (name, field)
                assert spec.unit
