from __future__ import annotations

import difflib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scenario_editor.document.values import road_and_camera, shortened, vehicles_of
from scenario_editor.document.yaml_text import new_text, read, rewrite, with_line_ends

from drivesim.config import InputError, shipped
from drivesim.scenario.file import load_scenario, scenario_files
from drivesim.scenario.yaml_document import YamlDocument
from drivesim.video_io import write_image

SCENARIOS = {path.stem: path.read_text(encoding="utf-8") for path in scenario_files([shipped("scenarios")])}
HERE = Path("nowhere")
CAR = {"ahead": 60, "left": 0, "heading": 0, "kind": "bus"}
BOX = {"box": [10, 20, 60, 70.5], "heading": 180, "kind": "van"}


def values(text: str) -> dict[str, Any]:
    found = read(text, HERE).values
    assert found is not None
    return found


def changed_lines(old: str, new: str) -> tuple[list[str], list[str]]:
    lines = list(difflib.ndiff(old.splitlines(), new.splitlines()))
    return [line[2:] for line in lines if line[0] == "-"], [line[2:] for line in lines if line[0] == "+"]


@pytest.mark.parametrize("name", SCENARIOS)
def test_shipped_scenarios_stay_byte_for_byte_when_nothing_changed(name: str) -> None:
    text = SCENARIOS[name]
    parsed = read(text, HERE)
    assert parsed.scenario is not None and not parsed.faults
    assert rewrite(text, values(text)).text == text
    assert rewrite(text, shortened(parsed.scenario.model_dump(mode="json"))).text == text
    crlf = text.replace("\n", "\r\n")
    assert rewrite(crlf, values(text)).text == crlf


def test_defaults_that_an_action_says_stay_as_they_are_written() -> None:
    text = (
        "name: a\nlook: {time_of_day: day, crowdedness: 2}\nego:\n  actions:\n"
        "    - {action: speed, dynamics: linear, target: 9, seconds: 2}  # kept\nvehicles:\n"
        "  - {ahead: 20, left: 0, kind: suv, actions: [{action: stop, rate: 3, when: {time: 1}}]}\n"
    )
    parsed = read(text, HERE)
    assert parsed.scenario is not None and not parsed.faults
    assert rewrite(text, values(text)).text == text
    assert rewrite(text, shortened(parsed.scenario.model_dump(mode="json"))).text == text
    gone, come = changed_lines(text, rewrite(text, values(text) | {"look": {"time_of_day": "night", "crowdedness": 2}}).text)
    assert len(gone) == len(come) == 1 and "night" in come[0]


@pytest.mark.parametrize("name", SCENARIOS)
def test_one_changed_value_changes_one_line(name: str) -> None:
    text = SCENARIOS[name]
    seed = values(text)["rollout"]["seed"]
    result = rewrite(text, {"rollout": {"seed": seed + 41}})
    gone, come = changed_lines(text, result.text)
    assert len(gone) == 1 and len(come) == 1 and "seed" in gone[0] and not result.lost
    assert rewrite(result.text, {"rollout": {"seed": seed}}).text == text


def test_comments_stay_in_their_columns() -> None:
    text = SCENARIOS["highway_day"]
    result = rewrite(text, {"look": {"crowdedness": 12}, "road": {"setting": "city"}})
    assert "  crowdedness: 12       # vehicles seen in" in result.text
    assert "  setting: city         # highway, city" in result.text
    assert rewrite(result.text, {"look": {"crowdedness": 4}, "road": {"setting": "highway"}}).text == text


def test_a_missing_key_comes_where_the_schema_has_it() -> None:
    text = rewrite(SCENARIOS["night_city"], {"camera": {"pitch": 2.0, "height": 1.4}, "road": {"curvature": 0.004}}).text
    gone, come = changed_lines(SCENARIOS["night_city"], text)
    assert not gone and come == ["  curvature: 0.004", "", "camera:", "  pitch: 2"]
    assert text.index("curvature") < text.index("\ncamera:") < text.index("\nvehicles:")
    back = rewrite(text, {"camera": {"pitch": 0}}).text
    assert "  pitch: 0\n" in back, "what the user wrote is not taken away"
    assert "pitch" not in rewrite(text, {"camera": {"pitch": None}}).text.replace("camera: {}", "")


