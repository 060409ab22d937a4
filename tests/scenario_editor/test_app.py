"""The handlers without a browser, and the page in one."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scenario_editor.app import FRAME, GUIDE, Editor, serve
from scenario_editor.composer import Composer

from drivesim.config import shipped
from drivesim.scene.scenario_file import load_scenario
from drivesim.scene.sections import BoxedVehicle
from drivesim.video_io import read_image

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


@pytest.fixture
def scenario(tmp_path: Path) -> Path:
    return Path(shutil.copy(shipped("scenarios") / "crossing_car.yaml", tmp_path))


@pytest.fixture
def editor(scenario: Path, composer: Composer) -> Editor:
    editor = Editor(scenario, composer)
    editor.blocks()
    return editor


class Tab:
    """Values of the components in one browser tab, as Gradio keeps them."""

    def __init__(self, editor: Editor) -> None:
        self.editor, self.values = editor, {editor.frame: None, editor.backdrop: GUIDE}
        self.put(editor.open())

    def put(self, updates: dict[Any, Any]) -> None:
        self.values |= updates

    def state(self) -> list[Any]:
        e = self.editor
        return [self.values[c] for c in (e.session, e.path, e.name, e.photo, *e.entries)]

    def behind(self) -> list[Any]:
        return [self.values[self.editor.frame], self.values[self.editor.backdrop]]

    def enter(self, elem_id: str, value: Any) -> None:
        self.values[next(c for c in self.editor.entries if c.elem_id == elem_id)] = value

    def picture(self) -> np.ndarray:
        return read_image(self.values[self.editor.canvas]["image"])


@pytest.fixture
def tab(editor: Editor) -> Tab:
    return Tab(editor)


def test_a_moving_camera_moves_the_boxes_of_vehicles_in_metres(tab: Tab, editor: Editor) -> None:
    before, text = tab.values[editor.canvas], tab.values[editor.text]
    tab.enter("camera-pitch", 3.0)
    tab.put(editor.redraw(*tab.behind(), *tab.state()))
    assert all(a["ymin"] < b["ymin"] for a, b in zip(before["boxes"], tab.values[editor.canvas]["boxes"], strict=True))
    assert tab.values[editor.text] == text.replace("pitch: 0", "pitch: 3")
    stale = editor.annotate(before, *tab.behind(), *tab.state())  # the browser had not drawn the new picture yet
    assert stale == {editor.session: tab.values[editor.session]}


def test_boxes_reach_the_text(tab: Tab, editor: Editor) -> None:
    canvas = tab.values[editor.canvas]
    canvas["boxes"][0]["xmax"] += 50
    tab.put(editor.annotate(canvas, *tab.behind(), *tab.state()))
    assert isinstance(tab.values[editor.session].drafts[0].vehicle, BoxedVehicle)
    assert "box: [" in tab.values[editor.text] and "ahead: 24" in tab.values[editor.text]
    canvas["boxes"][1]["label"] = "bus oncoming"  # another body, another box
    updates = editor.annotate(canvas, *tab.behind(), *tab.state())
    assert updates[editor.canvas]["boxes"][1]["ymin"] < canvas["boxes"][1]["ymin"] - 10


def test_what_is_out_of_view_is_kept_until_it_is_removed(tab: Tab, editor: Editor, tmp_path: Path) -> None:
    file = tmp_path / "far.yaml"
    file.write_text(
        "name: far\nlook: {time_of_day: day, crowdedness: 0}\nvehicles: [{ahead: 130, left: 0, kind: sedan}]\n"
    )
    tab.put(editor.load(str(file), *tab.state()))
    assert len(tab.values[editor.canvas]["boxes"]) == 1
    tab.enter("road-curvature", 0.01)
    tab.put(editor.redraw(*tab.behind(), *tab.state()))
    assert not tab.values[editor.canvas]["boxes"] and "out of view" in tab.values[editor.report]
    assert "ahead: 130" in tab.values[editor.text]
    tab.put(editor.tidy(*tab.state()))
    assert "ahead: 130" not in tab.values[editor.text] and "No faults" in tab.values[editor.report]


def test_work_is_not_dropped_at_the_first_press_of_load(tab: Tab, editor: Editor) -> None:
    other = str(shipped("scenarios") / "night_city.yaml")
    tab.enter("rollout-seed", 99)
    tab.put(editor.load(other, *tab.state()))
    assert "unsaved" in tab.values[editor.status] and tab.values[editor.name] == "crossing_car"
    tab.put(editor.load(other, *tab.state()))
    assert tab.values[editor.name] == "night_city"
    assert tab.values[editor.path] == str(Path.cwd() / "night_city.yaml")


def test_saving_asks_before_it_replaces(tab: Tab, editor: Editor, scenario: Path) -> None:
    tab.enter("rollout-seed", 99)
    tab.put(editor.save(False, *tab.state()))
    assert "there already" in tab.values[editor.status] and load_scenario(scenario).rollout.seed == 14
    tab.put(editor.save(True, *tab.state()))
    assert load_scenario(scenario).rollout.seed == 99 and tab.values[editor.replace] is False
    tab.put(editor.load(str(scenario), *tab.state()))
    assert "loaded" in tab.values[editor.status]


def test_composing_shows_the_frame_or_says_why_not(tab: Tab, editor: Editor, tmp_path: Path) -> None:
    tab.enter("rollout-seconds", None)
    tab.put(editor.compose("draft", lambda *a, **k: None, *tab.state()))
    assert "mend the faults" in tab.values[editor.status] and tab.values[editor.frame] is None
    tab.enter("rollout-seconds", 5)
    tab.put(editor.compose("draft", lambda *a, **k: None, *tab.state()))
    tab.put(editor.redraw(*tab.behind(), *tab.state()))
    assert tab.values[editor.backdrop] == FRAME
    assert (tab.picture() == tab.values[editor.frame]).all()
    from scenario_editor.composer import load_cascade

    editor.composer = Composer(lambda: load_cascade(tmp_path))
    assert "weights of autoencoder" in editor.compose("draft", lambda *a, **k: None, *tab.state())[editor.status]


@pytest.fixture
def page(editor: Editor) -> Iterator[Any]:
    if CHROMIUM is None:
        pytest.skip("needs a browser: no chromium on the path (Debian: apt-get install chromium)")
    playwright = pytest.importorskip("playwright.sync_api")
    blocks = editor.blocks()
    _, url, _ = serve(blocks, None, prevent_thread_lock=True, quiet=True)
    quiet = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking"]
    try:
        with playwright.sync_playwright() as p:
            browser = p.chromium.launch(executable_path=CHROMIUM, args=quiet)
            page = browser.new_page(viewport={"width": 1500, "height": 1000})
            page.goto(url)
            yield page
            browser.close()
    finally:
        blocks.close()


def test_in_a_browser_a_box_is_drawn_named_and_moved(page: Any, scenario: Path) -> None:
    from playwright.sync_api import expect

    text, status = page.locator("#text .cm-content"), page.locator("#status textarea, #status input").first
    expect(text).to_contain_text("ahead: 24", timeout=30_000)
    page.wait_for_function("document.querySelector('#picture canvas').width > 500")
    page.wait_for_timeout(1000)

    def drag(*points: tuple[int, int]) -> None:
        frame = page.locator("#picture canvas").bounding_box()
        scale = frame["width"] / 1024
        for i, (x, y) in enumerate(points):
            page.mouse.move(frame["x"] + x * scale, frame["y"] + y * scale)
            if i == 0:
                page.mouse.down()
        page.mouse.up()

    def press(key: str) -> None:
        page.locator("#picture .annotator-container").focus()
        page.keyboard.press(key)

    press("c")
    drag((80, 260), (160, 300), (240, 360))
    page.get_by_role("button", name="OK", exact=True).click()
    expect(text).to_contain_text("heading: 0, kind: sedan")
    expect(text).to_contain_text("ahead: 16, left: -2")
    press("d")
    drag((160, 310), (180, 320), (260, 340))
    expect(text).to_contain_text("box: [180, 290, 340, 390]")
    page.locator("#camera-height input[type=number]").fill("1.73")
    page.keyboard.press("Tab")
    expect(text).to_contain_text("height: 1.73")
    page.locator("#compose").click()
    expect(status).to_have_value("composed with seed 14, standard quality", timeout=60_000)
    page.locator("#replace input").check()
    page.locator("#save").click()
    expect(status).to_have_value(f"saved {scenario}")
    saved = load_scenario(scenario)
    assert saved.camera.height == 1.73 and [type(v).__name__ for v in saved.vehicles] == [
        "PlacedVehicle", "PlacedVehicle", "BoxedVehicle"
    ]  # fmt: skip
