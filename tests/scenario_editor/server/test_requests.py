"""What the page can ask for, without a page."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scenario_editor.first_frames.composer import Composer
from scenario_editor.first_frames.compositions import Compositions
from scenario_editor.jobs.queue import Queue
from scenario_editor.server.requests import FAILED, STALE, RequestHandler
from scenario_editor.storage.sessions import SessionStore
from scenario_editor.storage.workspace import Workspace

from drivesim.config import shipped
from drivesim.scenario.file import load_scenario
from drivesim.video_io import write_image

PRESETS = shipped("scenarios")


class Tab:
    """One browser tab: sends requests as the page does, and keeps what it is told."""

    def __init__(self, handler: RequestHandler) -> None:
        self.handler, self.session, self.view = handler, None, {"base": None}
        self.reply: dict[str, Any] = {}
        self.act("open")

    def act(self, what: str, /, **request: Any) -> dict[str, Any]:
        self.reply = self.handler.call({"type": what, "session": self.session, "base": self.view["base"], **request})
        self.session = self.reply.get("session", self.session)
        self.view = self.reply.get("view", self.view)
        return self.view

    @property
    def message(self) -> str:
        return (self.reply.get("message") or {"text": ""})["text"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "work").mkdir()
    return tmp_path / "work"


@pytest.fixture
def handler(tmp_path: Path, folder: Path, composer: Composer) -> RequestHandler:
    store = SessionStore(tmp_path / "sessions", (PRESETS / "highway_day.yaml").read_text())
    return RequestHandler(store, Workspace(folder, PRESETS), Compositions(composer, store), Queue(tmp_path / "jobs"))


@pytest.fixture
def tab(handler: RequestHandler) -> Tab:
    return Tab(handler)


def test_a_new_session_shows_the_scenario_that_it_begins_with(tab: Tab) -> None:
    view = tab.view
    assert view["name"] == "highway_day" and view["sound"] and not view["dirty"] and not view["undo"]
    assert [v["kind"] for v in view["vehicles"]] == ["sedan", "suv", "van"]
    assert view["crowd"] == {"asked": 4, "counted": 3} and view["road"]["lane_width"] == 3.7
    assert tab.reply["jobs"] == [] and tab.reply["compose"]["variants"] == []


def test_an_edit_changes_its_line_and_nothing_else(tab: Tab) -> None:
    before = tab.view["text"].splitlines()
    after = tab.act("set", section="look", key="time_of_day", value="night")["text"].splitlines()
    changed = [(a, b) for a, b in zip(before, after, strict=True) if a != b]
    assert changed == [("  time_of_day: day      # day or night", changed[0][1])] and "night" in changed[0][1]
    assert tab.view["look"]["time_of_day"] == "night" and tab.view["undo"] and tab.view["dirty"]


def test_vehicles_are_drawn_moved_and_brought_back_by_undo(tab: Tab) -> None:
    tab.act("drop", kind="bus", ahead=60, left=0.0)
    assert tab.reply["select"] == 3 and tab.view["vehicles"][3]["ahead"] == 60
    tab.act("put", index=3, vehicle={"ahead": 50, "left": 0, "heading": 0, "kind": "bus"})
    assert tab.act("undo")["vehicles"][3]["ahead"] == 60
    assert len(tab.act("undo")["vehicles"]) == 3 and not tab.view["dirty"]
    assert tab.act("redo")["vehicles"][3]["kind"] == "bus"


def test_a_new_vehicle_has_room_in_the_crowd(tab: Tab) -> None:
    tab.act("drop", kind="sedan", ahead=10, left=3.7)
    assert tab.view["crowd"] == {"asked": 4, "counted": 4} and tab.message == ""
    tab.act("drop", kind="van", ahead=24, left=-3.7)
    assert tab.view["crowd"] == {"asked": 5, "counted": 5} and "crowdedness is now 5" in tab.message and tab.view["sound"]


def test_locked_vehicles_stay_and_locks_go_with_their_vehicles(tab: Tab) -> None:
    tab.act("lock", index=1, locked=True)
    assert [v["locked"] for v in tab.view["vehicles"]] == [False, True, False]
    tab.act("remove", index=1)
    assert "locked" in tab.message and len(tab.view["vehicles"]) == 3
    tab.act("remove", index=0)
    assert [v["locked"] for v in tab.view["vehicles"]] == [True, False]
    tab.act("lock", index=0, locked=False)
    assert len(tab.act("remove", index=0)["vehicles"]) == 1


def test_faults_stand_at_their_lines_fields_and_vehicles(tab: Tab) -> None:
    text = tab.view["text"].replace("ego_lane: 2", "ego_lane: 7").replace("ahead: 16, left: -3.7", "ahead: 24, left: 0.4")
    view = tab.act("text", text=text)
    lines = text.splitlines()
    places = {tuple(f["where"]): lines[f["line"] - 1] for f in view["faults"]}
    assert "ego_lane: 7" in places["road", "ego_lane"] and not view["sound"] and view["road"] is None
    view = tab.act("text", text=text.replace("ego_lane: 7", "ego_lane: 2"))
    assert "stands inside" in view["vehicles"][1]["fault"] and view["vehicles"][0]["fault"] is None
    view = tab.act("text", text="look: [")
    assert view["form"] is None and view["vehicles"] is None and len(view["faults"]) == 1
    tab.act("drop", kind="bus", ahead=60, left=0.0)
    assert "mend them first" in tab.message and tab.view["text"] == "look: ["
    while tab.view["undo"]:  # texts within a second are one step, so how many there are depends on the machine
        tab.act("undo")
    assert tab.view["sound"] and not tab.view["dirty"]


def test_two_sessions_do_not_see_each_other(tab: Tab, handler: RequestHandler) -> None:
    other = Tab(handler)
    other.act("set", section="", key="name", value="mine")
    assert other.session != tab.session
    tab.act("poll")
    assert tab.view["name"] == "highway_day" and other.view["name"] == "mine"


def test_of_two_tabs_of_one_session_the_later_one_is_told(tab: Tab, handler: RequestHandler) -> None:
    other = Tab(handler)
    other.session, other.view = tab.session, tab.view
    tab.act("remove", index=0)
    other.act("remove", index=0)
    assert other.message == STALE and len(other.view["vehicles"]) == 2
    assert len(other.act("remove", index=0)["vehicles"]) == 1


@pytest.mark.parametrize(
    "request_", [None, 3, {}, {"type": "nothing"}, {"type": "load", "name": "../../etc/passwd"}, {"type": "put"},
                 {"type": "set", "section": "look", "key": "__class__", "value": 1}, {"type": "job", "id": "x", "verb": "kill"},
                 {"type": "compose", "count": "many", "quality": "draft"}, {"type": "save", "name": "../x"}],
)  # fmt: skip
def test_whatever_is_asked_there_is_an_answer_and_no_trace(tab: Tab, request_: Any) -> None:
    asked = request_ | {"session": tab.session, "base": tab.view["base"]} if isinstance(request_, dict) else request_
    message = tab.handler.call(asked)["message"]
    assert message["level"] == "error" and "Traceback" not in message["text"] and len(message["text"]) < 200
    assert message["text"] == FAILED or message["text"]
    assert tab.act("poll")["text"] == (PRESETS / "highway_day.yaml").read_text()


def test_saving_asks_before_it_replaces(tab: Tab, folder: Path) -> None:
    tab.act("save", name="highway_day")
    assert load_scenario(folder / "highway_day.yaml").name == "highway_day" and not tab.view["dirty"]
    shutil.copy(PRESETS / "night_city.yaml", folder / "other.yaml")
    tab.act("set", section="rollout", key="seed", value=99)
    tab.act("set", section="", key="name", value="other")
    tab.act("save", name="other")
    assert tab.reply["exists"] and load_scenario(folder / "other.yaml").name == "night_city"
    tab.act("save", name="other", replace=True)
    assert load_scenario(folder / "other.yaml").rollout.seed == 99
    assert tab.view["files"] == ["highway_day", "other"]
    tab.act("load", name="night_city", example=True)
    assert tab.view["name"] == "night_city" and tab.act("undo")["name"] == "other"


def test_a_kept_variant_is_a_seed_of_the_scenario(tab: Tab, handler: RequestHandler) -> None:
    tab.act("compose", count=2, quality="draft")
    for _ in range(2000):
        tab.act("poll")
        if not tab.reply["compose"]["running"]:
            break
    variants = tab.reply["compose"]["variants"]
    assert [v["seed"] for v in variants] == [2, 1] and all(v["fresh"] for v in variants) and tab.view["frame"]["seed"] == 1
    tab.act("keep", id=variants[0]["id"])
    assert tab.view["form"]["rollout"]["seed"] == 2 and tab.view["frame"]["id"] == variants[0]["id"] and tab.view["frame"]["fresh"]
    tab.act("set", section="look", key="time_of_day", value="night")
    assert tab.view["frame"]["fresh"] is False
    tab.act("keep", id=variants[1]["id"])
    assert "the scene has changed" in tab.message


def test_uploads(tab: Tab, handler: RequestHandler, tmp_path: Path) -> None:
    write_image(tmp_path / "road.png", np.zeros((64, 128, 3), np.uint8))
    reply = handler.take_photo(tab.session or "", (tmp_path / "road.png").read_bytes())
    assert reply["view"]["photo"] and reply["view"]["sound"] and "photo:" in reply["view"]["text"]
    tab.view = reply["view"]
    tab.act("compose", count=1, quality="draft")
    assert "a photo is the first frame" in tab.message
    assert tab.act("photo_remove")["photo"] is None and "photo:" not in tab.view["text"]
    assert handler.take_photo(tab.session or "", b"no picture at all")["message"]["level"] == "error"
    reply = handler.take_scenario(tab.session or "", (PRESETS / "night_city.yaml").read_bytes())
    assert reply["view"]["name"] == "night_city" and reply["view"]["saved"] is None
    assert handler.take_scenario(tab.session or "", b"\xff\xfe\x00")["message"]["level"] == "error"


def test_rollouts_are_queued_for_sound_scenarios_alone(tab: Tab) -> None:
    tab.act("rollout", quality="draft")
    (job,) = tab.reply["jobs"]
    assert job["state"] == "queued" and job["name"] == "highway_day" and job["first_frame"] is None
    assert "out" not in job and not any(isinstance(value, Path) for value in job.values())
    tab.act("job", id=job["id"], verb="cancel")
    assert tab.reply["jobs"][0]["state"] == "cancelled"
    tab.act("job", id=job["id"], verb="remove")
    assert tab.reply["jobs"] == []
    tab.act("text", text=tab.view["text"].replace("lanes: 3", "lanes: 9"))
    tab.act("rollout", quality="draft")
    assert "mend the faults" in tab.message and tab.reply["jobs"] == []


def test_a_stranger_starts_nothing(handler: RequestHandler) -> None:
    for session in (None, "0" * 32, ["x"]):
        for request in ({"type": "rollout", "quality": "draft"}, {"type": "compose", "count": 1, "quality": "draft"}):
            reply = handler.call(request | {"session": session})
            assert reply["message"]["text"] == STALE and reply["jobs"] == [] and not reply["compose"]["running"]
    assert not list(handler.queue.root.glob("*/job.json"))


def test_requests_of_another_shape_are_answered_in_words(tab: Tab) -> None:
    tab.act("job", verb="__class__", id="x")
    assert "can be asked to cancel, resume, remove" in tab.message
    tab.act("job", verb=["cancel"], id=None)
    assert "can be asked to" in tab.message
    tab.act("job", verb="cancel")
    assert "no such rollout" in tab.message
    assert "does not know how to" in tab.handler.call({"type": ["x"], "session": tab.session})["message"]["text"]


def test_a_file_with_carriage_returns_keeps_them(tab: Tab, folder: Path) -> None:
    text = (PRESETS / "night_city.yaml").read_text().replace("\n", "\r\n")
    (folder / "crlf.yaml").write_bytes(text.encode())
    assert tab.act("load", name="crlf")["text"] == text
    typed = text.replace("\r\n", "\n").replace("night_city", "night_town") + "\n# typed in a browser\n"
    tab.act("text", text=typed)
    tab.act("set", section="rollout", key="seed", value=77)
    tab.act("save", name="crlf")
    saved = (folder / "crlf.yaml").read_bytes().decode()
    assert saved.count("\n") == saved.count("\r\n") and "night_town" in saved and "seed: 77" in saved
    assert saved.endswith("\r\n# typed in a browser\r\n")


@pytest.mark.parametrize(("size", "words"), [((256, 128), "the photo is the first frame"), ((128, 256), "higher than wide"),
                                             ((900, 100), "left and right are cut off")])  # fmt: skip
def test_a_photo_of_which_much_is_cut_off(tab: Tab, tmp_path: Path, size: tuple[int, int], words: str) -> None:
    write_image(tmp_path / "p.png", np.zeros((size[1], size[0], 3), np.uint8))
    reply = tab.handler.take_photo(str(tab.session), (tmp_path / "p.png").read_bytes())
    assert words in reply["message"]["text"] and reply["message"]["level"] == "info"


def test_moving_a_vehicle_keeps_what_else_it_is_told(tab: Tab) -> None:
    tab.act("load", name="cut_in", example=True)
    vehicle = tab.view["vehicles"][0]
    before = tab.view["text"].splitlines()
    after = tab.act("put", index=0, vehicle={k: v for k, v in vehicle.items() if k not in ("locked", "fault")} | {"ahead": 12})
    assert [b for a, b in zip(before, after["text"].splitlines(), strict=True) if a != b] == ["    ahead: 12"]


def test_actions_are_changed_where_they_stand(tab: Tab) -> None:
    tab.act("load", name="cut_in", example=True)
    before = tab.view["text"].splitlines()
    actions = [action | {"target": 15} for action in tab.view["form"]["ego"]["actions"]]
    after = tab.act("set", section="ego", key="actions", value=actions)["text"].splitlines()
    changed = [b for a, b in zip(before, after, strict=True) if a != b]
    assert changed == ["    - {action: speed, target: 15, rate: 4, when: {time_to_collision: 3.5, to: cutter}}"]
    tab.act("set", section="ego", key="actions", value=[])
    assert "actions" not in tab.view["text"].partition("vehicles:")[0]
    tab.act("set", section="ego", key="actions", value=[{"action": "fly"}])
    assert "action" in tab.message and tab.view["sound"]


def test_a_written_default_stays_where_another_value_of_its_action_changes(tab: Tab) -> None:
    action = "{dynamics: linear, action: speed, target: 9, rate: 2}   # gently"
    look = "name: a\nlook: {time_of_day: day, crowdedness: 1}\n"
    tab.act("text", text=f"{look}ego:\n  actions:\n    - {action}\n    - {{action: stop, rate: 3, when: {{time: 9}}}}\n")
    actions = tab.view["form"]["ego"]["actions"]
    text = tab.act("set", section="ego", key="actions", value=[actions[0] | {"target": 8}, *actions[1:]])["text"]
    assert action.replace("target: 9", "target: 8") in text and "when: {time: 9}" in text


def test_the_traffic_of_a_future_is_played_as_it_is_asked_for(tab: Tab) -> None:
    tab.act("set", section="", key="traffic", value="scripted")
    assert tab.view["form"][""]["traffic"] == "scripted" and "traffic: scripted" in tab.view["text"]
    tab.act("set", section="rollout", key="seconds", value=1)
    played = tab.handler.call({"type": "traffic", "session": tab.session, "future": 0})["traffic"]
    assert {row[0] for row in played["frames"][-1]} <= {0, 1, 2}
    refused = tab.handler.call({"type": "traffic", "session": tab.session, "future": 99})
    assert "future 99" in refused["message"]["text"]