def test_vehicles_come_go_and_change_each_in_its_line() -> None:
    text = SCENARIOS["highway_day"]
    three = values(text)["vehicles"]
    assert changed_lines(text, rewrite(text, {"vehicles": [*three, CAR]}).text) == ([], ["  - {ahead: 60, left: 0, kind: bus}"])
    assert changed_lines(text, rewrite(text, {"vehicles": [CAR, *three]}).text) == ([], ["  - {ahead: 60, left: 0, kind: bus}"])
    middle = rewrite(text, {"vehicles": [three[0], three[2]]})
    assert changed_lines(text, middle.text) == (["  - {ahead: 16, left: -3.7, kind: suv}"], [])
    moved = rewrite(text, {"vehicles": [three[0], three[1] | {"ahead": 17.25, "heading": -4}, three[2]]})
    assert changed_lines(text, moved.text)[1] == ["  - {ahead: 17.25, left: -3.7, heading: -4, kind: suv}"]
    boxed = rewrite(text, {"vehicles": [*three[:2], BOX]})
    assert changed_lines(text, boxed.text)[1] == ["  - {box: [10, 20, 60, 70.5], heading: 180, kind: van}"]
    assert rewrite(boxed.text, {"vehicles": three}).text != text  # "heading: 0" stays where it has been written
    none = rewrite(text, {"vehicles": []})
    assert "vehicles: []\n" in none.text and not none.lost
    assert rewrite(none.text, {"vehicles": three}).text == text


def test_what_could_not_be_kept_is_said() -> None:
    text = SCENARIOS["highway_day"].replace("kind: suv}", "kind: suv}  # cut-in")
    result = rewrite(text, {"vehicles": values(text)["vehicles"][:1]})
    line = text[: text.index("# cut-in")].count("\n") + 1
    assert result.lost == (f'the comment of line {line} ("# cut-in") went with what was removed',)
    kept = rewrite(text, {"vehicles": [values(text)["vehicles"][0], CAR, values(text)["vehicles"][2]]})
    assert "kind: bus}  # cut-in" in kept.text and not kept.lost


def test_scripts_and_the_speed_of_older_files_stay_where_they_are() -> None:
    stop = "{action: stop, rate: 4, when: {distance: 20, to: b}}"
    text = (
        f"name: a\nlook: {{time_of_day: day, crowdedness: 3}}\nego:\n  actions:\n    - {stop}  # hard\ntraffic: scripted\n"
        "vehicles:\n  - {ahead: 20, left: 0, kind: sedan, name: b, paint: red, speed: 9, actions: [{action: stop, rate: 2}]}\n"
    )
    read_values = values(text)
    assert rewrite(text, read_values).text == text
    car = read_values["vehicles"][0]
    assert car["actions"] == [{"action": "stop", "rate": 2}] and read_values["traffic"] == "scripted"
    for change in ({"vehicles": [car | {"ahead": 25}]}, {"ego": {"speed": 12}}, {"vehicles": [car, CAR]}):
        changed = values(rewrite(text, change).text)
        assert changed["ego"]["actions"] == read_values["ego"]["actions"] and changed["traffic"] == "scripted"
        assert {**changed["vehicles"][0], "ahead": 20} == car
    older = "name: a\nlook: {time_of_day: day, crowdedness: 3}\nrollout: {speed: 7}\n"
    assert values(older)["ego"]["speed"] == 7 and rewrite(older, values(older)).text == older
    assert rewrite(older, {"ego": {"speed": 9}}).text == older.replace("7", "9")


