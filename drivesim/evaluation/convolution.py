"""Convolution in time and space (Video LDM, sec. 4.2 and its appendix): longer clips and wider frames in one go.

Key frames of held-out worlds by day, shown their layouts, none of them given. Four times as many as the temporal layers learned:
window by window as rollouts are made, all at once, and all at once with attention masked to 8 frames, and so in frames
twice as wide. These see at the same scale: they are the middle rows of a camera that sees twice as wide and high.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Self

import numpy as np
import torch
from torch import Tensor

from drivesim.checkpoint import weights_hash
from drivesim.config import Say
from drivesim.dataset.progress_line import ProgressLine
from drivesim.engine.cascade import Cascade
from drivesim.engine.engine import Engine
from drivesim.engine.layouts import FrameLayouts
from drivesim.engine.moments import ticks
from drivesim.engine.settings import SamplingSettings
from drivesim.engine.timeline import Window
from drivesim.evaluation.fidelity.labelled_future import LabelledFuture
from drivesim.evaluation.held_out import HELD_OUT_SEED
from drivesim.layout.flow import Flow
from drivesim.layout.planes import layout_planes
from drivesim.metrics.flicker import steadiness
from drivesim.metrics.intervals import Figures, mean_interval
from drivesim.metrics.reconstruction import gradient_energy
from drivesim.models.conditions.conditions import Conditions
from drivesim.models.video_ldm import FAR_ENOUGH
from drivesim.scene.boxes import Boxes
from drivesim.scene.clip import Clip, ClipLabels
from drivesim.seeds import stream_seed
from drivesim.tensors import to_frames
from drivesim.video_format import CONTEXT, FRAME_RATES, WINDOW
from drivesim.world.generator import WORLD_VERSION, World, render_clip, sample_world

LONG = 4 * WINDOW  # key frames
WAYS = ("windows", "at_once", "masked", "wide", "wide_middle")
"""How clips are made. "wide_middle" is the part of "wide" that the others show."""
BESIDE = {"at_once": "windows", "masked": "windows", "wide_middle": "masked"}
"""What each is compared with, clip by clip."""
KINDS = ("sharpness", "late_sharpness", "motion", "flicker", "drift")
"""As shares of what renders of the view have: gradient energy; that of the last quarter of a clip over that of the first; mean
difference of neighbouring frames; how far they are off what the layout's flow makes of the one before (metrics.flicker). And the
mean difference from the renders, in the last quarter over that in the first."""
_COLUMNS = 6  # frames of a row of the sheet


@dataclass(frozen=True)
class Measured:
    """`figures`: by figure and way, and with "_difference" what a way has more than that of BESIDE, with intervals over clips.
    `sheet` uint8 [h w 3]: the first clip, rendered and in each way, then wide. `facts`: what was measured."""

    facts: dict[str, object]
    figures: Figures
    sheet: np.ndarray


@dataclass(frozen=True)
class WideFuture(LabelledFuture):
    """The labels of a camera that sees twice as wide and high, in frames of its middle rows.

    Neither camera nor dashes are told, whose codes are those of whole frames; the layout shows both.
    """

    @classmethod
    def of(cls, labels: ClipLabels, seed: int) -> Self:
        """As of LabelledFuture, with the parts of boxes that are in the middle rows."""
        boxes = tuple(None if table is None else _middle_boxes(table) for table in labels.boxes)
        return super().of(replace(labels, boxes=boxes), seed)

    def conditions(self, ticks: Sequence[int], layout_height: int | None = None) -> Conditions:
        """What the labels say of these frames, a row each."""
        return super().conditions(ticks, layout_height).drop(camera=True, place=True)

    def _planes(self, ticks: Sequence[int], height: int) -> list[np.ndarray]:
        return [_middle_rows(layout_planes(self.moments[tick], 2 * height, 4 * height), 1) for tick in ticks]


def _middle_rows(picture: np.ndarray, axis: int) -> np.ndarray:
    quarter = picture.shape[axis] // 4
    return picture.take(np.arange(quarter, 3 * quarter), axis)


def _middle_boxes(table: Boxes) -> Boxes:
    box = table.box.copy()
    box[:, 1::2] = (2 * box[:, 1::2] - 0.5).clip(0, 1)
    return replace(table, box=box)


def _wide(world: World) -> World:
    camera = world.camera
    field = 2 * math.degrees(math.atan(2 * math.tan(math.radians(camera.field_of_view) / 2)))
    return replace(world, camera=replace(camera, field_of_view=field))


def measure_convolution(
    checkpoints: Path, settings: SamplingSettings, device: torch.device, clips: int, seed: int = HELD_OUT_SEED,
    say: Say | None = None, frames: int = LONG,
) -> Measured:  # fmt: skip
    """Figures of `clips` clips of so many key frames, each of a world of its own; InputError for weights that are not there."""
    cascade = Cascade.load(checkpoints, device)
    engine = Engine(cascade, settings)
    masked = Engine(replace(cascade, video=cascade.video.with_distance(FAR_ENOUGH)), settings)
    line, scores, sheets = ProgressLine("clip, in every way", 0, clips, say), [], []
    for number in range(clips):
        score, sheet = measured_clip(engine, masked, frames, seed, number)
        scores.append(score)
        sheets.append(sheet)
        line(number + 1)
    facts: dict[str, object] = {
        "weights": weights_hash(checkpoints / "video-ldm"), "clips": clips, "frames": frames, "distance": FAR_ENOUGH, "seed": seed,
        "steps": settings.prediction.steps, "world_version": WORLD_VERSION,
    }  # fmt: skip
    return Measured(facts, figures_of(scores), sheets[0])


def measured_clip(
    engine: Engine, masked: Engine, frames: int, seed: int, number: int
) -> tuple[dict[str, float], np.ndarray]:
    """What one world scores, by figure and way, and its sheet; `masked` is the engine whose attention is."""
    world, key = sample_world(stream_seed(seed, "convolution", number), "day"), stream_seed(seed, "sampled", number)
    height, rate = engine.settings.height, FRAME_RATES[0]
    clip = render_clip(world, frames, rate, height, 2 * height, noise=False)
    wide = render_clip(_wide(world), frames, rate, 2 * height, 4 * height, noise=False)
    wide = replace(wide, frames=_middle_rows(wide.frames, 1))
    future, broad = LabelledFuture.of(clip.labels, key), WideFuture.of(wide.labels, key)
    films = {"windows": _by_windows(engine, future), "at_once": _at_once(engine, future, frames),
             "masked": _at_once(masked, future, frames), "wide": _at_once(masked, broad, frames, 2)}  # fmt: skip
    flows, wide_flows = _flows(future, (height, 2 * height)), _flows(broad, (2 * height, 4 * height))
    return _scores(clip, wide, films, flows, wide_flows), _sheet(clip, wide, films)


def _by_windows(engine: Engine, future: LabelledFuture) -> np.ndarray:
    """Frames uint8 [f h w 3], as rollouts are made but for the first window, which is given no frame."""
    keys = _predicted(engine, future, WINDOW, 1)
    for index in range(1, future.timeline.windows):
        keys = torch.cat([keys, engine.predict(future, keys[-CONTEXT:], future.timeline.window(index))])
    return _decoded(engine, future, keys[: future.timeline.keys])


def _at_once(engine: Engine, future: LabelledFuture, frames: int, width: int = 1) -> np.ndarray:
    """Frames uint8 [f h w 3] of one prediction, `width` times as wide as ordinary ones."""
    return _decoded(engine, future, _predicted(engine, future, frames, width))


def _predicted(engine: Engine, future: LabelledFuture, frames: int, width: int) -> Tensor:
    """Latents [f c h w] of key frames of which none is given; so there is nothing that context guidance could lead to."""
    alone = replace(future, prompt=replace(future.prompt, context_guidance=1.0))
    channels, rows, columns = engine.latent_shape
    return engine.predict(alone, torch.zeros(0, channels, rows, width * columns), Window(0, 0, range(frames), range(frames)))


def _decoded(engine: Engine, future: LabelledFuture, keys: Tensor) -> np.ndarray:
    moments, starts = ticks(range(len(keys)), level=0), range(0, len(keys), WINDOW)
    parts = [engine.decode(keys, future, moments, start, min(start + WINDOW, len(keys))) for start in starts]
    return to_frames(torch.cat(parts))


def _flows(future: LabelledFuture, size: tuple[int, int]) -> list[Flow]:
    """From each key frame but the first to the one before it; of a wide future in its middle rows."""
    layouts, times = FrameLayouts(future.moments, size), ticks(range(future.timeline.keys), level=0)
    found = [layouts.flow(now, before) for before, now in pairwise(times)]
    return [_middle_flow(flow) for flow in found] if isinstance(future, WideFuture) else found


def _middle_flow(flow: Flow) -> Flow:
    right, down, seen = (_middle_rows(plane, 0) for plane in (flow.right, flow.down, flow.seen))
    row = np.arange(len(down))[:, None] + down
    return Flow(right, down, seen & (row >= 0) & (row <= len(down) - 1))


def _scores(
    clip: Clip, wide: Clip, films: dict[str, np.ndarray], flows: list[Flow], wide_flows: list[Flow]
) -> dict[str, float]:
    """Of one clip, by figure and way: as shares of the renders of the same view."""
    quarter = wide.frames.shape[2] // 4
    middle = films["wide"][:, :, quarter : 3 * quarter]
    values: dict[str, float] = {}
    for way in WAYS:
        made = middle if way == "wide_middle" else films[way]
        rendered, motion = (wide.frames, wide_flows) if way == "wide" else (clip.frames, flows)
        energy, full = gradient_energy(made), gradient_energy(rendered)
        end, off = len(made) // 4, np.abs(made - rendered.astype(np.float32)).mean(axis=(1, 2, 3))
        ours, theirs = ((_change(side), steadiness(side[:-1], side[1:], motion).flicker) for side in (made, rendered))
        values |= {
            f"sharpness_{way}": energy.sum() / full.sum(),
            f"late_sharpness_{way}": (energy[-end:].sum() / full[-end:].sum()) / (energy[:end].sum() / full[:end].sum()),
            f"motion_{way}": ours[0] / theirs[0],
            f"flicker_{way}": ours[1] / theirs[1],
            f"drift_{way}": off[-end:].mean() / off[:end].mean(),
        }
    return values


def _change(frames: np.ndarray) -> float:
    """Mean absolute difference of neighbouring frames, in levels."""
    return float(np.abs(np.diff(frames.astype(np.float32), axis=0)).mean())


def figures_of(scores: list[dict[str, float]]) -> Figures:
    """Of the scores of all clips, with intervals over these."""
    figures = {name: mean_interval(np.array([clip[name] for clip in scores])) for name in scores[0]}
    for way, other in BESIDE.items():
        for kind in KINDS:
            pairs = [clip[f"{kind}_{way}"] - clip[f"{kind}_{other}"] for clip in scores]
            figures[f"{kind}_{way}_difference"] = mean_interval(np.array(pairs))
    return figures


def _sheet(clip: Clip, wide: Clip, films: dict[str, np.ndarray]) -> np.ndarray:
    """Rendered, by windows, at once, masked; half as many columns of wide frames, rendered and made."""

    def row(frames: np.ndarray, columns: int) -> np.ndarray:
        chosen = np.linspace(0, len(frames) - 1, columns).round().astype(int)
        return np.concatenate(list(frames[chosen]), axis=1)

    rows = [row(side, _COLUMNS) for side in (clip.frames, films["windows"], films["at_once"], films["masked"])]
    return np.concatenate([*rows, row(wide.frames, _COLUMNS // 2), row(films["wide"], _COLUMNS // 2)])
