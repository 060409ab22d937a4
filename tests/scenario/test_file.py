from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from drivesim.config import InputError, read_yaml
from drivesim.scenario.file import (
    Fault,
    check_scenarios,
    dump_scenario,
    load_scenario,
    parse_scenario,
    scenario_files,
)
from drivesim.scenario.scenario import Scenario

LOOK = "look: {time_of_day: day, crowdedness: 9}\n"
GOOD = f"name: good\n{LOOK}"
NO_TAG = "a tag (!) is not allowed; remove it, and write text that looks like a number in quotes"


def faults(text: str) -> list[str]:
    """Faults of `text` without the name of the file."""
    scenario, found = parse_scenario(text, Path("f"))
    assert (scenario is None) == bool(found)
    return [str(fault).removeprefix("f:") for fault in found]


def test_a_fault_reads_like_a_compiler_message() -> None:
    assert str(Fault("a.yaml", 3, 5, "wrong")) == "a.yaml:3:5: wrong"


def test_good_text_has_no_faults() -> None:
    assert faults(GOOD) == []
    assert faults(GOOD + "road: {curvature: 1e-3}\ncamera: {height: 2}") == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", '1:1: expected the keys "name", "look" and so on, not nothing'),
        ("- 1", '1:1: expected the keys "name", "look" and so on, not a list of 1'),
        ("name: a", '1:1: "look" is missing; it must be a group of keys (time_of_day, crowdedness)'),
        ("name: a\nlook: {crowdedness: 1}", '2:1: "time_of_day" is missing; it must be day or night'),
        ("name: a\nlook: {time_of_dya: day, crowdedness: 1}", '2:8: unknown key "time_of_dya" in "look" '
         '(did you mean "time_of_day"?)'),
        (GOOD + "lanes: 3", '3:1: unknown key "lanes" (it belongs in "road")'),
        (GOOD + "zzz: 3", '3:1: unknown key "zzz" (known: name, look, road, camera, ego, vehicles, photo, '
         'traffic, rollout, guidance)'),
        (GOOD + "road: {setting: Highwya}", "3:17: setting must be highway, city, residential or rural, "
         'not "Highwya" (did you mean "highway"?)'),
        (GOOD + 'road: {lanes: "3"}', '3:15: lanes must be a whole number from 1 to 5, not "3"; remove the quotes'),
        (GOOD + "road: {lanes: true}", "3:15: lanes must be a whole number from 1 to 5, not true"),
        (GOOD + "road: {lanes: 3.0}", "3:15: lanes must be a whole number from 1 to 5, not 3.0; write 3"),
        (GOOD + "road: {lanes: 6}", "3:15: lanes must be a whole number from 1 to 5, not 6"),
        (GOOD + "road: {curvature: .nan}", "3:19: curvature must be a number from -0.01 to 0.01 per m, not nan"),
        (GOOD + "road: 3", "3:7: road must be a group of keys (setting, lanes, ego_lane, curvature), not 3"),
        (GOOD + "road: {lanes: 2, ego_lane: 3}", "3:28: ego_lane is 3, but the road has lanes: 2; lower it or add lanes"),
        (GOOD + "road: {lanes: 1}", "3:15: lanes is 1, but a highway road has 2 to 5 lanes in the direction of travel; "
         "change lanes or setting"),
        (GOOD + "road: {lanes: 4, setting: rural}", "3:15: lanes is 4, but a rural road has 1 to 2 lanes in the direction "
         "of travel; change lanes or setting"),
        (GOOD + "camera: {height: 2.5}", "3:18: height must be a number from 1.2 to 2.2 m, not 2.5"),
        (GOOD + "camera: {pitch: -6}", "3:17: pitch must be a number from -4 to 4 degrees, not -6"),
        (GOOD + "camera: {field_of_view: 90}", "3:25: field_of_view must be a number from 50 to 80 degrees, not 90"),
        (GOOD + "rollout: {fps: 15}", "3:16: fps must be 1.875, 7.5 or 30, not 15"),
        (GOOD + "rollout: {fps: yes}", '3:16: fps must be 1.875, 7.5 or 30, not "yes"'),
        (GOOD + "vehicles:\n- 4", "4:3: a vehicle must be a group of keys such as {ahead: 20, left: 0, kind: sedan}, not 4"),
        (GOOD + "vehicles:\n- {ahead: 9, left: 0, kind: sedna}", "4:29: kind must be sedan, hatchback, suv, van, truck "
         'or bus, not "sedna" (did you mean "sedan"?)'),
        (GOOD + "vehicles:\n- {ahead: 9, kind: van}", '4:3: "left" is missing; it must be a number from -60 to 60 m'),
        (GOOD + "vehicles:\n- {box: [1, 2, 30, 40], kind: van, left: 2}", '4:36: unknown key "left" in "vehicles" '
         '(a vehicle has either "box", or "ahead" and "left")'),
        (GOOD + "vehicles:\n- {box: [1, 2, 30], kind: van}", "4:9: box must be four numbers [x1, y1, x2, y2]: left, top, "
         "right and bottom edge in pixels of the 1024x512 frame, not a list of 3"),
        (GOOD + "vehicles:\n- {box: [1, 2, 30, w], kind: van}", "4:20: box must be four numbers [x1, y1, x2, y2]: left, "
         'top, right and bottom edge in pixels of the 1024x512 frame, not "w"'),
        (GOOD + "name: two", '3:1: "name" is given twice, first on line 1; remove one of the two'),
        (GOOD + "a: [1", "3:6: not valid YAML: while parsing a flow sequence, expected ',' or ']', but got '<stream end>'"),
        (GOOD + "road: &r {lanes: 2}\ncamera: *r", "4:9: not valid YAML: an alias (*) is not allowed; write the value out"),
        (GOOD + "? [1]\n: 2", "3:3: a key must be plain text"),
        (GOOD + "road: {lanes: !!int x}", f"3:15: not valid YAML: {NO_TAG}"),
        (GOOD + "road: !!python/object/apply:os.system {lanes: 2}", f"3:7: not valid YAML: {NO_TAG}"),
        (GOOD + "road: {<<: {lanes: 2}}", '3:8: unknown key "<<" in "road" (known: setting, lanes, ego_lane, curvature)'),
        (GOOD + "a: \x01", "3:4: character U+0001 is not allowed; remove it"),
        (GOOD + "a: \0", "3:4: character U+0000 is not allowed; remove it"),
        (GOOD + "# a\u2028road: {lanes: 2}", "3:4: character U+2028 is not allowed; remove it"),
        (GOOD + "# a\x85road: {lanes: 2}", "3:4: character U+0085 is not allowed; remove it"),
        (GOOD + "\ufeffroad: {lanes: 2}", "3:1: character U+FEFF is not allowed; remove it"),
        ("\ufeffname: Bad", "1:7: name must be lower-case letters and digits, joined by _ or -, such as night_city, "
         'not "Bad"'),
        (GOOD.replace("\n", "\r\n") + "a: \x01", "3:4: character U+0001 is not allowed; remove it"),
        (GOOD.replace("\n", "\r\n") + "road: {lanes: 6}\r\n", "3:15: lanes must be a whole number from 1 to 5, not 6"),
        (GOOD + "\troad: {}", "3:1: not valid YAML: a tab must not indent a line; use spaces"),
        (f"{GOOD}---\n{GOOD}", "3:1: not valid YAML: expected a single document in the stream, but found another document"),
        ('name: "\\U00110000"', "1:10: not valid YAML: an escape or a number out of range"),
        (f"%YAML 1.{'9' * 5000}\n---\n{GOOD}", "1:9: not valid YAML: an escape or a number out of range"),
        (GOOD + 'road: {setting: "\\e[2J\\n\\uD800"}', "3:17: setting must be highway, city, residential or rural, "
         'not "\\x1b[2J\\n\\ud800"'),
        (GOOD + f"? {'k' * 9000}\n: 1", f'3:3: unknown key "{"k" * 37}..." (known: name, look, road, camera, ego, '
         "vehicles, photo, traffic, rollout, guidance)"),
        (GOOD + f"road: {{setting: {'v' * 9000}}}", "3:17: setting must be highway, city, residential or rural, "
         f'not "{"v" * 37}..."'),
        (GOOD + f"road: {{lanes: {'9' * 300}}}", f"3:15: lanes must be a whole number from 1 to 5, not {'9' * 37}..."),
        (GOOD + f"road: {{lanes: {'9' * 9000}}}", "3:15: lanes must be a whole number from 1 to 5, not inf"),
        (GOOD + "rollout: {seconds: 1e9}", "3:20: seconds must be a number from 0.5 to 600 s, not 1000000000.0"),
        (GOOD + "rollout: {futures: 0}", "3:20: futures must be a whole number from 1 to 16, not 0"),
        (GOOD + "rollout: {seed: -1}", "3:17: seed must be a whole number from 0 to 4294967295, not -1"),
        (GOOD + "rollout: {fps: .inf}", "3:16: fps must be 1.875, 7.5 or 30, not inf"),
        (GOOD + "ego: {speed: 40}", "3:14: speed must be a number from 0 to 33 m/s, not 40; 40 km/h are 11.11 m/s"),
        (GOOD + "rollout: {speed: 40}", "3:18: speed must be a number from 0 to 33 m/s, not 40; 40 km/h are 11.11 m/s"),
        (GOOD + "ego: {speed: 20}\nrollout: {speed: 20}", "4:11: the ego's speed is given twice, as ego.speed and as "
         "rollout.speed of older files; remove the latter"),
        (GOOD + "traffic: scriptd", '3:10: traffic must be simulated, scripted or free, not "scriptd" (did you mean "scripted"?)'),
        (GOOD + "ego: {actions: [{action: sped, target: 3, rate: 1}]}", '3:26: action must be speed, stop, lane_change or '
         'follow_waypoints, not "sped" (did you mean "speed"?)'),
        (GOOD + "ego: {actions: [stop]}", "3:17: an action must be a group of keys such as {action: stop, rate: 4}, "
         'not "stop"'),
        (GOOD + "ego: {actions: [{action: stop, rte: 3}]}", '3:32: unknown key "rte" in "actions" (did you mean "rate"?)'),
        (GOOD + "ego: {actions: [{action: speed, rate: 3}]}", '3:17: "target" is missing; it must be a number from 0 to 45 m/s'),
        (GOOD + "ego: {actions: [{action: stop, rate: 0}]}", "3:38: rate must be a number above 0, to 12 m/s², not 0"),
        (GOOD + "ego: {actions: [{action: stop, rate: 1, when: 3}]}", "3:47: when must be a group of keys (time, distance, "
         "time_to_collision, to), not 3"),
        (GOOD + "ego: {actions: [{action: stop, rate: 1, when: {tme: 3}}]}", '3:48: unknown key "tme" in "when" '
         '(did you mean "time"?)'),
        (GOOD + "vehicles:\n- {ahead: 9, left: 4, kind: van, actions: [{action: lane_change, lane: 2.5}]}", "4:72: lane must "
         "be a whole number from 1 to 5, not 2.5"),
        (GOOD + "vehicles:\n- {ahead: 9, left: 4, kind: van, paint: purpel}", "4:41: paint must be white, silver, grey, "
         'black, red, blue, green, yellow, orange, brown or beige, not "purpel"'),
        ("[" * 2000, "1:14: not valid YAML: nested too deeply"),
        ("#" * 40_000, "1:1: larger than 32 KiB, which no scenario needs; is it the right file?"),
    ],
)  # fmt: skip
def test_one_fault_has_its_position_and_remedy(text: str, expected: str) -> None:
    assert expected in faults(text)
    assert len(faults(text)) <= 2