def test_layouts_of_other_people_are_kept() -> None:
    text = (
        '{\n  "name": "json",\n  "look": {"time_of_day": "day", "crowdedness": 3},\n'
        '  "vehicles": [\n    {"ahead": 20, "left": 0, "kind": "sedan"},\n    {"ahead": 40, "left": 0, "kind": "van"}\n  ]\n}\n'
    )
    cars = values(text)["vehicles"]
    assert rewrite(text, values(text)).text == text
    assert changed_lines(text, rewrite(text, {"look": {"crowdedness": 5}}).text)[1] == [
        '  "look": {"time_of_day": "day", "crowdedness": 5},'
    ]
    assert values(rewrite(text, {"vehicles": [*cars, CAR]}).text)["vehicles"] == [*cars, CAR]
    assert values(rewrite(text, {"vehicles": cars[1:], "camera": {"pitch": 1}}).text)["camera"]["pitch"] == 1
    block = (
        "# top\nlook:\n    time_of_day: night   # dark\n    crowdedness: 2\n\n\nvehicles:   # two\n- ahead: 20.0  # near\n"
        "  left: 0\n  kind: sedan\n# far\n-   left: 0\n    ahead: 40\n    kind: van\nname: 'block'"
    )
    two = values(block)["vehicles"]
    assert rewrite(block, values(block)).text == block
    assert changed_lines(block, rewrite(block, {"vehicles": [two[0] | {"kind": "bus"}, two[1]]}).text)[1] == ["  kind: bus"]
    assert changed_lines(block, rewrite(block, {"vehicles": [two[0], two[1] | {"heading": 3}]}).text)[1] == ["    heading: 3"]
    fewer = rewrite(block, {"vehicles": two[1:]})
    assert "# far\n-   left: 0" in fewer.text and len(fewer.lost) == 1
    more = rewrite(block, {"vehicles": [*two, CAR], "rollout": {"seed": 7}, "photo": "photos/a, b.png"})
    assert values(more.text)["vehicles"][2] == CAR and not more.lost
    assert more.text.startswith("# top\nlook:\n    time_of_day: night   # dark\n")
    assert values(more.text)["rollout"]["seed"] == 7 and values(more.text)["photo"] == "photos/a, b.png"


def test_names_that_look_like_numbers_stay_text() -> None:
    for name in ("123", "true", "1e3", "null", "no", "1_000"):
        assert values(rewrite(SCENARIOS["night_city"], {"name": name}).text)["name"] == name


def test_what_cannot_be_written_is_refused() -> None:
    with pytest.raises(InputError, match="cannot be written"):
        rewrite(SCENARIOS["night_city"], {"photo": "\x85"})
    spaced = rewrite(SCENARIOS["night_city"], {"photo": "\xa0"}).text
    assert values(rewrite(spaced, {"photo": "a"}).text)["photo"] == "a" and not rewrite(spaced, {"photo": "a"}).lost


def test_the_noise_of_a_slider_is_not_written() -> None:
    assert "  height: 1.3\n" in rewrite(SCENARIOS["night_city"], {"camera": {"height": 1.3000000000000003}}).text


def test_values_that_are_wrong_stand_in_form_and_text() -> None:
    text = rewrite(SCENARIOS["highway_day"], {"look": {"crowdedness": 1}}).text
    parsed = read(text, HERE)
    assert parsed.scenario is None and parsed.values is not None and parsed.values["look"]["crowdedness"] == 1
    assert [fault.line for fault in parsed.faults] == [text[: text.index("crowdedness")].count("\n") + 1]
    assert road_and_camera(parsed.values) is not None
    parsed = read(text.replace("lanes: 3", "lanes: 9").replace("kind: van", "kind: tank"), HERE)
    assert parsed.values is not None and parsed.values["road"]["lanes"] == 9 and parsed.values["vehicles"] is None
    assert road_and_camera(parsed.values) is None and vehicles_of(values(text)) is not None
    untouched = rewrite(text.replace("kind: van", "kind: tank"), parsed.values | {"road": {"lanes": 3}})
    assert "kind: tank" in untouched.text


@pytest.mark.parametrize("text", ["name: [", "- a\n- b\n", "name: a\nname: b\n", "a: &x 1\nb: *x\n", "just words"])
def test_a_text_that_is_no_mapping_locks_the_form(text: str) -> None:
    parsed = read(text, HERE)
    assert parsed.values is None and parsed.faults
    with pytest.raises(InputError, match="^line 1|^line 2"):
        rewrite(text, {"name": "a"})


