from __future__ import annotations

from typing import Any

import pytest
from scenario_editor.document.vehicle_edits import EDITS, Rows, VehicleTable, room_for

from drivesim.config import InputError
from drivesim.scene.camera import Camera
from drivesim.scene.road import Road

SEDAN: dict[str, Any] = {"ahead": 24, "left": 0, "heading": 0, "kind": "sedan"}
VAN: dict[str, Any] = {"box": [400, 240, 500, 320], "heading": 0, "kind": "van"}


@pytest.fixture
def scene() -> VehicleTable:
    return VehicleTable([SEDAN, VAN], Road(lanes=3, ego_lane=2), Camera())


def _do(scene: VehicleTable, edit: str, **request: Any) -> tuple[Rows, int | None]:
    return EDITS[edit](scene, request)


def test_a_moved_vehicle_keeps_its_place_in_the_list(scene: VehicleTable) -> None:
    assert _do(scene, "put", index=0, vehicle=SEDAN | {"ahead": 30.0}) == ([SEDAN | {"ahead": 30}, VAN], 0)
    assert scene.rows == [SEDAN, VAN]  # the rows given are not touched


def test_new_vehicles_come_last_and_are_selected(scene: VehicleTable) -> None:
    bus = {"ahead": 40, "left": -3.7, "heading": 0, "kind": "bus"}
    assert _do(scene, "add", vehicle=bus) == ([SEDAN, VAN, bus], 2)
    rows, selected = _do(scene, "drop", kind="suv", at=[512, 330])
    assert selected == 2 and rows[2]["kind"] == "suv" and rows[2]["left"] == 0 and rows[2]["ahead"] == pytest.approx(16.8, abs=0.1)
    rows, _ = _do(scene, "drop", kind="suv", ahead=33.33, left=3.7)
    assert rows[2] == {"ahead": 33.3, "left": 3.7, "heading": 0, "kind": "suv"}
    with pytest.raises(InputError, match="above the road"):
        _do(scene, "drop", kind="suv", at=[512, 100])


def test_what_is_drawn_in_the_sky_stays_a_box(scene: VehicleTable) -> None:
    rows, _ = _do(scene, "draw", kind="sedan", box=[100, 20, 180, 80])
    assert rows[2]["box"] == [100, 20, 180, 80] and rows[2]["kind"] == "sedan"


def test_forms_can_be_changed_and_changed_back(scene: VehicleTable) -> None:
    rows, selected = _do(scene, "form", index=0, form="box")
    assert selected == 0 and rows[0]["kind"] == "sedan" and len(rows[0]["box"]) == 4
    back, _ = _do(VehicleTable(rows, scene.road, scene.camera), "form", index=0, form="placed")
    assert back[0]["ahead"] == pytest.approx(24, abs=0.6) and back[0]["left"] == pytest.approx(0, abs=0.1)
    assert _do(scene, "form", index=1, form="box")[0] == scene.rows


def test_what_is_locked_or_gone_cannot_be_changed(scene: VehicleTable) -> None:
    locked = VehicleTable(scene.rows, scene.road, scene.camera, [SEDAN])
    for edit, more in (("put", {"vehicle": VAN}), ("remove", {}), ("form", {"form": "box"})):
        with pytest.raises(InputError, match="vehicle 1 is locked"):
            _do(locked, edit, index=0, **more)
        for index in (2, -1, "0", None):
            with pytest.raises(InputError, match="not there any more"):
                _do(locked, edit, index=index, **more)
    assert _do(locked, "remove", index=1) == ([SEDAN], None)


@pytest.mark.parametrize("wrong", [7, SEDAN | {"ahead": "3"}, SEDAN | {"kind": "tank"}, {"kind": "van"}])
def test_impossible_vehicles_are_refused(scene: VehicleTable, wrong: Any) -> None:
    with pytest.raises(InputError):
        _do(scene, "add", vehicle=wrong)


def test_there_is_a_most_of_vehicles() -> None:
    full = VehicleTable([SEDAN] * 24, Road(), Camera())
    with pytest.raises(InputError, match="at most 24"):
        _do(full, "add", vehicle=SEDAN)


def test_crowdedness_grows_with_the_vehicles_that_count(scene: VehicleTable) -> None:
    assert room_for(scene.rows, {"look": {"crowdedness": 1}}, scene.road, scene.camera) == {"look": {"crowdedness": 2}}
    assert room_for(scene.rows, {"look": {"crowdedness": 2}}, scene.road, scene.camera) == {}
    far = [SEDAN | {"ahead": 200}]  # too small to count
    assert room_for(far, {"look": {"crowdedness": 0}}, scene.road, scene.camera) == {}
    assert room_for(far, {"look": {"crowdedness": None}}, scene.road, scene.camera) == {}