def test_a_wrong_name_says_what_a_name_is() -> None:
    assert faults(f"name: Bad Name\n{LOOK}")[0].startswith("1:7: name must be lower-case letters")


def test_too_many_vehicles() -> None:
    text = "name: a\nlook: {time_of_day: day, crowdedness: 24}\nvehicles:\n"
    text += "".join(f"- {{box: [{i * 40}, 10, {i * 40 + 39}, 60], kind: van}}\n" for i in range(25))
    assert faults(text)[0].startswith("4:1: vehicles must be a list of at most 24 vehicles")
    assert len(faults(text.rsplit("\n", 2)[0])) == 0


def test_every_fault_is_found_at_once_though_the_fields_beside_are_broken() -> None:
    text = """name: a
look: {time_of_day: dusk, crowdedness: 1}
road: {lanes: 2, ego_lane: 4}
camera: {height: 9}
vehicles:
- {ahead: 20, left: 0, kind: sedan}
- {ahead: 21, left: 0, kind: sedan}
- {box: [0, 0, 2000, 100], kind: suv, hedaing: 3}
photo: missing.png
"""
    lines = [line.split(":")[0] for line in faults(text)]
    assert lines == ["2", "3", "4", "7", "8", "8", "9"]


def test_crowdedness_below_the_boxes_points_at_crowdedness() -> None:
    text = GOOD.replace("9", "1") + "vehicles:\n- {ahead: 9, left: 0, kind: van}\n- {ahead: 9, left: 4, kind: van}\n"
    assert faults(text) == ["2:39: crowdedness is 1, but 2 of the vehicles count; make it at least 2"]


