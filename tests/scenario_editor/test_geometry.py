"""The page's copy of the geometry against drivesim.scene, run by node, or by a browser without a window."""

from __future__ import annotations

import html
import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np
import pytest
import scenario_editor
from desktop import CHROMIUM, QUIET
from scenario_editor.server.routes import CONTRACT

from drivesim.scene.boxes import project_cuboids
from drivesim.scene.camera import Camera
from drivesim.scene.road import Road
from drivesim.scene.vehicles import KINDS, SIZES, Placement

STATIC = Path(scenario_editor.__file__).parent / "static"
FRAME = np.array([1024, 512, 1024, 512])
ANSWERS = """
const answers = cases.map(({ road, camera, vehicle, spot, point }) => {
  const [x, y] = toPlane(road, vehicle.ahead, vehicle.left);
  return { plane: [x, y], back: fromPlane(road, [x, y]), far: fromPlane(road, point), ground: ground(camera, spot),
           box: boxOf({ road, camera }, vehicle, sizes), horizon: horizon(camera) };
});
"""


def in_node(script: str, folder: Path) -> str:
    node = shutil.which("node")
    if node is None:
        pytest.skip("needs node on the path (Debian: apt-get install nodejs)")
    (folder / "geometry.mjs").write_text(script + "console.log(JSON.stringify(answers));")
    return subprocess.run([node, folder / "geometry.mjs"], check=True, capture_output=True, text=True, timeout=60).stdout


def in_browser(script: str, folder: Path) -> str:
    if CHROMIUM is None:
        pytest.skip("needs a browser: no chromium on the path (Debian: apt-get install chromium)")
    page, shown = folder / "geometry.html", "document.body.textContent = JSON.stringify(answers);"
    page.write_text(f'<meta charset="utf-8"><body></body><script type="module">{script}{shown}</script>')
    own = [f"--user-data-dir={folder}", "--virtual-time-budget=5000", "--dump-dom", page.as_uri()]
    command = [CHROMIUM, "--headless", *QUIET, *own]
    dom = subprocess.run(command, check=True, capture_output=True, text=True, timeout=120).stdout
    found = re.search(r"<body>(.*)</body>", dom, re.DOTALL)
    assert found, dom[:500]
    return html.unescape(found[1])


def random_case(rng: np.random.Generator) -> tuple[dict[str, Any], dict[str, Any]]:
    """A road, a camera, a vehicle, a pixel and a place on the plane, and what Python says of them."""
    road = Road("city", 3, int(rng.integers(1, 4)), float(rng.choice([0.0, 1e-7, rng.uniform(-0.02, 0.02)])))
    camera = Camera(float(rng.uniform(1.2, 2.2)), float(rng.uniform(-4, 4)), float(rng.uniform(50, 80)))
    kind = KINDS[rng.integers(len(KINDS))]
    ahead, left, heading = float(rng.uniform(-12, 90)), float(rng.uniform(-20, 20)), float(rng.uniform(-180, 180))
    boxes, _ = project_cuboids(camera, Placement(ahead, left, heading, kind).cuboid(road)[None])
    spot, point = rng.uniform([0, 0], [1024, 700]), rng.uniform([1, -90], [90, 90])
    case = {
        "road": {"lanes": 3, "ego_lane": road.ego_lane, "curvature": road.curvature, "lane_width": road.lane_width},
        "camera": {"height": camera.height, "pitch": camera.pitch, "field_of_view": camera.field_of_view},
        "vehicle": {"ahead": ahead, "left": left, "heading": heading, "kind": kind},
        "spot": spot.tolist(),
        "point": point.tolist(),
    }
    expected = {
        "plane": road.to_plane(ahead, left),
        "back": [ahead, left],
        "far": road.from_plane(point),
        "ground": camera.ground(*(spot / FRAME[:2]).tolist()),
        "box": None if np.isnan(boxes[0, 0]) else boxes[0] * FRAME,
        "horizon": camera.horizon * 512,
    }
    return case, expected


@pytest.mark.parametrize("run", [in_node, in_browser])
def test_the_page_projects_as_the_networks_are_told(run: Any, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    cases, expected = zip(*(random_case(rng) for _ in range(400)), strict=True)
    data = f"const cases = {json.dumps(cases)}, sizes = {json.dumps(SIZES)};"
    served = f"data:text/javascript,{quote(CONTRACT)}"
    script = (STATIC / "geometry.js").read_text().replace("./contract.js", served)
    answers = json.loads(run(script + data + ANSWERS, tmp_path))
    counts = {"box": 0, "ground": 0}
    for answer, truth in zip(answers, expected, strict=True):
        for name, value in truth.items():
            if value is None:
                assert answer[name] is None, name
                continue
            counts[name] = counts.get(name, 0) + 1
            tolerance = {"abs": 0.01} if name == "box" else {"rel": 1e-6, "abs": 1e-6}  # boxes are float32 here
            assert answer[name] == pytest.approx(value if name == "horizon" else list(value), **tolerance), name
    assert counts["box"] > 150 and 150 < counts["ground"] < 400
