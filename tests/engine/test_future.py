"""What a scenario asks of the first frame, and what a future shows the networks in later ones."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from tiny_cascade import SCENARIO

from drivesim.engine.future import FutureSpec, Prompt
from drivesim.engine.moments import KEY_TICKS
from drivesim.engine.timeline import Timeline
from drivesim.models.conditions.all_groups import LAYOUT_GROUPS, scenario_conditions
from drivesim.scenario.file import load_scenario
from drivesim.video_io import write_image

EMPTY = "name: empty\nlook: {time_of_day: day, crowdedness: 0}\nego: {speed: 12}\nrollout: {seconds: 3}\n"
ALONE = "traffic: scripted\nego: {speed: 4}\nrollout:"
BOXED = "  - {box: [700, 300, 800, 380], kind: van}\n"


def future_of(folder: Path, text: str, number: int = 0) -> FutureSpec:
    (folder / "scenario.yaml").write_text(text)
    return FutureSpec(Prompt.of(load_scenario(folder / "scenario.yaml")), Timeline.of(3, 30), seed=1, number=number)


def test_the_place_along_the_road_is_where_the_ego_is(tmp_path: Path) -> None:
    future = future_of(tmp_path, EMPTY + "traffic: scripted\n")
    rows = future.conditions([0, 45])
    assert rows["place"].given.all()
    torch.testing.assert_close(rows["place"]["along"], torch.tensor([0.0, 1.5 * 12]), atol=1e-3, rtol=0)
    assert torch.equal(rows["place"]["along"], future.metres([0, 45]))
    assert rows["boxes"].given.all() and not rows["boxes"]["present"].any()


def test_every_frame_has_the_boxes_of_its_vehicles(tmp_path: Path) -> None:
    future = future_of(tmp_path, SCENARIO.replace("sedan}", "sedan, speed: 15}").replace("rollout:", ALONE))
    first, later = (future.boxes(tick) for tick in (0, 2 * KEY_TICKS))
    assert first is not None and later is not None
    assert first.track.tolist() == later.track.tolist() == [0]
    assert later.box[0, 3] < first.box[0, 3], "the car ahead does not draw away from a slow ego"
    rows, asked = future.conditions([0, 2 * KEY_TICKS])["boxes"], scenario_conditions(future.prompt.scenario)["boxes"]
    assert rows.given.all() and rows["present"].sum() == 2
    assert torch.equal(rows["box"][0], asked["box"][0]) and not torch.equal(rows["box"][1], asked["box"][0])


def test_a_vehicle_asked_for_by_its_box_has_that_box_in_the_first_frame(tmp_path: Path) -> None:
    future = future_of(tmp_path, SCENARIO.replace("crowdedness: 1", "crowdedness: 2").replace("rollout:", BOXED + "rollout:"))
    boxes = future.boxes(0)
    assert boxes is not None
    np.testing.assert_allclose(boxes.box[boxes.track == 1][0] * [1024, 512, 1024, 512], [700, 300, 800, 380], atol=1e-3)


def test_a_moment_is_the_same_in_whatever_order_it_is_asked_for(tmp_path: Path) -> None:
    there, again = (future_of(tmp_path, SCENARIO).moments for _ in range(2))
    late, early = there[400], there[3]
    assert again[3].vehicles.cuboid.tolist() == early.vehicles.cuboid.tolist()
    assert again[400].vehicles.cuboid.tolist() == late.vehicles.cuboid.tolist()
    assert again[400].along == late.along


def test_the_layouts_of_small_and_of_upsampled_frames_are_kept_side_by_side(tmp_path: Path) -> None:
    layouts = future_of(tmp_path, EMPTY).layouts
    small, large = layouts((16, 32)), layouts((64, 128))
    assert layouts((16, 32)) is small and layouts((64, 128)) is large


@pytest.mark.parametrize("vehicles", [True, False])
def test_a_photo_has_markings_of_its_own_and_vehicles_that_are_named(tmp_path: Path, vehicles: bool) -> None:
    write_image(tmp_path / "road.png", np.zeros((64, 128, 3), np.uint8))
    future = future_of(tmp_path, (SCENARIO if vehicles else EMPTY) + "photo: road.png\n")
    assert future.prompt.photo == tmp_path / "road.png"
    rows = future.conditions([0, 45])
    assert not rows["place"].given.any() and not rows["place"]["along"].any()
    assert rows["boxes"].given.tolist() == [vehicles] * 2


def test_free_traffic_gives_nothing_but_the_look(tmp_path: Path) -> None:
    future = future_of(tmp_path, SCENARIO + "traffic: free\n")
    rows = future.conditions([0, 16])
    assert [name for name, group in rows.groups.items() if group.given.any()] == ["look"]
    assert future.boxes(0) is not None and future.boxes(16) is None
    first = FutureSpec.first(future.prompt, 1).known_conditions([0], None)
    assert first["boxes"].given.all() and first["road"].given.all(), "the first frame is composed as the scenario says"


def test_the_first_frame_is_the_same_in_all_futures_and_shows_drawn_vehicles(tmp_path: Path) -> None:
    text = SCENARIO.replace("crowdedness: 1", "crowdedness: 6")
    one, other = (future_of(tmp_path, text, number) for number in (0, 1))
    first = FutureSpec.first(one.prompt, 1).known_conditions([0], None)["boxes"]
    assert first["present"].sum() >= 6
    for future in (one, other):
        assert torch.equal(future.conditions([0])["boxes"]["box"], first["box"])
    assert not torch.equal(one.conditions([64])["boxes"]["box"], other.conditions([64])["boxes"]["box"])


def test_layout_is_given_to_networks_that_are_shown_it(tmp_path: Path) -> None:
    future = future_of(tmp_path, SCENARIO)
    assert not future.conditions([0, 16])["vehicles"].given.any()
    rows = future.conditions([0, 16], layout_height=32)
    for name, group in LAYOUT_GROUPS.items():
        assert rows[name].given.all() and rows[name]["planes"].shape == (2, *group.fields["planes"].shape[:1], 32, 64)
    assert rows["vehicles"]["planes"].any() and rows["ground_map"]["planes"].any()


def test_of_a_photo_layout_knows_the_named_vehicles_alone(tmp_path: Path) -> None:
    write_image(tmp_path / "road.png", np.zeros((64, 128, 3), np.uint8))
    for text, named in ((SCENARIO, True), (EMPTY, False)):
        rows = future_of(tmp_path, text + "photo: road.png\n").conditions([0, 16], layout_height=32)
        assert [rows[name].given.all().item() for name in LAYOUT_GROUPS] == [named, False, False, named]
