from __future__ import annotations

import numpy as np
import pytest
from scenario_editor.canvas import COLORS, LABELS, Draft, boxes_of, drafts, edited, guide_picture

from drivesim.scene.camera import Camera
from drivesim.scene.road import Road
from drivesim.scene.sections import BoxedVehicle, PlacedVehicle

CAR = PlacedVehicle(ahead=16, left=-2, heading=90, kind="hatchback")
TURNING = PlacedVehicle(ahead=24, left=3.3, heading=-145, kind="sedan")
BOXED = BoxedVehicle(box=(80.4, 260, 240, 360.2), heading=10, kind="van")
BEHIND = PlacedVehicle(ahead=-30, left=0, kind="bus")


@pytest.fixture
def shown() -> list[Draft]:
    return drafts([CAR, BEHIND, TURNING, BOXED], Road(), Camera())


def _vehicles(result: list[Draft]) -> list[object]:
    return [draft.vehicle for draft in result]


def _new(label: str, *box: float) -> dict[str, object]:
    return {"label": label, "color": (0, 0, 0)} | dict(zip(("xmin", "ymin", "xmax", "ymax"), box, strict=True))


def test_what_is_in_view_has_a_box_with_kind_and_direction(shown: list[Draft]) -> None:
    boxes = boxes_of(shown)
    assert [box["label"] for box in boxes] == ["hatchback to the left", "sedan oncoming", "van"]
    assert boxes[2] == {"label": "van", "color": COLORS["van"], "xmin": 80, "ymin": 260, "xmax": 240, "ymax": 360}
    assert all(isinstance(box[key], int) for box in boxes for key in ("xmin", "ymin", "xmax", "ymax"))


def test_nothing_done_changes_nothing_whatever_the_annotator_rounds(shown: list[Draft]) -> None:
    boxes = boxes_of(shown)
    assert edited(shown, boxes) == shown
    boxes[0]["xmin"] += 1
    assert edited(shown, boxes) == shown


def test_drawn_boxes_become_vehicles_once_they_have_a_label(shown: list[Draft]) -> None:
    drawing = [_new("", 300, 200, 400, 300), *boxes_of(shown)]
    assert edited(shown, drawing) == shown
    now = edited(shown, [_new("truck oncoming", 300, 200, 400, 600), *boxes_of(shown)])
    assert _vehicles(now) == [
        CAR, BEHIND, TURNING, BOXED, BoxedVehicle(box=(300, 200, 400, 512), heading=180, kind="truck")
    ]  # fmt: skip


def test_a_moved_box_becomes_a_pixel_box_with_its_heading(shown: list[Draft]) -> None:
    boxes = boxes_of(shown)
    for key in ("xmin", "xmax"):
        boxes[1][key] += 40
    now = edited(shown, boxes)
    assert _vehicles(now)[:2] == [CAR, BEHIND] and _vehicles(now)[3] == BOXED
    moved = now[2].vehicle
    assert isinstance(moved, BoxedVehicle) and (moved.heading, moved.kind) == (-145, "sedan")
    assert moved.box[0] == boxes[1]["xmin"]
    assert edited(now, boxes) == now


def test_the_heading_of_a_moved_box_counts_from_the_ego(shown: list[Draft]) -> None:
    bend = drafts([PlacedVehicle(ahead=20, left=0, kind="suv")], Road(curvature=0.01), Camera())
    boxes = boxes_of(bend)
    boxes[0]["xmax"] += 30
    assert edited(bend, boxes)[0].vehicle.heading == pytest.approx(np.degrees(0.2), abs=0.01)


def test_deleted_boxes_are_gone_and_what_has_no_box_stays(shown: list[Draft]) -> None:
    boxes = boxes_of(shown)
    assert _vehicles(edited(shown, [boxes[0], boxes[2]])) == [CAR, BEHIND, BOXED]
    assert _vehicles(edited(shown, [])) == [BEHIND]


def test_a_new_label_changes_the_kind_and_turns_only_if_the_direction_changed(shown: list[Draft]) -> None:
    boxes = boxes_of(shown)
    boxes[1]["label"], boxes[2]["label"] = "bus oncoming", "van to the right"
    now = edited(shown, boxes)
    assert now[2].vehicle == TURNING.model_copy(update={"kind": "bus"})
    assert now[3].vehicle == BOXED.model_copy(update={"heading": -90})
    assert now[3].label == "van to the right"


def test_a_label_that_is_none_loses_no_vehicle(shown: list[Draft]) -> None:
    boxes = boxes_of(shown)
    boxes[2]["label"] = "se"
    assert edited(shown, boxes) == shown
    boxes[2]["ymax"] += 20
    assert [d.vehicle.kind for d in edited(shown, boxes)] == ["hatchback", "bus", "sedan", "van"]


@pytest.mark.parametrize("label", LABELS)
def test_every_label_survives_the_way_to_a_vehicle_and_back(label: str) -> None:
    now = edited([], [_new(label, 300, 200, 400, 300)])
    assert boxes_of(drafts(_vehicles(now), Road(), Camera()))[0]["label"] == label


def test_the_guide_shows_horizon_lanes_and_night() -> None:
    picture = guide_picture(Road(lanes=3, ego_lane=2), Camera())
    assert picture.shape == (512, 1024, 3) and picture.dtype == np.uint8
    assert (picture[250, 10] != picture[262, 10]).any()
    assert np.abs(picture[500].astype(int) - picture[500, ::-1]).max() <= 12  # the middle lane of three
    raised = guide_picture(Road(), Camera(pitch=4))
    row = round(Camera(pitch=4).horizon * 512)
    assert row > 256 and (raised[row - 3, 10] != raised[row + 3, 10]).any()
    left = guide_picture(Road(curvature=0.01), Camera()).astype(int) - guide_picture(Road(), Camera())
    assert np.abs(left).max() > 30
    assert guide_picture(Road(), Camera(), night=True).mean() < 0.5 * picture.mean()
    for curvature in (-0.02, 0.02):
        guide_picture(Road(curvature=curvature, lanes=5), Camera(2.5, -6.0, 90.0))