def test_a_crowd_of_10000_cars_is_refused_at_once() -> None:
    text = GOOD + "vehicles: [" + "{}, " * 8_000
    start = time.process_time()
    assert faults(text + "]")[0].startswith("3:12: ")
    assert faults(text + " " * 10_000)[0].startswith("1:1: larger than 32 KiB")
    assert time.process_time() - start < 10


def test_a_hundred_faults_are_enough() -> None:
    found = faults(GOOD + "a:\n" * 500)
    assert len(found) == 101
    assert found[-1] == "102:1: 400 more errors follow; mend these first"


def test_photo_must_be_an_image(tmp_path: Path) -> None:
    path, photo = tmp_path / "a.yaml", tmp_path / "sub/p.png"
    path.write_text(GOOD + "photo: sub/p.png\n")

    def fault() -> str:
        return str(check_scenarios([path])[0]).removeprefix(f"{path}:3:8: photo ").removeprefix(f"{photo}: ")

    assert fault() == "no such file; check the path (the path is relative to this file)"
    (tmp_path / "sub").mkdir()
    for junk in (b"no image", b""):
        photo.write_bytes(junk)
        assert fault().startswith("not a whole PNG, JPEG or WebP image; save or download it again")
    cv2.imwrite(str(photo), np.zeros((8, 16, 3), np.uint8))
    assert load_scenario(path).photo == photo
    cv2.imwrite(str(photo), np.zeros((7, 900, 3), np.uint8))
    assert fault() == f"{photo} has 900x7 pixels; it needs at least 16x8"
    for wrong in ("sub", '"a\\0b"', '"\\uD800"', "x" * 5000, "/dev/zero"):
        path.write_text(GOOD + f"photo: {wrong}\n")
        assert "no such file" in fault()
        assert len(fault()) < 400


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    assert str(check_scenarios([tmp_path / "no.yaml"])[0]) == f"{tmp_path}/no.yaml:1:1: no such file; check the path"
    assert "no *.yaml file" in check_scenarios([tmp_path])[0].message
    (tmp_path / "a.yaml").write_bytes(b"name: a\nlook: \xff\n")
    assert str(check_scenarios([tmp_path])[0]).startswith(f"{tmp_path}/a.yaml:2:7: byte 0xFF is no UTF-8 text")
    (tmp_path / "a.yaml").write_bytes(b"\xef\xbb\xbf" + GOOD.encode())
    assert check_scenarios([tmp_path]) == []
    (tmp_path / "a.yaml").write_text("name: a", encoding="utf-16")
    assert str(check_scenarios([tmp_path])[0]).startswith(f"{tmp_path}/a.yaml:1:1: byte 0xFF is no UTF-8 text")
    (tmp_path / "loop.yaml").symlink_to(tmp_path / "loop.yaml")
    for name in ("loop.yaml", "x" * 5000, "a.yaml/b.yaml"):
        assert "1:1: cannot be read: " in str(check_scenarios([tmp_path / name])[0])


