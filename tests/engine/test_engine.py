"""The verbs: what they are given is kept, what they say has effect, and what they draw depends on its key alone."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from tiny_cascade import SCENARIO, SETTINGS

from drivesim.diffusion.ddim import sample
from drivesim.diffusion.schedule import NoiseSchedule
from drivesim.engine.cascade import Cascade, Scene
from drivesim.engine.engine import (
    compose,
    decode,
    encode_photo,
    hold,
    interpolate,
    latent_shape,
    predict,
    upsample,
)
from drivesim.engine.settings import SamplingSettings
from drivesim.engine.timeline import Timeline
from drivesim.models.video_ldm import Context
from drivesim.scenario.file import load_scenario
from drivesim.video_io import write_image

NIGHT = SCENARIO.replace("time_of_day: day", "time_of_day: night")


@pytest.fixture
def scene(scenario: Path) -> Scene:
    return Scene.of(load_scenario(scenario))


def scene_of(folder: Path, text: str) -> Scene:
    (folder / "other.yaml").write_text(text)
    return Scene.of(load_scenario(folder / "other.yaml"))


def test_composed_frames_depend_on_scene_seed_and_variant(cascade: Cascade, scene: Scene, tmp_path: Path) -> None:
    frame = compose(cascade, SETTINGS, scene, seed=1)
    assert frame.shape == latent_shape(cascade, SETTINGS) == (8, 2, 4)
    assert torch.equal(frame, compose(cascade, SETTINGS, scene, seed=1))
    assert not torch.equal(frame, compose(cascade, SETTINGS, scene, seed=2))
    assert not torch.equal(frame, compose(cascade, SETTINGS, scene, seed=1, variant=1))
    assert not torch.equal(frame, compose(cascade, SETTINGS, scene_of(tmp_path, NIGHT), seed=1))
    assert not torch.equal(frame, compose(cascade, SETTINGS, scene_of(tmp_path, SCENARIO.replace("sedan", "bus")), seed=1))


def test_the_place_along_the_road_follows_from_speed_and_time(scene: Scene) -> None:
    rows = scene.rows([None, scene.boxes], torch.tensor([0.0, 1.5]))
    assert rows.place_given.all() and rows.along.tolist() == [0.0, 1.5 * scene.speed]
    assert rows.boxes_given.tolist() == [False, True]


def test_a_photo_has_markings_of_its_own(tmp_path: Path) -> None:
    write_image(tmp_path / "road.png", np.zeros((64, 128, 3), np.uint8))
    scene = scene_of(tmp_path, SCENARIO + "photo: road.png\n")
    assert not scene.conditions.place_given.any()
    rows = scene.rows([None] * 2, torch.tensor([0.0, 1.5]))
    assert not rows.place_given.any() and not rows.along.any()


def test_guidance_zero_ignores_the_scene(cascade: Cascade, tmp_path: Path) -> None:
    scenes = [scene_of(tmp_path, text + "guidance: {boxes: 0}\n") for text in (SCENARIO, NIGHT)]
    assert torch.equal(*(compose(cascade, SETTINGS, scene, seed=1) for scene in scenes))


def test_a_photo_is_cut_to_its_middle(cascade: Cascade) -> None:
    height, width = SETTINGS.height, 2 * SETTINGS.height
    photo = np.random.default_rng(0).integers(0, 255, (height, width, 3), np.uint8)
    expected = encode_photo(cascade, SETTINGS, photo)
    assert expected.shape == latent_shape(cascade, SETTINGS)
    for pad in (((6, 6), (0, 0), (0, 0)), ((0, 0), (10, 10), (0, 0))):
        assert torch.equal(encode_photo(cascade, SETTINGS, np.pad(photo, pad)), expected)


def test_prediction_makes_what_its_window_needs_and_looks_at_its_context(cascade: Cascade, scene: Scene) -> None:
    timeline = Timeline.of(60, 30)
    context = torch.randn(2, *latent_shape(cascade, SETTINGS), generator=torch.Generator().manual_seed(0))
    first = predict(cascade, SETTINGS, scene, context[:1], timeline.window(0), seed=1, future=0)
    second = predict(cascade, SETTINGS, scene, context, timeline.window(1), seed=1, future=0)
    assert len(first) == 9 and len(second) == 8
    again = predict(cascade, SETTINGS, scene, context, timeline.window(1), seed=1, future=0)
    assert torch.equal(second, again)
    for other in (
        predict(cascade, SETTINGS, scene, -context, timeline.window(1), seed=1, future=0),
        predict(cascade, SETTINGS, scene, context, timeline.window(2), seed=1, future=0),
        predict(cascade, SETTINGS, scene, context, timeline.window(1), seed=1, future=1),
        predict(cascade, SETTINGS, scene, context, timeline.window(1), 1, 0, boxes_per_frame={12: scene.boxes}),
        predict(cascade, SETTINGS, replace(scene, speed=scene.speed / 2), context, timeline.window(1), seed=1, future=0),
    ):
        assert not torch.equal(second, other)
    elsewhere = predict(cascade, SETTINGS, scene, context, timeline.window(1), 1, 0, boxes_per_frame={40: scene.boxes})
    assert torch.equal(second, elsewhere)


def test_context_guidance_zero_ignores_the_context(cascade: Cascade, tmp_path: Path) -> None:
    scene, window = scene_of(tmp_path, SCENARIO + "guidance: {context: 0}\n"), Timeline.of(60, 30).window(1)
    context = torch.randn(2, *latent_shape(cascade, SETTINGS), generator=torch.Generator().manual_seed(0))
    a, b = (predict(cascade, SETTINGS, scene, x, window, seed=1, future=0) for x in (context, -context))
    assert torch.equal(a, b)


def test_held_frames_go_through_the_noise_levels_of_their_own_values() -> None:
    schedule = NoiseSchedule.cosine().zero_terminal_snr()
    noise, truth = torch.randn(2, 1, 3, 8, 2, 4, generator=torch.Generator().manual_seed(0)).double()
    context = Context.of(torch.zeros_like(truth), {0: truth[:, 0]})
    seen = []

    def network(x: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
        seen.append((x, t))
        return torch.full_like(x, 1e3)  # nonsense, which must not reach the held frame

    made = sample(hold(network, context), schedule, noise, steps=5)
    assert torch.equal(made[:, 0], truth[:, 0]) and (made[:, 1:] > 100).all()
    for x, t in seen:
        torch.testing.assert_close(x[:, 0], schedule.add_noise(truth, noise, t)[:, 0])


def test_interpolation_keeps_what_it_is_given(cascade: Cascade, scene: Scene) -> None:
    latents = torch.randn(6, *latent_shape(cascade, SETTINGS), generator=torch.Generator().manual_seed(0))
    batches = [range(3, 5), range(5, 7)]
    dense = interpolate(cascade, SETTINGS, scene, latents, batches, 1, seed=1, future=0)
    assert len(dense) == 17
    assert torch.equal(dense[::4], latents[:5])
    assert not torch.equal(dense[1], dense[2])
    faster = interpolate(cascade, SETTINGS, replace(scene, speed=2 * scene.speed), latents, batches, 1, seed=1, future=0)
    assert not torch.equal(dense[1], faster[1])
    drafted = SamplingSettings(**{**SETTINGS.model_dump(), "interpolation": {"steps": 1, "noise": 0.3}})
    begun = interpolate(cascade, drafted, scene, latents, batches, 1, seed=1, future=0)
    assert torch.equal(begun[::4], latents[:5]) and not torch.equal(begun[1], dense[1])
    slower = interpolate(cascade, SETTINGS, scene, latents, batches, 2, seed=1, future=0)
    assert not torch.equal(dense[1], slower[1])
    later = interpolate(cascade, SETTINGS, scene, latents[2:], batches[1:], 1, seed=1, future=0)
    assert torch.equal(later, dense[8:])


def test_decoding_and_upsampling(cascade: Cascade) -> None:
    latents = torch.randn(8, *latent_shape(cascade, SETTINGS), generator=torch.Generator().manual_seed(0))
    low = decode(cascade, SETTINGS, latents)
    assert low.shape == (8, 3, 16, 32) and low.abs().max() <= 1
    high = upsample(cascade, SETTINGS, low, seed=1)
    assert high.shape == (8, 3, 64, 128) and high.abs().max() <= 1
    assert torch.equal(high, upsample(cascade, SETTINGS, low, seed=1))
    assert not torch.equal(high, upsample(cascade, SETTINGS, low, seed=2))
    # without temporal layers a frame is the same in every portion, and what stands still stays as it is
    torch.testing.assert_close(upsample(cascade, SETTINGS, low[2:], seed=1), high[2:], atol=1e-5, rtol=0)
    still = upsample(cascade, SETTINGS, low[:1].expand(3, -1, -1, -1), seed=1)
    torch.testing.assert_close(still, still[:1].expand_as(still), atol=1e-5, rtol=0)


def test_nothing_is_recorded_for_gradients(cascade: Cascade, scene: Scene) -> None:
    frame = compose(cascade, SETTINGS, scene, seed=1)
    assert not frame.requires_grad
    low = SamplingSettings(**{**SETTINGS.model_dump(), "precision": "bfloat16"})
    assert (compose(cascade, low, scene, seed=1) - frame).abs().max() < 1
