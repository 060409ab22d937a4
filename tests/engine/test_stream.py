"""One future as a stream: every frame once, the same bits however it is cut, memory independent of its length."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
import torch
from tiny_cascade import SETTINGS, load_cascade, write_cascade

from drivesim.engine.cascade import Cascade
from drivesim.engine.engine import Engine
from drivesim.engine.future import FutureSpec, Prompt
from drivesim.engine.progress import UNTIMED, Progress
from drivesim.engine.settings import InterpolationSampling
from drivesim.engine.stream import Carry, FinishedWindow, OpenFilm, finished_windows, units_left
from drivesim.engine.timeline import Timeline
from drivesim.layout.preview.drive import scenario_roadside
from drivesim.layout.scene_at import _solids
from drivesim.scenario.file import load_scenario


class Films:
    """Keeps the frames of all windows; `open` is how many films are open."""

    def __init__(self) -> None:
        self.frames: list[np.ndarray] = []
        self.windows: list[int] = []
        self.open = 0

    @contextmanager
    def __call__(self, index: int) -> Iterator[Films]:
        self.windows.append(index)
        self.open += 1
        yield self
        self.open -= 1

    def write(self, frames: np.ndarray) -> None:
        self.frames.append(frames)


class Nowhere(Films):
    def write(self, frames: np.ndarray) -> None:
        pass


@pytest.fixture
def prompt(scenario: Path) -> Prompt:
    return Prompt.of(load_scenario(scenario))


@pytest.fixture(scope="session", params=[True, False], ids=["frame decoder", "temporal decoder with layout"])
def either(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Cascade:
    return load_cascade(write_cascade(tmp_path_factory.mktemp("either"), plain=request.param))


@pytest.fixture
def plain(tmp_path: Path) -> Cascade:
    return load_cascade(write_cascade(tmp_path / "plain", plain=True))


def start(cascade: Cascade, prompt: Prompt) -> Carry:
    return Carry.start(Engine(cascade, SETTINGS).compose(prompt, seed=1))


def stream(cascade: Cascade, prompt: Prompt, timeline: Timeline, films: OpenFilm, carry: Carry | None = None,
           number: int = 0, progress: Progress = UNTIMED) -> Iterator[FinishedWindow]:  # fmt: skip
    future = FutureSpec(prompt, timeline, seed=1, number=number)
    return finished_windows(Engine(cascade, SETTINGS, progress), future, carry or start(cascade, prompt), films)


def collect(cascade: Cascade, prompt: Prompt, timeline: Timeline, carry: Carry | None = None,
            number: int = 0, progress: Progress = UNTIMED) -> tuple[np.ndarray, torch.Tensor]:  # fmt: skip
    """All frames and all key frames."""
    films = Films()
    keys = [window.keys for window in stream(cascade, prompt, timeline, films, carry, number, progress)]
    return np.concatenate(films.frames), torch.cat(keys)


@pytest.mark.parametrize("timeline", [Timeline(2, 0), Timeline(19, 0), Timeline(9, 1), Timeline(45, 1, 1), Timeline(150, 2)])
def test_a_future_has_every_frame_once(either: Cascade, prompt: Prompt, timeline: Timeline) -> None:
    progress = Progress(units_left(timeline, SETTINGS))
    frames, keys = collect(either, prompt, timeline, progress=progress)
    assert frames.shape == (timeline.frames, 64, 128, 3) and frames.dtype == np.uint8
    assert len(keys) == timeline.keys
    assert torch.equal(keys[0], start(either, prompt).keys[0])
    assert progress.units == progress.totals


def test_units_count_the_steps_of_each_interpolation() -> None:
    timeline, one = Timeline(17, 2), InterpolationSampling(steps=1)
    for steps, total in ((1, 2), (3, 4)):  # of a batch of links between key frames, and one of those between the frames it makes
        settings = SETTINGS.model_copy(update={"first_interpolation": one.model_copy(update={"steps": steps})})
        assert units_left(timeline, settings)["interpolate"] == total


@pytest.mark.parametrize("timeline", [Timeline(19, 0, 1), Timeline(60, 1)])
def test_going_on_from_a_carry_gives_the_same_bits(
    either: Cascade, prompt: Prompt, timeline: Timeline, tmp_path: Path
) -> None:
    whole, keys = collect(either, prompt, timeline)
    first = next(stream(either, prompt, timeline, films := Films()))
    safetensors.torch.save_file(first.carry.tensors(), tmp_path / "carry")
    carry = Carry.of(safetensors.torch.load_file(tmp_path / "carry"))
    frames, later_keys = collect(either, prompt, timeline, carry)
    np.testing.assert_array_equal(np.concatenate([*films.frames, frames]), whole)
    assert torch.equal(keys, torch.cat([first.keys, later_keys]))


def test_the_last_key_frame_alone_can_be_given_to_the_next_window(cascade: Cascade, prompt: Prompt) -> None:
    (_, two), (_, one) = (collect(cascade, prompt, Timeline(19, 0, context)) for context in (2, 1))
    assert torch.equal(one[:10], two[:10]), "the first window is given the first frame"
    assert all(not torch.equal(a, b) for a, b in zip(one[10:], two[10:], strict=True))


def test_a_window_is_given_out_when_its_film_is_closed(cascade: Cascade, prompt: Prompt) -> None:
    films = Films()
    for number, window in enumerate(stream(cascade, prompt, Timeline(45, 1), films)):
        assert window.index == number and window.carry.window == number + 1
        assert films.open == 0 and films.windows == list(range(number + 1))


def test_a_longer_rollout_begins_with_the_same_frames(cascade: Cascade, prompt: Prompt) -> None:
    short, keys = collect(cascade, prompt, Timeline(41, 1))
    long, more = collect(cascade, prompt, Timeline(75, 1))
    np.testing.assert_array_equal(short[:30], long[:30])
    assert torch.equal(keys, more[: len(keys)])


def test_futures_share_the_first_key_frame_and_then_differ(cascade: Cascade, prompt: Prompt) -> None:
    _, one = collect(cascade, prompt, Timeline(6, 0), number=0)
    _, other = collect(cascade, prompt, Timeline(6, 0), number=1)
    assert torch.equal(one[0], other[0])
    assert all(not torch.equal(a, b) for a, b in zip(one[1:], other[1:], strict=True))


def test_memory_does_not_grow_with_the_length(plain: Cascade, prompt: Prompt, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of an ego that drives beside the same few things everywhere: how dense a road is furnished decides memory, too."""
    one = _solids(scenario_roadside(prompt.scenario, 1, 0), range(1))
    monkeypatch.setattr("drivesim.layout.scene_at._solids", lambda roadside, cells: one)
    sizes, held, peaks = [], [], []
    tracemalloc.start()
    for window in stream(plain, prompt, Timeline(19 + 16 * 6, 0), Nowhere()):
        sizes.append(sum(x.numel() for x in window.carry.tensors().values()))
        del window
        now, peak = tracemalloc.get_traced_memory()
        held.append(now)
        peaks.append(peak)
        tracemalloc.reset_peak()
    tracemalloc.stop()
    assert len(sizes) > 12 and max(sizes[1:]) <= 1.8 * min(sizes[1:])
    for memory in (held, peaks):  # the frames alone would be 1 MB more from the eighth window to the last
        assert max(memory[7:]) < memory[7] + 200_000