def test_what_has_no_end_is_not_read_to_its_end() -> None:
    assert str(check_scenarios([Path("/dev/zero")])[0]).startswith("/dev/zero:1:1: larger than 32 KiB")


def test_folders_mean_all_their_files_and_names_must_differ(tmp_path: Path) -> None:
    for name in ("a.yaml", "b.yml"):
        (tmp_path / name).write_text(GOOD)
    (tmp_path / "c.txt").write_text("not a scenario")
    assert scenario_files([tmp_path, tmp_path / "b.yml"]) == [tmp_path / "a.yaml", tmp_path / "b.yml"]
    assert [str(fault) for fault in check_scenarios([tmp_path])] == [
        f'{tmp_path}/b.yml:1:7: the name "good" is also that of {tmp_path}/a.yaml; rename one of the two'
    ]


def test_load_scenario_lists_all_faults(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_text("name: 3\nlook: {time_of_day: day, crowdedness: -1}\n")
    with pytest.raises(InputError) as caught:
        load_scenario(path)
    assert [line.split(": ")[0] for line in str(caught.value).splitlines()] == [f"{path}:1:7", f"{path}:2:39"]


vehicles = st.one_of(
    st.fixed_dictionaries(
        {"ahead": st.floats(5, 80), "left": st.floats(-8, 8), "kind": st.sampled_from(["sedan", "bus"])},
        optional={"heading": st.floats(-180, 180)},
    ),
    st.tuples(st.floats(0, 500), st.floats(0, 200), st.floats(9, 500), st.floats(9, 300)).map(
        lambda b: {"box": [b[0], b[1], b[0] + b[2], b[1] + b[3]], "kind": "van"}
    ),
)
scenarios = st.fixed_dictionaries(
    {
        "name": st.from_regex(r"[a-z0-9]{1,9}(_[a-z0-9]{1,9})?", fullmatch=True),
        "look": st.fixed_dictionaries({"time_of_day": st.sampled_from(["day", "night"]), "crowdedness": st.just(24)}),
    },
    optional={
        "road": st.fixed_dictionaries({"curvature": st.floats(-0.01, 0.01), "lanes": st.integers(2, 5)}),
        "camera": st.fixed_dictionaries({"height": st.floats(1.2, 2.2), "pitch": st.floats(-4, 4)}),
        "vehicles": st.lists(vehicles, max_size=3),
        "rollout": st.fixed_dictionaries({"seed": st.integers(0, 2**32 - 1), "seconds": st.floats(0.5, 600)}),
    },
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.filter_too_much], deadline=None)
@given(scenarios)
def test_dump_and_load_give_the_same_scenario(tmp_path: Path, values: dict[str, Any]) -> None:
    try:
        scenario = Scenario.model_validate(values)
    except ValidationError:
        assume(False)
    dump_scenario(scenario, tmp_path / "s.yaml")
    assert load_scenario(tmp_path / "s.yaml") == scenario