def test_an_empty_text_begins_anew() -> None:
    scenario = load_scenario(shipped("scenarios") / "pixel_boxes.yaml")
    all_values = shortened(scenario.model_dump(mode="json"))
    text = rewrite("  \n", all_values).text
    assert text == new_text(all_values) and read(text, HERE).scenario == scenario
    assert text.startswith("name: pixel_boxes\n\nlook:\n") and "guidance" not in text


def test_photos_are_opened_in_their_folder_only(tmp_path: Path) -> None:
    folder = tmp_path / "session"
    (folder / "photos").mkdir(parents=True)
    for path in (folder / "photos" / "in.png", tmp_path / "out.png"):
        write_image(path, np.zeros((64, 128, 3), np.uint8))
    (folder / "link.png").symlink_to(tmp_path / "out.png")
    text = "name: a\nlook: {time_of_day: day, crowdedness: 0}\n"
    inside = read(text + "photo: photos/in.png\n", folder)
    assert inside.scenario is not None and inside.values is not None and inside.values["photo"] == "photos/in.png"
    for photo in ("../out.png", "/etc/passwd", "link.png", str(tmp_path / "out.png"), "photos/../../out.png", '"a\\0b"'):
        parsed = read(text + f"photo: {photo}\n", folder)
        assert parsed.scenario is None and [fault.line for fault in parsed.faults] == [3]
        assert "upload the photo" in parsed.faults[0].message, photo


def near(value: Any) -> Any:
    """Values without what is below the eighth decimal."""
    if isinstance(value, dict):
        return {k: near(v) for k, v in value.items()}
    if isinstance(value, list):
        return tuple(map(near, value))
    return round(round(value, 9), 8) + 0.0 if isinstance(value, float | int) else value


VEHICLES = st.one_of(
    st.builds(
        lambda a, left, h, k: {"ahead": a, "left": left, "heading": h, "kind": k},
        st.integers(-300, 300), st.floats(-60, 60), st.sampled_from([0, 180, -45.5]), st.sampled_from(["suv", "bus"]),
    ),
    st.builds(
        lambda x, y, k: {"box": [x, y, x + 50, y + 40.5], "heading": 0, "kind": k},
        st.integers(0, 900), st.floats(0, 400), st.sampled_from(["van", "truck"]),
    ),
)  # fmt: skip
PRINTED = st.characters(exclude_categories=("Cc", "Cf", "Cs", "Zl", "Zp", "Cn"))
CHANGES = st.fixed_dictionaries(
    {},
    optional={
        "name": st.from_regex(r"\A[a-z0-9]{1,5}(_[a-z0-9]{1,5})?\Z"),
        "photo": st.one_of(st.none(), st.text(PRINTED, min_size=1, max_size=8)),
        "look": st.fixed_dictionaries(
            {}, optional={"crowdedness": st.integers(0, 24), "time_of_day": st.sampled_from(["day", "night"])}
        ),
        "camera": st.fixed_dictionaries({}, optional={"pitch": st.floats(-4, 4), "height": st.none() | st.floats(1.2, 2)}),
        "guidance": st.fixed_dictionaries({}, optional={"boxes": st.floats(0, 10), "context": st.just(2.0)}),
        "rollout": st.fixed_dictionaries({}, optional={"seed": st.integers(0, 2**32 - 1), "fps": st.none() | st.just(7.5)}),
        "vehicles": st.lists(VEHICLES, max_size=6),
    },
)
NOISE = st.text("# \t\n:-[]{},&*!|>'\"ab1é\r", max_size=5)


