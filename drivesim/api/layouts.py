"""What a scenario's futures would show, in seconds, without networks."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from drivesim.api.scenarios import AnyScenario, load_scenario
from drivesim.engine.future import FutureSpec, Prompt
from drivesim.engine.timeline import Timeline
from drivesim.labels.generated_frames import MappedFrame, mapped_frames
from drivesim.layout.preview.film import write_layouts
from drivesim.scenario.scenario import Scenario
from drivesim.video_format import FRAME_HEIGHT


def layout_frames(
    scenario: AnyScenario,
    *,
    future: int = 0,
    seconds: float | None = None,
    fps: float | None = None,
    seed: int | None = None,
    height: int = FRAME_HEIGHT // 2,
) -> Iterator[MappedFrame]:
    """The frames of a future with labels and maps of `height` x 2 `height` px; pictures are those of the layout.

    What is None is the scenario's. InputError for anything that the caller can mend, from the call itself.
    """
    asked = _scenario(scenario)
    rollout = asked.rollout
    timeline = Timeline.of(rollout.seconds if seconds is None else seconds, rollout.fps if fps is None else fps)
    spec = FutureSpec(Prompt.of(asked), timeline, rollout.seed if seed is None else seed, future)
    return mapped_frames(spec, height, 2 * height)


def write_layout(
    scenario: AnyScenario,
    out: Path | str,
    *,
    seconds: float | None = None,
    futures: int | None = None,
    only: int | None = None,
    seed: int | None = None,
) -> list[Path]:
    """Writes the layout of every future as layout.mp4, with boxes, and labels.csv into OUT/future-00, ...: the films' paths."""
    return write_layouts(_scenario(scenario), Path(out), seconds, futures, only, seed)


def _scenario(scenario: AnyScenario) -> Scenario:
    return scenario if isinstance(scenario, Scenario) else load_scenario(scenario)
