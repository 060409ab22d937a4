"""A detector on all frames of finished rollouts: what `drivesim test-perception` calls."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from drivesim.config import InputError, MachineError
from drivesim.evaluation.perception.classes import ClassNames
from drivesim.evaluation.perception.moments import WorstMoments
from drivesim.evaluation.perception.scores import Scores
from drivesim.evaluation.perception.user_detector import Detect, ask, load_detector
from drivesim.evaluation.sweeps.sweep_folder import SweepFolder, is_sweep
from drivesim.labels.finished_rollout import FinishedFuture, FinishedRollout
from drivesim.labels.selection import MIN_VISIBLE, ExportProgress, Selection
from drivesim.rollout.manifest import MANIFEST


@dataclass(frozen=True)
class TrialSettings:
    """`detector` as on the command line; every `stride`-th frame; labels of which at least `min_visible` is in sight count, and
    with `trusted_only` which the film is known to show; boxes count as found from `least_score` on; `classes` of the detector."""

    detector: str
    stride: int = 1
    min_visible: float = MIN_VISIBLE
    trusted_only: bool = False
    least_score: float = 0.5
    classes: ClassNames = field(default_factory=ClassNames)

    def __post_init__(self) -> None:
        if not 0 < self.least_score <= 1:
            raise InputError(f"--score {self.least_score:g}: give a score above 0, to 1")


@dataclass(frozen=True, eq=False)
class TriedFuture:
    """A future that was looked at, of the rollout in folder `rollout`."""

    rollout: str
    scenario: str
    time_of_day: str
    number: int
    name: str
    frames: int


@dataclass(frozen=True, eq=False)
class Trial:
    """What came of it: `seconds_a_frame` is the detector's own time; `notes` say what was not looked at."""

    settings: TrialSettings
    futures: list[TriedFuture]
    scores: Scores
    moments: WorstMoments
    seconds_a_frame: float
    notes: list[str]


def open_rollouts(folder: Path) -> list[FinishedRollout]:
    """The rollout in a folder, the complete runs of a sweep, or all rollouts in its subfolders; InputError if there is none, or
    one of them is not finished, which runs of a sweep need not be."""
    if is_sweep(folder):
        states = SweepFolder.open(folder).states()
        if runs := [state.run.name for state in states if state.state == "complete"]:
            return [FinishedRollout.open(folder / name) for name in runs]
        raise InputError(f"{folder}: no run is complete; give the same drivesim sweep again, it goes on")
    if folder.is_dir() and not (folder / MANIFEST).is_file():
        inner = sorted(path.parent for pattern in (f"*/{MANIFEST}", f"*/*/{MANIFEST}") for path in folder.glob(pattern))
        if inner:
            return [FinishedRollout.open(path) for path in inner]
    return [FinishedRollout.open(folder)]


@dataclass(frozen=True, eq=False)
class TrialPlan:
    """What is to be done, found out before any work: the futures to look at, and the detector for each size of their films."""

    settings: TrialSettings
    films: list[tuple[Selection, FinishedFuture]]
    notes: list[str]
    detectors: dict[tuple[int, int], Detect]

    @classmethod
    def of(cls, folder: Path, settings: TrialSettings) -> Self:
        """The futures of the rollout in a folder, or of all rollouts in it; InputError for anything that the user can mend."""
        rollouts = open_rollouts(folder)
        for rollout in rollouts:
            Selection(rollout, settings.stride, settings.min_visible, settings.trusted_only)  # refuses what makes no sense
        selections = [Selection(rollout, settings.stride, 0.0) for rollout in rollouts]  # what does not count is told apart later
        films = [(selection, future) for selection in selections for future in selection.futures]
        sizes = {(future.film.height, future.film.width) for _, future in films}
        notes = list(dict.fromkeys(warning for selection in selections for warning in selection.warnings))
        if is_sweep(folder) and (left := len(SweepFolder.open(folder).record.runs) - len(rollouts)):
            notes.append(f"{left} runs of the sweep are not looked at, since they are not complete.")
        return cls(settings, films, notes, {size: load_detector(settings.detector, size) for size in sorted(sizes)})

    @property
    def total(self) -> int:
        """Frames to look at."""
        return sum(selection.count(future) for selection, future in self.films)


def run(plan: TrialPlan, on_change: Callable[[ExportProgress], None] = lambda _: None) -> Trial:
    """Shows the detector all frames. Pictures are streamed; memory grows by some kilobytes a frame.

    MachineError if the detector raises, InputError if its answer makes no sense.
    """
    settings = plan.settings
    scores, moments = Scores(settings.least_score, settings.min_visible, settings.trusted_only), WorstMoments()
    done, spent, started = 0, 0.0, time.monotonic()
    for number, (selection, future) in enumerate(plan.films):
        detect = plan.detectors[future.film.height, future.film.width]
        for seconds in _look(number, selection, future, detect, settings, scores, moments):
            done, spent = done + 1, spent + seconds
            on_change(ExportProgress(done, plan.total, time.monotonic() - started))
    return Trial(settings, [_tried(*film) for film in plan.films], scores, moments, spent / max(done, 1), plan.notes)


def _look(
    number: int, selection: Selection, future: FinishedFuture, detect: Detect, settings: TrialSettings, scores: Scores,
    moments: WorstMoments,
) -> Iterator[float]:  # fmt: skip
    """Looks at one future: the detector's seconds for every frame."""
    night = selection.rollout.scenario.look.time_of_day == "night"
    for frame in selection.labelled_frames(future):
        assert frame.picture is not None
        began = time.monotonic()
        try:
            seen = ask(detect, frame.picture, settings.classes)
        except RuntimeError as error:
            raise MachineError(f"{settings.detector}: {error} at frame {frame.number} of {future.folder}") from error
        except ValueError as error:
            raise InputError(f"{settings.detector}: {error} (frame {frame.number} of {future.folder})") from error
        seconds = time.monotonic() - began
        moments.offer(number, frame, seen, scores.add(number, night, frame, seen))
        yield seconds


def _tried(selection: Selection, future: FinishedFuture) -> TriedFuture:
    rollout = selection.rollout
    look = rollout.scenario.look.time_of_day
    folder = rollout.folder.resolve().name
    return TriedFuture(folder, rollout.scenario.name, look, future.number, future.name, selection.count(future))