@settings(max_examples=150, deadline=None, database=None, derandomize=True)
@given(st.sampled_from(sorted(SCENARIOS)), st.lists(CHANGES, min_size=1, max_size=3), st.booleans())
def test_any_changes_are_in_the_text_and_nothing_else_is(name: str, steps: list[dict[str, Any]], crlf: bool) -> None:
    text = SCENARIOS[name].replace("\n", "\r\n") if crlf else SCENARIOS[name]
    after = values(text)
    for change in steps:
        before, result = after, rewrite(text, change)
        after = values(result.text)
        for key, value in change.items():
            if isinstance(value, dict):
                assert {k: v for k, v in before[key].items() if k not in value}.items() <= after[key].items()
                given_values = {k: v for k, v in value.items() if v is not None}
                assert near(given_values).items() <= near(after[key]).items()
            elif key == "vehicles":
                assert list(map(near, after[key])) == list(map(near, value))
            else:
                assert after[key] == value
        assert {k: v for k, v in before.items() if k not in change} == {k: v for k, v in after.items() if k not in change}
        assert not any("laid out too unusually" in sentence for sentence in result.lost)
        comments = [line for line in text.splitlines() if line.startswith("#")]
        assert all(comment in result.text.splitlines() for comment in comments)
        assert rewrite(result.text, after).text == result.text
        text = result.text


@settings(max_examples=150, deadline=None, database=None, derandomize=True)
@given(st.sampled_from(sorted(SCENARIOS)), st.data(), CHANGES)
def test_a_text_with_typing_errors_is_changed_right_or_refused(name: str, data: st.DataObject, change: dict[str, Any]) -> None:
    text = SCENARIOS[name]
    place = data.draw(st.integers(0, len(text)))
    text = text[:place] + data.draw(NOISE) + text[place + data.draw(st.integers(0, 3)) :]
    parsed = read(text, HERE)
    try:
        result = rewrite(text, change)
    except InputError:
        assert parsed.values is None and parsed.faults
        return
    assert not YamlDocument(result.text, "").faults
    if parsed.values is not None:
        assert rewrite(text, parsed.values).text == text


@pytest.mark.parametrize("text", ["a: 1\r\nb: 2\r\n", "a: 1\r\nb: 2\nc: 3\r\n\nd: 4", "a: 1\rb: 2\r", "a: 1\nb: 2\n", "\r\n\r\n\n"])
@pytest.mark.parametrize("edit", ["", "b: 2", "x: 9\n", "y: 1\n\nz: 2\n"])
def test_line_ends_outlive_a_browser(text: str, edit: str) -> None:
    """A textarea makes each a line feed: what was not edited gets its own back, and what is new the first one's."""
    shown = text.replace("\r\n", "\n").replace("\r", "\n")
    assert with_line_ends(shown, text) == text
    for place in range(len(shown) + 1):
        edited = shown[:place] + edit + shown[place + 1 :]
        kept = with_line_ends(edited, text)
        assert kept.replace("\r\n", "\n").replace("\r", "\n") == edited
        if "\n" not in text.replace("\r\n", ""):
            assert "\n" not in kept.replace("\r\n", "")
    first = text.partition("1")[0]
    assert with_line_ends("new: 0\n" + shown, text).endswith(text) and with_line_ends(shown + "new: 0", text).startswith(first)


LOOK = "look: {time_of_day: day, crowdedness: 3}"
EMPTY = f"name: x\n{LOOK}\nroad:  # as usual\nvehicles:\n#  - one more\nrollout:\n"
TABBED = "name:\tx\n" + LOOK.replace(" ", "\t") + "\t# look\nroad:\n  lanes:\t3\nvehicles:\n  - {ahead: 9,\tleft: 0, kind: van}\n"


@pytest.mark.parametrize("text", [EMPTY, TABBED, EMPTY.replace("\n", "\r\n")])
def test_empty_sections_and_tabs_can_be_edited(text: str) -> None:
    parsed = read(text, HERE)
    assert parsed.scenario is not None and parsed.values is not None and isinstance(parsed.values["vehicles"], list)
    assert rewrite(text, parsed.values).text == text
    for change in ({"vehicles": [CAR]}, {"road": {"lanes": 4}}, {"rollout": {"seed": 5}}, {"look": {"crowdedness": 4}}):
        result = rewrite(text, change)
        after = read(result.text, HERE)
        assert after.scenario is not None and not [line for line in result.lost if "layout" in line]
        key, value = next(iter(change.items()))
        assert after.values is not None and (after.values[key] == value or value.items() <= after.values[key].items())
