"""The four models together: shipped ones make pictures, and those that do not belong together are refused."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import torch
from tiny_cascade import load_cascade

from drivesim.checkpoint import sign_checkpoint
from drivesim.config import InputError, shipped
from drivesim.engine.cascade import Cascade
from drivesim.engine.engine import Engine
from drivesim.engine.future import FutureSpec, Prompt
from drivesim.engine.settings import (
    ImageSampling,
    InterpolationSampling,
    PredictionSampling,
    SamplingSettings,
    SuperResolutionSampling,
)
from drivesim.engine.stream import Carry, Film, finished_windows
from drivesim.engine.timeline import Timeline
from drivesim.models.latent_space import LatentSpace
from drivesim.scenario.file import load_scenario
from drivesim.tensors import to_frames

QUICK = SamplingSettings(
    image=ImageSampling(steps=8),
    prediction=PredictionSampling(steps=2),
    first_interpolation=InterpolationSampling(steps=1, noise=0.1),
    interpolation=InterpolationSampling(steps=1, noise=0.1),
    super_resolution=SuperResolutionSampling(steps=1, length=5),
    precision="float32",
)


class Frames(list[np.ndarray]):
    """A film in memory."""

    @contextmanager
    def open(self, index: int) -> Iterator[Film]:
        yield self

    def write(self, frames: np.ndarray) -> None:
        self.extend(frames)


def prompt_of(name: str) -> Prompt:
    return Prompt.of(load_scenario(shipped("scenarios") / f"{name}.yaml"))


def test_the_shipped_weights_make_a_first_frame_and_a_window() -> None:
    engine = Engine(Cascade.load(shipped("checkpoints"), torch.device("cpu")), QUICK)
    firsts = [FutureSpec.first(prompt_of(name), seed=0) for name in ("highway_day", "night_city")]
    day, night = (engine.compose(first.prompt, seed=0) for first in firsts)
    pictures = [to_frames(engine.decode(latents[None], first, [0]))[0] for latents, first in zip((day, night), firsts, strict=True)]
    assert 0.5 < day.std() < 2 and pictures[0].mean() > pictures[1].mean() + 40
    assert pictures[0][:32].mean() > pictures[0][-32:].mean() + 20, "the sky is no brighter than the road"

    future = FutureSpec(prompt_of("highway_day"), Timeline(5, 1), seed=0, number=0)
    (window,) = finished_windows(engine, future, Carry.start(day), (film := Frames()).open)
    assert window.keys.shape == (2, *engine.latent_shape) and torch.equal(window.keys[0], day)
    frames = np.stack(film).astype(float)
    assert frames.shape == (5, 512, 1024, 3)
    far = np.abs(engine.first_frame(night, firsts[1].prompt, seed=0).astype(float) - frames[0]).mean()
    steps = np.abs(np.diff(frames, axis=0)).mean(axis=(1, 2, 3))
    assert (steps > 0.2).all() and steps.max() < far / 3, "a film moves, and does not jump to another scene"


@pytest.mark.parametrize("noted", [True, False])
def test_a_video_model_of_another_decoder_is_refused_where_that_is_noted(
    checkpoints: Path, tmp_path: Path, noted: bool
) -> None:
    shutil.copytree(checkpoints, tmp_path / "cascade")
    file = (folder := tmp_path / "cascade" / "video-ldm") / "config.json"
    own = LatentSpace.load(checkpoints / "autoencoder").decoder_fingerprint()
    for decoder in (own, "0" * 64 if noted else None):
        file.write_text(json.dumps(json.loads(file.read_text()) | {"decoder": decoder}))
        sign_checkpoint(folder)
        if decoder in (own, None):
            load_cascade(tmp_path / "cascade")
    if noted:
        with pytest.raises(InputError, match="context through decoder 000000000000, but the autoencoder beside it"):
            load_cascade(tmp_path / "cascade")
