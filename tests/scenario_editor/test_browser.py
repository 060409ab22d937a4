"""The editor in a real browser, over the tiny cascade."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from desktop import CHROMIUM, FRAME, ROAD, Desktop, browser
from scenario_editor.app import editor, served
from scenario_editor.first_frames.composer import Composer
from scenario_editor.jobs.queue import Queue
from tiny_cascade import load_cascade

from drivesim.engine.settings import parse_quality
from drivesim.rollout.request import Request
from drivesim.rollout.run import compose_frames
from drivesim.scenario.file import check_scenarios, load_scenario
from drivesim.video_io import read_image

SCENARIO = """\
# Two lanes and nobody on them yet.
name: story
look: {time_of_day: day, crowdedness: 0}
road: {setting: highway, lanes: 3, ego_lane: 2}

rollout:
  seconds: 2
  fps: 1.875   # key frames alone
  futures: 2
  seed: 5
"""


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("work")
    (folder / "start.yaml").write_text(SCENARIO)
    return folder


@pytest.fixture(scope="module")
def site(workspace: Path, checkpoints: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    if CHROMIUM is None:
        pytest.skip("needs a browser: no chromium on the path (Debian: apt-get install chromium)")
    pytest.importorskip("playwright.sync_api", reason="needs playwright: pip install 'drivesim[test]'")
    state = tmp_path_factory.mktemp("state")
    queue = Queue(state / "jobs", checkpoints)
    with served(editor(workspace / "start.yaml", Composer(lambda: load_cascade(checkpoints)), queue, state)) as url:
        yield url


@pytest.fixture(scope="module")
def chromium(site: str) -> Iterator[Any]:
    with browser() as running:
        yield running


@pytest.fixture
def desktop(chromium: Any, site: str) -> Iterator[Desktop]:
    context = chromium.new_context(viewport={"width": 1280, "height": 800})
    yield Desktop(context, site)
    context.close()


def _vehicles(desktop: Desktop) -> list[dict[str, Any]]:
    return list(yaml.safe_load(desktop.text).get("vehicles", []))


def test_a_scenario_from_two_drawn_cars_to_playing_video(desktop: Desktop, workspace: Path, checkpoints: Path, site: str) -> None:
    page = desktop.page
    loading = page.evaluate("Math.round(performance.getEntriesByName('drivesim ready')[0].startTime)")
    desktop.press("1")
    desktop.drag(FRAME, (470, 275), (500, 300), (556, 342))
    desktop.press("3")
    area = page.locator(ROAD).bounding_box()
    desktop.drag(ROAD, (area["width"] / 2 + 28, area["height"] - 250))
    first, second = _vehicles(desktop)
    assert (first["kind"], second["kind"]) == ("sedan", "suv") and 10 < first["ahead"] < 25 and -5 < second["left"] < -2
    assert "# Two lanes" in desktop.text and "# key frames alone" in desktop.text and "crowdedness: 2" in desktop.text

    desktop.drag_car(2, 0, -60)
    assert _vehicles(desktop)[1]["ahead"] > second["ahead"] + 4
    box = page.locator(".ds-vehicle[data-index='1'] .area").bounding_box()
    desktop.press("Control+z")
    assert _vehicles(desktop) == [first, second]
    assert page.locator(".ds-vehicle[data-index='1'] .area").bounding_box()["width"] > box["width"]

    desktop.click("#look-time_of_day [data-choice=night]")
    page.locator("#compose-quality").select_option("draft")
    desktop.click("#compose")
    page.wait_for_selector(".ds-card.kept")
    page.wait_for_selector(".ds-frame image")
    desktop.click("#save")
    assert desktop.status.startswith("saved "), desktop.status
    saved = workspace / "story.yaml"
    assert check_scenarios([saved]) == [] and load_scenario(saved).look.time_of_day == "night"
    picture = workspace / "shown.png"
    picture.write_bytes(page.request.get(site + page.locator(".ds-frame image").get_attribute("href")).body())
    request = Request(saved, device="cpu", settings=parse_quality("draft"), checkpoints=checkpoints)
    assert (read_image(picture) == compose_frames(request)[0]).all()

    edits = desktop.milliseconds("draw") + desktop.milliseconds("drop") + desktop.milliseconds("put") + desktop.milliseconds("set")
    print(f"\nfirst load {loading} ms; edits answered in {edits} ms")
    text = desktop.text
    page.reload()
    desktop.ready()
    assert desktop.text == text and page.locator(".ds-card.kept").count() == 1
    _roll_out(desktop)
    assert not desktop.errors and not desktop.outside


def _roll_out(desktop: Desktop) -> None:
    page = desktop.page
    desktop.click("#tab-rollout")
    page.locator("#rollout-quality").select_option("draft")
    desktop.click("#rollout")
    page.wait_for_selector(".ds-job")
    desktop.click("#look-time_of_day [data-choice=day]")  # the page can be worked on meanwhile
    assert "time_of_day: day" in desktop.text
    page.wait_for_selector(".ds-job.complete", timeout=180_000)
    desktop.click(".ds-job b")
    page.wait_for_function("[...document.querySelectorAll('.ds-wall video')].filter(one => one.readyState >= 2).length === 2")
    desktop.click("#play")
    page.wait_for_function("[...document.querySelectorAll('.ds-wall video')].every(film => film.currentTime > 0.5)")
    times = page.evaluate("[...document.querySelectorAll('.ds-wall video')].map(film => film.currentTime)")
    assert abs(times[0] - times[1]) < 0.3
    desktop.press("Escape")
    assert page.locator(FRAME).is_visible()


def test_the_keyboard_does_what_the_mouse_does(desktop: Desktop) -> None:
    page = desktop.page
    desktop.type_yaml(SCENARIO.replace("crowdedness: 0", "crowdedness: 3") + "vehicles:\n  - {ahead: 20, left: 0, kind: sedan}\n")
    page.locator(FRAME).focus()
    desktop.press("Tab", "ArrowUp", "Shift+ArrowLeft", "]")
    assert _vehicles(desktop) == [{"ahead": 20.5, "left": 1, "heading": -5, "kind": "sedan"}]
    desktop.press("Control+c", "Control+v", "Control+d")
    assert [v["ahead"] for v in _vehicles(desktop)] == [20.5, 29.2, 37.9]
    desktop.press("l", "Delete")
    assert len(_vehicles(desktop)) == 3 and "locked" in desktop.status
    desktop.press("l", "Delete", "Control+z", "Control+Shift+z")
    assert len(_vehicles(desktop)) == 2


def test_actions_are_given_in_the_form_and_seen_in_time(desktop: Desktop) -> None:
    page = desktop.page
    car = "vehicles:\n  - {ahead: 20, left: 0, kind: sedan, speed: 20}   # the one ahead\n"
    desktop.type_yaml(SCENARIO.replace("crowdedness: 0", "crowdedness: 1") + "traffic: scripted\n" + car)
    desktop.click(".ds-row")
    desktop.click(".ds-details .ds-actions .head button")
    page.locator("[data-field=action]").select_option("lane_change")
    desktop.settle()
    desktop.fill("[data-field=lane]", "1")
    page.locator("[data-field=when]").select_option("time")
    desktop.settle()
    desktop.fill("[data-field=threshold]", "0.5")
    assert _vehicles(desktop)[0]["actions"] == [{"action": "lane_change", "lane": 1, "when": {"time": 0.5}}]
    assert "# the one ahead" in desktop.text
    desktop.drag_car(1, 0, -20)
    assert _vehicles(desktop)[0]["ahead"] > 21 and _vehicles(desktop)[0]["speed"] == 20 and _vehicles(desktop)[0]["actions"]
    before = page.locator(".ds-car[data-index='0'] .area").bounding_box()
    page.locator(FRAME).focus()
    desktop.press(" ")
    page.wait_for_selector("#leave-traffic:not([hidden])")
    page.wait_for_function("Number(document.querySelector('#moment').value) >= 14")
    after = page.locator(".ds-car[data-track='0'] .area").bounding_box()
    assert after["x"] < before["x"] - 5 and page.locator(".ds-moving").count() == 1
    desktop.press("Escape")
    assert page.locator(".ds-car[data-index='0']").count() == 1 and not desktop.errors


def test_what_is_wrong_in_the_yaml_is_shown_at_its_line(desktop: Desktop) -> None:
    page = desktop.page
    desktop.type_yaml(SCENARIO.replace("ego_lane: 2", "ego_lane: 8"))
    assert page.locator(".ds-lines .wrong").inner_text() == "4"
    assert "ego_lane must be a whole number from 1 to 5" in page.locator(".ds-coloured .lens").inner_text()
    assert page.locator("#road-ego_lane.wrong").count() == 1 and page.locator("#rollout").is_disabled()
    desktop.type_yaml("name: [")
    assert "not valid YAML" in page.locator(".ds-faults").inner_text()
    desktop.type_yaml(SCENARIO)
    assert page.locator(".ds-faults li").count() == 0 and not page.locator("#save").is_disabled()


def test_the_scenario_of_the_command_line_is_opened_over_what_was_edited_last(desktop: Desktop, site: str) -> None:
    desktop.page.locator("#open").select_option("example:night_city")
    desktop.settle()
    assert "name: night_city" in desktop.text
    desktop.page.goto(f"{site}?open=start")
    desktop.ready()
    assert desktop.text == SCENARIO and desktop.page.url == site
    desktop.page.locator(FRAME).focus()
    desktop.press("Control+z")
    assert "name: night_city" in desktop.text


def test_uploads_that_are_too_large_or_no_pictures_are_refused(desktop: Desktop, tmp_path: Path) -> None:
    page, before = desktop.page, desktop.text
    (tmp_path / "large.png").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(30 << 20))
    (tmp_path / "words.png").write_text("these are words")
    page.locator("#pick-photo").set_input_files(tmp_path / "large.png")
    page.wait_for_function("document.querySelector('#status').innerText.includes('at most 20 MB')")
    page.locator("#pick-photo").set_input_files(tmp_path / "words.png")
    page.wait_for_function("document.querySelector('#status.error') && !document.querySelector('#status').innerText.includes('MB')")
    assert desktop.text == before
    send = """async () => {
        const headers = { 'X-Drivesim-Session': localStorage.getItem('drivesim-session') };
        const reply = await fetch('upload/photo', { method: 'POST', headers, body: new Uint8Array(30 << 20) });
        return (await reply.json()).message;
    }"""
    assert page.evaluate(send)["level"] == "error"  # the server does not trust the page


def test_nothing_leaves_the_window_in_any_size(desktop: Desktop) -> None:
    for width, height in ((1280, 800), (1920, 1080)):
        desktop.page.set_viewport_size({"width": width, "height": height})
        desktop.page.wait_for_timeout(100)
        outside = desktop.page.evaluate(
            """() => [...document.querySelectorAll('.ds-app > *, .ds-top > *, .ds-stage-bar > *, .ds-field > *')]
                .filter((one) => !one.hidden && one.getClientRects().length)
                .filter((one) => { const box = one.getBoundingClientRect(), home = one.parentElement.getBoundingClientRect();
                    return box.right > home.right + 1 || box.bottom > innerHeight + 1; })
                .map((one) => one.className || one.id)"""
        )
        assert outside == []
        frame = desktop.page.locator(FRAME).bounding_box()
        assert frame["width"] == pytest.approx(2 * frame["height"], rel=0.01) and frame["width"] > 0.55 * width
