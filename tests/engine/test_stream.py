"""One future as a stream: every frame once, the same bits however it is cut, memory independent of its length."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
import torch
from tiny_cascade import SETTINGS, load_cascade, write_cascade

from drivesim.engine.cascade import Cascade, Scene
from drivesim.engine.engine import compose
from drivesim.engine.progress import Progress
from drivesim.engine.stream import Carry, Chunk, simulate, work
from drivesim.engine.timeline import Timeline
from drivesim.scenario.file import load_scenario


@pytest.fixture
def scene(scenario: Path) -> Scene:
    return Scene.of(load_scenario(scenario))


@pytest.fixture(scope="session", params=[False, True], ids=["frame decoder", "temporal decoder"])
def either(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Cascade:
    return load_cascade(write_cascade(tmp_path_factory.mktemp("either"), temporal_decoder=request.param))


def stream(cascade: Cascade, scene: Scene, timeline: Timeline, carry: Carry | None = None, future: int = 0,
           progress: Progress | None = None) -> Iterator[Chunk]:  # fmt: skip
    carry = carry or Carry.start(compose(cascade, SETTINGS, scene, seed=1))
    return simulate(cascade, SETTINGS, scene, timeline, 1, future, carry, progress=progress)


def collect(chunks: Iterator[Chunk]) -> tuple[np.ndarray, torch.Tensor]:
    made = list(chunks)
    return np.concatenate([c.frames for c in made]), torch.cat([c.keys for c in made if c.keys is not None])


@pytest.mark.parametrize("timeline", [Timeline(2, 0), Timeline(19, 0), Timeline(9, 1), Timeline(45, 1), Timeline(150, 2)])
def test_a_future_has_every_frame_once(either: Cascade, scene: Scene, timeline: Timeline) -> None:
    progress = Progress(work(timeline, SETTINGS))
    frames, keys = collect(stream(either, scene, timeline, progress=progress))
    assert frames.shape == (timeline.frames, 64, 128, 3) and frames.dtype == np.uint8
    assert len(keys) == timeline.keys
    assert torch.equal(keys[0], compose(either, SETTINGS, scene, seed=1))
    done = {stage: units for stage, units in progress.done.items() if stage != "write"}
    assert done == {stage: units for stage, units in progress.totals.items() if stage != "write"}


@pytest.mark.parametrize("timeline", [Timeline(19, 0), Timeline(60, 1)])
def test_going_on_from_a_carry_gives_the_same_bits(
    either: Cascade, scene: Scene, timeline: Timeline, tmp_path: Path
) -> None:
    whole, keys = collect(stream(either, scene, timeline))
    made: list[Chunk] = []
    for chunk in stream(either, scene, timeline):
        made.append(chunk)
        if chunk.carry is not None:
            break
    safetensors.torch.save_file(made[-1].carry.tensors(), tmp_path / "carry")
    rest = list(stream(either, scene, timeline, Carry.of(safetensors.torch.load_file(tmp_path / "carry"))))
    frames, same_keys = collect(iter([*made, *rest]))
    np.testing.assert_array_equal(frames, whole)
    assert torch.equal(keys, same_keys)


def test_a_longer_rollout_begins_with_the_same_frames(cascade: Cascade, scene: Scene) -> None:
    short, keys = collect(stream(cascade, scene, Timeline(41, 1)))
    long, more = collect(stream(cascade, scene, Timeline(75, 1)))
    np.testing.assert_array_equal(short[:30], long[:30])
    assert torch.equal(keys, more[: len(keys)])


def test_futures_share_the_first_key_frame_and_then_differ(cascade: Cascade, scene: Scene) -> None:
    _, one = collect(stream(cascade, scene, Timeline(6, 0), future=0))
    _, other = collect(stream(cascade, scene, Timeline(6, 0), future=1))
    assert torch.equal(one[0], other[0])
    assert all(not torch.equal(a, b) for a, b in zip(one[1:], other[1:], strict=True))


def test_memory_does_not_grow_with_the_length(cascade: Cascade, scene: Scene) -> None:
    sizes = []
    for chunk in stream(cascade, scene, Timeline(19 + 16 * 6, 0)):
        if chunk.carry is not None:
            sizes.append(sum(x.numel() for x in chunk.carry.tensors().values()))
    assert len(sizes) > 12 and max(sizes[1:]) <= 1.8 * min(sizes[1:])
    peaks = []
    for frames in (19, 163):
        tracemalloc.start()
        for chunk in stream(cascade, scene, Timeline(frames, 0)):
            del chunk
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < peaks[0] + 200_000  # the frames alone would be 3.5 MB more
