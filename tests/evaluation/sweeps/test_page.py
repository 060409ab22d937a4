"""The page of a sweep, and a detector on its folder; runs are those of toys, whose figures are known."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest
from desktop import CHROMIUM, browser
from tiny_rollout import drivesim
from toy_rollout import SCENARIO, write_toy
from toy_sweep import write_sweep

from drivesim.evaluation.perception.page import write_report
from drivesim.evaluation.perception.trial import TrialSettings
from drivesim.evaluation.sweeps.carry_out import rebuild_index
from drivesim.evaluation.sweeps.sweep_file import read_sweep
from drivesim.evaluation.sweeps.sweep_folder import SweepFolder
from drivesim.evaluation.sweeps.sweep_runs import SweepOptions, plan_runs
from drivesim.evaluation.sweeps.workers import RunOutcome
from drivesim.video_io import write_image

SWEEP = """\
sweep:
  fields:
    look.time_of_day: [day, night]
    vehicles.0.ahead: [20, 24, 900]
  seeds: [3, 4]
"""


@pytest.fixture(scope="module")
def swept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A sweep of 12 runs of which 7 are complete, 4 make no scenario and one failed."""
    base = tmp_path_factory.mktemp("swept")
    sweep = read_sweep(write_sweep(base, SCENARIO + SWEEP))
    (base / "sweep").mkdir()
    folder = SweepFolder.prepare(base / "sweep", sweep, plan_runs(sweep), SweepOptions(futures=1, device="cpu"))
    able = [run.name for run in folder.record.runs if not run.fault]
    for number, name in enumerate(able[:-1]):
        place = write_toy(folder.path / name)
        manifest = json.loads((place / "manifest.json").read_text())
        manifest["futures"]["future-00"]["figures"] = {"flicker": 1 + 0.1 * number, "vehicles_shown": 0.9, "drift": None}
        (place / "manifest.json").write_text(json.dumps(manifest))
        write_image(place / "initial.png", np.full((128, 256, 3), 20 * number, np.uint8))
    folder.note(RunOutcome(able[-1], "its worker process died <of something>"))
    rebuild_index(folder.path)
    return folder.path


def test_the_page_has_runs_charts_pictures_and_failures(swept: Path) -> None:
    code, text = drivesim("report", swept)
    page = (swept / "report.html").read_text()
    assert code == 0 and text == f"wrote {swept / 'report.html'}\n"
    assert "12 runs: 7 complete, 4 invalid, 1 failed" in page and page.count("<tr>") == 13
    assert page.count("<svg") == 3, "flicker against each of the parameters; what does not vary is not drawn"
    assert page.count("data:image/jpeg;base64,") == 7 and (swept / "run-0000" / "report.html").is_file()
    assert "its worker process died &lt;of something&gt;" in page and "vehicles.0.ahead: ahead must be" in page
    assert "drivesim sweep sweep.yaml --out again --futures 1 --device cpu --quality standard" in page
    links = set(re.findall(r'(?:src|href)="((?!data:)[^"]*)"', page))
    assert "run-0000/future-00/video.mp4" in links and all((swept / link).is_file() for link in links), "nothing from elsewhere"


def test_nothing_complete_is_one_sentence(swept: Path, tmp_path: Path) -> None:
    (tmp_path / "sweep.json").write_text((swept / "sweep.json").read_text())
    for command in (("report", tmp_path), ("test-perception", tmp_path, "--detector", "a:b", "--out", tmp_path / "new")):
        code, text = drivesim(*command)
        assert code == 2 and "no run is complete" in text and len(text.strip().splitlines()) == 1


def test_a_detector_is_tried_on_all_complete_runs(swept: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "sees_nothing.py").write_text("def detect(picture):\n    return []\n")
    values = write_report(swept, tmp_path / "out", TrialSettings("sees_nothing:detect", min_visible=0.0))
    assert [future["rollout"] for future in values["futures"]] == [f"run-{number:04d}" for number in (0, 1, 2, 3, 6, 7, 8)]
    assert "5 runs of the sweep are not looked at, since they are not complete." in values["notes"]
    assert values["figures"]["labels"] == 7 * 11 and values["figures"]["recall"] == 0


@pytest.mark.skipif(CHROMIUM is None, reason="needs chromium")
def test_it_sorts_and_fits(swept: Path) -> None:
    drivesim("report", swept)
    with browser() as running:
        page, faults = running.new_page(viewport={"width": 400, "height": 800}), []
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on("requestfailed", lambda request: faults.append(request.url))
        page.goto((swept / "report.html").as_uri())
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        first = "document.querySelector('tbody tr td').innerText"
        page.get_by_role("button", name="flicker").click()
        assert page.evaluate(first) == "run-0000"
        page.get_by_role("button", name="flicker").click()
        assert page.evaluate(first) == "run-0008", "falling, and what is not known comes last"
        assert not faults