@pytest.mark.parametrize("name", ["123", "1e5", "null", "true", "yes", "0x1f", "2001-01-01", "1_000", "on"])
def test_names_that_look_like_something_else_stay_text(tmp_path: Path, name: str) -> None:
    scenario = Scenario.model_validate({"name": name, "look": {"time_of_day": "day", "crowdedness": 0}})
    dump_scenario(scenario, tmp_path / "s.yaml")
    assert load_scenario(tmp_path / "s.yaml") == scenario
    assert read_yaml(tmp_path / "s.yaml")["name"] == name  # whatever reads YAML 1.1


def test_dumped_files_are_readable_and_find_the_photo(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "p.png"), np.zeros((8, 16, 3), np.uint8))
    text = GOOD.replace("good", "'123'") + "photo: p.png\nvehicles:\n- {ahead: 20.5, left: 0, kind: van}\n"
    scenario, _ = parse_scenario(text, tmp_path / "a.yaml")
    assert scenario is not None
    (tmp_path / "out").mkdir()
    dump_scenario(scenario, tmp_path / "out/s.yaml")
    written = (tmp_path / "out/s.yaml").read_text()
    assert "  - {ahead: 20.5, left: 0, heading: 0, kind: van}\nphoto: ../p.png\n" in written
    assert written.startswith("name: '123'\nlook:\n  time_of_day: day\n")
    assert load_scenario(tmp_path / "out/s.yaml") == scenario


BASE = (
    Path(__file__).parents[2].joinpath("scenarios/highway_day.yaml").read_text()
    + "guidance: {boxes: 1.5}\ncamera:\n  pitch: -2\n"
)
fragments = st.one_of(
    st.sampled_from(["[", "]", "{", "}", ": ", "- ", "\n", "\n  ", '"', "'", "&a ", "*a", "!!int ", "<<: ", "null", "1e999",
                     "-.inf", "true", "? ", "|", "9" * 400, "\t", "#", "%", "box: [1, 2, 3, 4]", "---\n", "\ufeff"]),
    st.text(max_size=6),
)  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(st.integers(0, len(BASE)), st.integers(0, 12), fragments), min_size=1, max_size=4))
def test_broken_text_gives_faults_and_never_crashes(edits: list[tuple[int, int, str]]) -> None:
    text = BASE
    for start, length, replacement in edits:
        text = text[:start] + replacement + text[start + length :]
    scenario, found = parse_scenario(text, Path("f"))
    assert (scenario is None) == bool(found)
    lines = len(text.splitlines()) + 1
    assert all(1 <= fault.line <= lines and fault.column >= 1 and fault.message for fault in found)


junk = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5)),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


@settings(deadline=None)
@given(st.dictionaries(st.sampled_from(["name", "look", "road", "camera", "vehicles", "photo", "rollout"]), junk))
def test_wrong_shapes_give_faults_and_never_crash(values: dict[str, Any]) -> None:
    import json

    assert faults(json.dumps(values))
