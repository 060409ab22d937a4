"""The layout of a future's frames: given frames move by it."""

from __future__ import annotations

from pathlib import Path

import torch
from tiny_cascade import SCENARIO, SETTINGS, load_cascade
from torch import Tensor

from drivesim.engine.engine import Engine
from drivesim.engine.future import FutureSpec, Prompt
from drivesim.engine.timeline import Timeline
from drivesim.models.layers.context import MOVED
from drivesim.models.video_ldm import Context
from drivesim.scenario.file import load_scenario

SIZE = (16, 32)


def future_of(folder: Path, text: str = SCENARIO) -> FutureSpec:
    (folder / "layout.yaml").write_text(text)
    return FutureSpec(Prompt.of(load_scenario(folder / "layout.yaml")), Timeline.of(60, 30), seed=1, number=0)


class Shrunk:
    """A latent space of mean colours."""

    def encode(self, frames: Tensor) -> Tensor:
        return torch.nn.functional.avg_pool2d(frames, 8)

    def decode(self, latents: Tensor) -> Tensor:
        return torch.nn.functional.interpolate(latents, scale_factor=8.0)


def test_given_frames_of_an_ego_that_stands_stay_where_nothing_moves(tmp_path: Path) -> None:
    text = SCENARIO.replace("rollout:", "ego: {speed: 0}\nrollout:").replace("crowdedness: 1", "crowdedness: 0")
    layouts = future_of(tmp_path, text.replace("  - {ahead: 14, left: 0, kind: sedan}", "  []")).layouts(SIZE)
    clips = torch.rand(2, 3, 3, 2, 4)
    context = Context.of(clips, {0: clips[:, 0], 2: clips[:, 2]})
    moved = layouts.moved(Shrunk(), context, [0, 4, 8, 8, 12, 16], [0, 2])  # type: ignore[arg-type]
    assert moved.moved_seen is not None and moved.moved.shape == (2, 3, MOVED, 3, 2, 4)
    for side, source in ((0, 0), (1, 2)):
        still = moved.moved_seen[:, 1, side] == 1
        assert still.float().mean() > 0.7
        torch.testing.assert_close(
            moved.moved[:, 1, side].movedim(1, -1)[still], clips[:, source].movedim(1, -1)[still], atol=2e-3, rtol=0
        )
    assert moved.moved_mask[:, 0, 0].tolist() == [0, 0] and moved.moved_mask[:, 0, 1].tolist() == [1, 1]


def test_a_vehicle_moves_by_its_own_way(tmp_path: Path) -> None:
    """What is hidden in the given frame is not moved to where it comes to light."""
    layouts = future_of(tmp_path).layouts((64, 128))
    flow = layouts.flow(32, 0)
    assert flow.seen.any() and not flow.seen.all()
    clips = torch.rand(1, 2, 3, 8, 16)
    moved = layouts.moved(Shrunk(), Context.of(clips, {0: clips[:, 0]}), [0, 32], [0])  # type: ignore[arg-type]
    share = torch.nn.functional.avg_pool2d(torch.from_numpy(flow.seen)[None].float(), 8)[0]
    assert moved.moved_seen is not None
    torch.testing.assert_close(moved.moved_seen[0, 1, 0], torch.where(share >= 0.25, share, 0.0))


def test_networks_that_are_shown_the_layout_predict_by_it(checkpoints: Path, tmp_path: Path) -> None:
    future = future_of(tmp_path)
    cascade = load_cascade(checkpoints)
    engine = Engine(cascade, SETTINGS)
    keys = torch.randn(1, *engine.latent_shape, generator=torch.Generator().manual_seed(0))
    made = engine.predict(future, keys, future.timeline.window(0))
    assert torch.equal(made, engine.predict(future, keys, future.timeline.window(0)))
    assert cascade.video.temporal.context.entry is not None
    torch.nn.init.zeros_(cascade.video.temporal.context.entry.weight)
    assert not torch.equal(made, engine.predict(future, keys, future.timeline.window(0)))


def test_where_traffic_is_free_none_is_given(checkpoints: Path, tmp_path: Path) -> None:
    future = future_of(tmp_path, SCENARIO + "traffic: free\n")
    heard, unheard = load_cascade(checkpoints), load_cascade(checkpoints)
    assert unheard.image.entry is not None
    torch.nn.init.zeros_(unheard.image.entry.weight)
    keys = torch.randn(1, 8, 2, 4, generator=torch.Generator().manual_seed(0))
    made = [Engine(cascade, SETTINGS).predict(future, keys, future.timeline.window(0)) for cascade in (heard, unheard)]
    assert torch.equal(*made)
