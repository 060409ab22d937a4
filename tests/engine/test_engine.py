"""The verbs: what they are given is kept, what they say has effect, and what they draw depends on its key alone."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from tiny_cascade import SCENARIO, SETTINGS

from drivesim.diffusion.ddim import sample
from drivesim.diffusion.schedule import NoiseSchedule
from drivesim.engine.cascade import Cascade
from drivesim.engine.engine import Engine
from drivesim.engine.future import FutureSpec, Prompt
from drivesim.engine.progress import Progress
from drivesim.engine.random_streams import unit_noise
from drivesim.engine.settings import SamplingSettings
from drivesim.engine.timeline import Timeline, Window
from drivesim.models.video_ldm import Context, hold
from drivesim.scenario.file import load_scenario
from drivesim.video_io import write_image

SLOW = SCENARIO.replace("rollout:", "ego: {speed: 4}\nrollout:")
NIGHT = SCENARIO.replace("time_of_day: day", "time_of_day: night")


@pytest.fixture
def prompt(scenario: Path) -> Prompt:
    return Prompt.of(load_scenario(scenario))


@pytest.fixture
def engine(cascade: Cascade) -> Engine:
    return Engine(cascade, SETTINGS)


@pytest.fixture
def future(prompt: Prompt) -> FutureSpec:
    return FutureSpec(prompt, Timeline.of(60, 30), seed=1, number=0)


def prompt_of(folder: Path, text: str) -> Prompt:
    (folder / "other.yaml").write_text(text)
    return Prompt.of(load_scenario(folder / "other.yaml"))


def random_latents(engine: Engine, count: int) -> torch.Tensor:
    return torch.randn(count, *engine.latent_shape, generator=torch.Generator().manual_seed(0))


def test_composed_frames_depend_on_prompt_seed_and_variant(engine: Engine, prompt: Prompt, tmp_path: Path) -> None:
    frame = engine.compose(prompt, seed=1)
    assert frame.shape == engine.latent_shape == (8, 2, 4)
    assert torch.equal(frame, engine.compose(prompt, seed=1))
    assert not torch.equal(frame, engine.compose(prompt, seed=2))
    assert not torch.equal(frame, engine.compose(prompt, seed=1, variant=1))
    assert not torch.equal(frame, engine.compose(prompt_of(tmp_path, NIGHT), seed=1))
    assert not torch.equal(frame, engine.compose(prompt_of(tmp_path, SCENARIO.replace("sedan", "bus")), seed=1))


def test_guidance_zero_ignores_the_prompt(engine: Engine, tmp_path: Path) -> None:
    prompts = [prompt_of(tmp_path, text + "guidance: {boxes: 0}\n") for text in (SCENARIO, NIGHT)]
    assert torch.equal(*(engine.compose(prompt, seed=1) for prompt in prompts))


def test_a_photo_is_cut_to_its_middle_and_is_the_first_frame(engine: Engine, tmp_path: Path) -> None:
    height, width = SETTINGS.height, 2 * SETTINGS.height
    photo = np.random.default_rng(0).integers(0, 255, (height, width, 3), np.uint8)
    expected = engine.encode_photo(photo)
    assert expected.shape == engine.latent_shape
    for pad in (((6, 6), (0, 0), (0, 0)), ((0, 0), (10, 10), (0, 0))):
        assert torch.equal(engine.encode_photo(np.pad(photo, pad)), expected)
    write_image(tmp_path / "road.png", photo)
    assert torch.equal(engine.first_latents(prompt_of(tmp_path, SCENARIO + "photo: road.png\n"), seed=1), expected)


def test_prediction_adds_what_its_window_needs_and_looks_at_its_context(
    engine: Engine, future: FutureSpec, tmp_path: Path
) -> None:
    window, keys = future.timeline.window(1), random_latents(engine, 2)
    second = engine.predict(future, keys, window)
    assert len(engine.predict(future, keys[:1], future.timeline.window(0))) == 9 and len(second) == 8
    assert torch.equal(second, engine.predict(future, keys, window))
    slow, bus = (prompt_of(tmp_path, text) for text in (SLOW, SCENARIO.replace("sedan", "bus")))
    for other in (
        engine.predict(future, -keys, window),
        engine.predict(future, keys, future.timeline.window(2)),
        engine.predict(replace(future, number=1), keys, window),
        engine.predict(replace(future, seed=2), keys, window),
        engine.predict(replace(future, prompt=bus), keys, window),
        engine.predict(replace(future, prompt=slow), keys, window),
    ):
        assert not torch.equal(second, other)


def test_a_window_of_any_length_is_predicted_at_once(engine: Engine, future: FutureSpec) -> None:
    keys, count = random_latents(engine, 1), 14
    window = Window(0, 0, range(count), range(count))
    made = engine.predict(future, keys[:0], window)
    assert len(made) == count and made.isfinite().all()
    near = Engine(replace(engine.cascade, video=engine.cascade.video.with_distance(8)), SETTINGS)
    assert torch.equal(near.predict(future, keys, replace(window, context=1, keys=range(9))),
                       engine.predict(future, keys, replace(window, context=1, keys=range(9))))  # fmt: skip


def test_noise_between_key_frames_moves_with_surfaces(engine: Engine, future: FutureSpec, tmp_path: Path) -> None:
    shape, key = (5, *engine.latent_shape), (1, 0, "interpolate")

    def noise(of: FutureSpec, link: int, level: int) -> torch.Tensor:
        return engine._link_noise(of, shape, (*key, level), link, level)

    one, next_one = noise(future, 0, 1), noise(future, 1, 1)
    assert torch.equal(one[-1], next_one[0]) and not torch.equal(one[0], one[-1])
    assert all(not torch.equal(a, b) for a, b in pairwise(one))
    free = replace(future, prompt=prompt_of(tmp_path, SCENARIO + "traffic: free\n"))
    for each, level in ((future, 2), (free, 1)):
        assert not torch.equal(noise(each, 0, level)[-1], noise(each, 1, level)[0])
        assert torch.equal(noise(each, 0, level), unit_noise(shape, *key, level, 0))


def test_context_guidance_zero_ignores_the_context(engine: Engine, future: FutureSpec, tmp_path: Path) -> None:
    future = replace(future, prompt=prompt_of(tmp_path, SCENARIO + "guidance: {context: 0}\n"))
    keys = random_latents(engine, 2)
    assert torch.equal(*(engine.predict(future, x, future.timeline.window(1)) for x in (keys, -keys)))


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


def test_interpolation_keeps_what_it_joins(engine: Engine, future: FutureSpec, tmp_path: Path) -> None:
    latents = random_latents(engine, 6)
    batches = [range(3, 5), range(5, 7)]
    dense = engine.interpolate(future, latents, batches, 1)
    assert len(dense) == 17
    assert torch.equal(dense[::4], latents[:5])
    assert not torch.equal(dense[1], dense[2])
    slow = replace(future, prompt=prompt_of(tmp_path, SLOW))
    assert not torch.equal(dense[1], engine.interpolate(slow, latents, batches, 1)[1])
    assert not torch.equal(dense[1], engine.interpolate(future, latents, batches, 2)[1])
    assert torch.equal(engine.interpolate(future, latents[2:], batches[1:], 1), dense[8:])


def test_a_link_is_the_same_in_every_batch(cascade: Cascade, future: FutureSpec) -> None:
    """But for rounding: what it draws, also between steps, depends on its own number alone."""
    settings = SamplingSettings(**{**SETTINGS.model_dump(), "first_interpolation": {"steps": 3, "eta": 1.0}})
    engine = Engine(cascade, settings)
    latents = random_latents(engine, 4)
    together = engine.interpolate(future, latents, [range(3)], 1)
    single = engine.interpolate(future, latents, [range(1), range(1, 2), range(2, 3)], 1)
    torch.testing.assert_close(together, single, atol=1e-5, rtol=0)


def test_each_interpolation_may_begin_at_the_estimate(cascade: Cascade, future: FutureSpec) -> None:
    begun = {"steps": 2, "noise": 0.3}
    latents = random_latents(Engine(cascade, SETTINGS), 3)
    for level, name in ((1, "first_interpolation"), (2, "interpolation")):
        settings = SamplingSettings(**{**SETTINGS.model_dump(), name: begun})
        for made in (1, 2):
            noisy, other = (Engine(cascade, s).interpolate(future, latents, [range(2)], made) for s in (SETTINGS, settings))
            assert torch.equal(other[::4], latents)
            assert torch.equal(other[1], noisy[1]) == (made != level)


def test_decoding_and_upsampling(engine: Engine, future: FutureSpec) -> None:
    ticks = range(8)
    low = engine.decode(random_latents(engine, 8), future, ticks)
    assert low.shape == (8, 3, 16, 32) and low.abs().max() <= 1
    high = engine.upsample(low, future, ticks)
    assert high.shape == (8, 3, 64, 128) and high.abs().max() <= 1
    assert torch.equal(high, engine.upsample(low, future, ticks))
    assert not torch.equal(high, engine.upsample(low, replace(future, seed=future.seed + 1), ticks))
    # without temporal layers a frame is the same in every portion, and what stands still stays as it is
    torch.testing.assert_close(engine.upsample(low[2:], future, ticks[2:]), high[2:], atol=1e-5, rtol=0)
    still = engine.upsample(low[:1].expand(3, -1, -1, -1), future, [3, 3, 3])
    torch.testing.assert_close(still, still[:1].expand_as(still), atol=1e-5, rtol=0)


def test_every_step_is_told(cascade: Cascade, future: FutureSpec) -> None:
    engine = Engine(cascade, SETTINGS, progress := Progress())
    latents = engine.compose(future.prompt, seed=1)[None]
    dense = engine.interpolate(future, latents.expand(4, -1, -1, -1), [range(2), range(2, 3)], 1)
    engine.upsample(engine.decode(dense[:2], future, [0, 1]), future, [0, 1])
    steps = {phase: units for phase, units in progress.units.items() if units}
    assert steps == {"compose": SETTINGS.image.steps, "interpolate": 2, "upsample": 1}


def test_nothing_is_recorded_for_gradients(cascade: Cascade, engine: Engine, prompt: Prompt) -> None:
    frame = engine.compose(prompt, seed=1)
    assert not frame.requires_grad
    low = SamplingSettings(**{**SETTINGS.model_dump(), "precision": "bfloat16"})
    assert (Engine(cascade, low).compose(prompt, seed=1) - frame).abs().max() < 1
