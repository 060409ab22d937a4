"""The traffic of a future as the page plays it: everybody's box and place in every frame, without networks."""

from __future__ import annotations

from typing import Any

import numpy as np

from drivesim.config import InputError
from drivesim.layout.preview.drive import CommonScene
from drivesim.layout.scene_at import SceneAt
from drivesim.scenario.scenario import Scenario
from drivesim.scene.boxes import project_cuboids
from drivesim.scene.vehicles import KINDS
from drivesim.traffic.vehicle_lamps import BRAKE
from drivesim.video_format import FRAME_HEIGHT, FRAME_RATES, FRAME_WIDTH

FPS = FRAME_RATES[1]
LONGEST = 30.0  # s that are played
START, STEP = -12.0, 6.0  # m from the ego: where the tabulated line begins, and between its points
_ALONG = np.arange(START, 310.0, STEP)
_SHOWN = -12.0  # m ahead of the ego from which on vehicles are on the page


def played_traffic(scenario: Scenario, future: int) -> dict[str, Any]:
    """Future `future`, from the first frame on, FPS moments a second; JSON all through.

    `frames` hold a row for each vehicle: track (that of a listed one is its index), kind, braking, x, y (m) and yaw (rad) in
    the ego frame, and its box x1, y1, x2, y2 (px), or None out of view. `ego` holds a row for each frame, metres along the
    road and m/s; `lines` the middle of the lane in which the ego began: x, y (m) and heading (rad) in the ego frame at every
    STEP metres from START on. InputError for a future that is none of the scenario's.
    """
    rollout = scenario.rollout
    if not 0 <= future < rollout.futures:
        raise InputError(f"future {future} is none of the {rollout.futures} of the scenario")
    common = CommonScene.of(scenario, rollout.seed, future)
    count = round(min(rollout.seconds, LONGEST) * FPS) + 1
    frames, ego, lines = [], [], []
    for frame, now in enumerate(common.states(scenario, count, FPS)):
        moment = common.moment(now, frame / FPS)
        frames.append(_rows(moment))
        ego.append([round(float(now.s[0]), 2), round(float(now.speed[0]), 2)])
        lines.append(np.round(moment.course.at(_ALONG)[:, :3], 3).tolist())
    line = {"start": START, "step": STEP}
    return {"future": future, "fps": FPS, "frames": frames, "ego": ego, "lines": lines, "line": line}


def _rows(moment: SceneAt) -> list[list[Any]]:
    """The vehicles of a moment that are on the page, far to near."""
    vehicles = moment.vehicles.take(moment.vehicles.cuboid[:, 0] > _SHOWN)
    vehicles = vehicles.take(np.argsort(-np.hypot(vehicles.cuboid[:, 0], vehicles.cuboid[:, 1])))
    box, _ = project_cuboids(moment.camera, vehicles.cuboid)
    box = np.round(box * np.array([FRAME_WIDTH, FRAME_HEIGHT] * 2), 1)
    return [
        [
            int(vehicles.track[row]), KINDS[vehicles.kind[row]], bool(vehicles.lamps[row] & BRAKE),
            *np.round(vehicles.cuboid[row, [0, 1, 6]], 3).tolist(),
            box[row].tolist() if box[row, 2] > box[row, 0] and box[row, 3] > box[row, 1] else None,
        ]
        for row in range(len(vehicles))
    ]  # fmt: skip
