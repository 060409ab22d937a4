"""What a video model learns, whatever its backbone: to predict and to interpolate, and how wrong it is at that."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Literal, NamedTuple, TypeVar

import numpy as np
import torch
from pydantic import Field
from torch import Tensor, nn

from drivesim.dataset.batches import ClipWindows
from drivesim.dataset.clips import ClipStore
from drivesim.dataset.moved import MovedUse
from drivesim.diffusion.ddim import sample
from drivesim.layout.flow import Flow
from drivesim.models.backbone import LatentCodec
from drivesim.models.layers.context import MOVED
from drivesim.models.moved_frames import move_frames, moved_sources
from drivesim.models.video_ldm import Context, VideoLDM, VideoLDMConfig, WholeVideoModel, hold, with_given
from drivesim.training.latent_data import LatentData, diffusion_error, has_windows, stack
from drivesim.training.optim import rank
from drivesim.training.stage import Batch, Recipe
from drivesim.video_format import FRAME_RATES, INTERPOLATION_FACTOR, WINDOW

C = TypeVar("C")


class ClipRecipe(Recipe):
    """What learns: temporal layers alone, while the image model is "frozen" (Video LDM, sec. 3.1); the whole U-Net by clips and by
    `stills` single frames beside each, as these were learned before, so that it does not forget them ("joint", LaVie); or the whole
    U-Net by clips ("all"), as the paper fine-tunes its interpolation model for text to video.
    """

    spatial: Literal["frozen", "joint", "all"] = "frozen"
    stills: int = Field(4, ge=1)

    def learner(self, model: VideoLDM[C]) -> nn.Module:
        """The part of a model that learns."""
        return model if self.spatial == "frozen" else WholeVideoModel(model)


STILLS = "stills/"


def with_stills(clip: Batch, stills: Sequence[Batch]) -> Batch:
    """A sample of a clip, with pictures beside it; `stills_of` is the way back for a batch."""
    return clip | {f"{STILLS}{name}": value for name, value in stack(list(stills)).items()}


def stills_of(batch: Batch) -> Batch | None:
    """The pictures beside all clips of a batch, as one batch; None where there are none."""
    found = {name.removeprefix(STILLS): value.flatten(0, 1) for name, value in batch.items() if name.startswith(STILLS)}
    return found or None


class Task(NamedTuple):
    """Clips of `frames` at `fps`; `given` are the choices of context frames, each with its chance."""

    frames: int
    fps: float
    given: tuple[tuple[float, tuple[int, ...]], ...]

    @property
    def label(self) -> str:
        """What it is, in words."""
        return "prediction" if self == PREDICTION else f"interpolation to {self.fps:g} fps"

    @property
    def use(self) -> MovedUse:
        """Which frames are moved where."""
        pairs = {
            (frame, source)
            for _, given in self.given
            for frame, sources in enumerate(moved_sources(self.frames, given))
            for source in sources
            if source is not None
        }
        return MovedUse(self.frames, self.fps, frozenset(pairs))

    def draw_given(self, rng: np.random.Generator) -> tuple[int, ...]:
        """One of the choices of context frames."""
        chances, choices = zip(*self.given, strict=True)
        return choices[rng.choice(len(choices), p=chances)]

    def mask(self, given: Collection[int]) -> Tensor:
        """Which frames are given: float [f]."""
        mask = torch.zeros(self.frames)
        mask[list(given)] = 1.0
        return mask


PREDICTION = Task(WINDOW, FRAME_RATES[0], ((0.15, ()), (0.30, (0,)), (0.55, (0, 1))))
INTERPOLATION = tuple(
    Task(INTERPOLATION_FACTOR + 1, fps, ((0.05, ()), (0.95, (0, INTERPOLATION_FACTOR)))) for fps in FRAME_RATES[1:]
)


def draw_context_noise(rng: np.random.Generator, latents: Tensor, largest: float, clean: float) -> Batch:
    """`context_noise` [f 1 + MOVED c h w] for the given frames of latents [f c h w], in units, and its deviation, `level` [].

    No more than `largest`; 0 with the chance `clean`.
    """
    level = 0.0 if rng.random() < clean else rng.uniform(0, largest)
    noise = rng.standard_normal((len(latents), 1 + MOVED, *latents.shape[1:]), np.float32)
    return {"level": torch.tensor(level, dtype=torch.float32), "context_noise": torch.from_numpy(noise)}


OWN, OWN_STEPS = 1, 4
"""The given frame of a prediction that is the model's own at times, and the steps that it is sampled in."""


def second_frame(model: VideoLDM[C], conditions: C, context: Context, fps: Tensor, noise: Tensor) -> Tensor:
    """Frame OWN of clips as the model goes on from what `context` gives of the first two: [b c h w], of unit `noise` [b 2 c h w].

    A clip of these two alone: a fifth of the work of a window, and few steps, since it is there to be wrong as samples are.
    """
    denoise = hold(model.denoise(conditions, context, fps), context)
    return sample(denoise, model.schedule, noise, OWN_STEPS)[:, OWN]


def flow_tensors(flows: Sequence[Flow | None], height: int, width: int) -> Batch:
    """Flow of each frame of a clip to frame OWN, where it is known: `own_flow` [f 2 H W] px, `own_seen` and `own_moves` [f]."""
    tensors = {
        "own_flow": torch.zeros(len(flows), 2, height, width),
        "own_seen": torch.zeros(len(flows), height, width, dtype=torch.bool),
        "own_moves": torch.tensor([one is not None for one in flows]),
    }
    for frame, one in enumerate(flows):
        if one is not None:
            tensors["own_flow"][frame] = torch.from_numpy(np.stack([one.right, one.down]))
            tensors["own_seen"][frame] = torch.from_numpy(one.seen)
    return tensors


