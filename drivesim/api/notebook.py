"""Scenarios as notebooks show them."""

from __future__ import annotations

from html import escape

import numpy as np

from drivesim.engine.future import FutureSpec, Prompt
from drivesim.engine.timeline import Timeline
from drivesim.labels.generated_frames import mapped_frames
from drivesim.labels.pictures import html_picture
from drivesim.rollout.labels.film import labelled_picture
from drivesim.scenario.scenario import Scenario
from drivesim.video_io import read_image

_HEIGHT = 256  # px


def scenario_html(scenario: Scenario) -> str:
    """A scenario in a few words, above its photo or the layout of its first moment, with boxes round the vehicles."""
    look, road, rollout = scenario.look, scenario.road, scenario.rollout
    vehicles = f"{len(scenario.vehicles)} vehicle{'s' * (len(scenario.vehicles) != 1)} named"
    facts = [road.setting, look.time_of_day, f"crowdedness {look.crowdedness}", vehicles, f"{rollout.seconds:g} s"]
    return f"<b>{escape(scenario.name)}</b>: {escape(', '.join(facts))}<br>{html_picture(_picture(scenario))}"


def _picture(scenario: Scenario) -> np.ndarray:
    if scenario.photo is not None:
        return read_image(scenario.photo)
    first = FutureSpec(Prompt.of(scenario), Timeline(2, 0), scenario.rollout.seed, 0)
    frame = next(mapped_frames(first, _HEIGHT, 2 * _HEIGHT)).frame
    assert frame.picture is not None
    return labelled_picture(frame.picture, frame.boxes)
