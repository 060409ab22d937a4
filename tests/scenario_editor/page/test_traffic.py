from __future__ import annotations

import json

import pytest
from scenario_editor.page.traffic import FPS, played_traffic

from drivesim.config import InputError, shipped
from drivesim.scenario.file import load_scenario


def test_the_page_is_played_the_traffic_that_the_labels_have() -> None:
    scenario = load_scenario(shipped("scenarios") / "cut_in.yaml")
    short = scenario.model_copy(update={"rollout": scenario.rollout.model_copy(update={"seconds": 4.0})})
    played = json.loads(json.dumps(played_traffic(short, 1)))
    assert len(played["frames"]) == len(played["ego"]) == len(played["lines"]) == round(4 * FPS) + 1
    first, last = ({row[0]: row for row in played["frames"][at]} for at in (0, -1))
    assert first[0][1] == "van" and first[0][3:5] == [10, pytest.approx(3.7, abs=0.01)]
    assert last[0][4] == pytest.approx(0.0, abs=0.05)  # it has cut in
    x1, _, x2, _ = last[0][6]
    assert x1 < 512 < x2 and played["ego"][-1][1] < 24
    with pytest.raises(InputError, match="future 4"):
        played_traffic(short, 4)