@torch.no_grad()
def with_own(space: LatentCodec, batch: Batch, rows: Tensor, own: Tensor) -> Batch:
    """The batch, of whose clips `rows` int64 [n] frame OWN is given as `own` [n c h w], moved to other frames as rollouts move it.

    `given` [b f c h w] are its latents with these; `moved` and `moved_seen` follow, where the layout says how.
    """
    given = batch["latents"].clone()
    given[rows, OWN] = own.to(given.dtype)
    batch = batch | {"given": given}
    if "own_flow" not in batch or "moved" not in batch:
        return batch
    clip, frame = batch["own_moves"][rows].nonzero(as_tuple=True)
    if not len(clip):
        return batch
    flow, seen = (batch[name][rows[clip], frame] for name in ("own_flow", "own_seen"))
    made, share = move_frames(space, space.decode(own.float())[clip], flow, seen)
    place = rows[clip], frame, (frame < OWN).long()
    moved, moved_seen = batch["moved"].clone(), batch["moved_seen"].clone()
    moved[place], moved_seen[place] = made.to(moved.dtype), share
    return batch | {"moved": moved, "moved_seen": moved_seen}


TASKS = (PREDICTION, *INTERPOLATION)


def tasks_of(config: VideoLDMConfig) -> tuple[Task, ...]:
    """What a model of this configuration learns: TASKS, or to interpolate many frames at once where it makes given ones anew."""
    if config.context != "repeated":
        return TASKS
    given = tuple(INTERPOLATION_FACTOR * i for i in range(config.base_frames))
    return tuple(Task(given[-1] + 1, fps, ((1.0, given),)) for fps in FRAME_RATES[1:])


def task_windows(data: LatentData, stores: Sequence[Path], tasks: Sequence[Task] = TASKS) -> dict[Task, ClipWindows]:
    """Windows of the stores for each of the tasks that they have clips for; which ones they have none for is printed.

    InputError if they have none for any.
    """
    opened = [ClipStore(path) for path in stores]
    served = [task for task in tasks if any(has_windows(store, task.frames, task.fps) for store in opened)]
    if served and rank() == 0:
        names = ", ".join(str(path) for path in stores)
        for task in (task for task in tasks if task not in served):
            print(f"{names}: no clip has {task.frames} frames at {task.fps:g} fps; {task.label} is left out")
    return {task: data.windows(stores, task.frames, task.fps) for task in served or tasks}


def context_cases(tasks: Collection[Task]) -> dict[str, tuple[Task, tuple[int, ...]]]:
    """What held-out figures are of, by name: of these tasks, and the frames that are given."""
    cases = {f"predict_{count}": (PREDICTION, tuple(range(count))) for count in range(3)} if PREDICTION in tasks else {}
    return cases | {f"interpolate_{task.fps:g}": (task, task.given[-1][1]) for task in tasks if task != PREDICTION}


def draw_task(rng: np.random.Generator, prediction: float, tasks: Collection[Task] = TASKS) -> Task:
    """Of these tasks PREDICTION with the chance `prediction`; else one of the others, all equally likely."""
    predicts, luck = rng.random() < prediction, rng.random()
    between = [task for task in tasks if task != PREDICTION]
    if PREDICTION in tasks and (predicts or not between):
        return PREDICTION
    return between[int(luck * len(between))]


class ClipErrors(NamedTuple):
    """Squared error of the prediction, squared and absolute of the context network's estimate, squared of stills or 0: [] each."""

    prediction: Tensor
    estimate: Tensor
    estimate_absolute: Tensor
    stills: Tensor


def clip_errors(
    model: VideoLDM[C], batch: Batch, conditions: C, context: Context, weight: Tensor, stills: Batch | None = None
) -> ClipErrors:
    """Errors averaged over the frames of a batch that are made, by the `weight` [b f h w] of their cells: those that are not given,
    or all.

    Of the batch: latents and noise [b f c h w], t [b], mask float [b f], fps [b]. The network sees given frames as in sampling:
    as the context has them, with its noise (`hold`). Of `stills`: latents and noise [s c h w], t [s], weight [s h w]; `conditions`
    has their rows behind those of frames.
    """
    latents, noise, t = batch["latents"], batch["noise"], batch["t"]
    noisy = model.schedule.add_noise(with_given(latents, context), noise, t)
    encoded = model.image.encode(conditions, *latents.shape[3:])
    features = model.encode_context(context, batch["fps"], encoded.rows(slice(latents.shape[0] * latents.shape[1])))
    of_stills = latents.new_zeros(())
    if stills is None:
        output = model.network(noisy, t, encoded, features)
    else:
        pictures = stills["latents"], stills["noise"], stills["t"]
        noisy_stills = model.schedule.add_noise(*pictures)
        output, made = model.network_with_stills(noisy, t, encoded, features, (noisy_stills, stills["t"]))
        cells = diffusion_error(model.image.prediction, model.schedule, made, *pictures)
        of_stills = (cells * stills["weight"]).mean()
    error = diffusion_error(model.image.prediction, model.schedule, output, latents, noise, t)
    off = features.estimate.float() - latents
    if not context.remade:
        weight = weight * (1.0 - batch["mask"])[..., None, None]
    estimate, absolute = off.square().mean(dim=2), off.abs().mean(dim=2)
    prediction, estimate, absolute = ((cells * weight).sum() / weight.sum() for cells in (error, estimate, absolute))
    return ClipErrors(prediction, estimate, absolute, of_stills)
