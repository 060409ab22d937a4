"""Video LDM: the temporal layers learn prediction and interpolation together, the image model stays as it is or learns, too."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from pydantic import Field, field_validator
from torch import Tensor, nn

from drivesim.checkpoint import weights_hash
from drivesim.dataset.batches import ClipWindow, ClipWindows, WindowBatch
from drivesim.dataset.moved import PairFlows
from drivesim.diffusion.ddim import sample
from drivesim.models.backbone import DrivingModel
from drivesim.models.conditions.all_groups import GROUPS, LAYOUT_GROUPS
from drivesim.models.conditions.conditions import Conditions
from drivesim.models.layers.context import MOVED
from drivesim.models.loading import load_image_model, load_latent_codec
from drivesim.models.moved_frames import moved_sources, with_moved
from drivesim.models.road_ahead import move_along
from drivesim.models.video_ldm import Context, VideoLDM, VideoLDMConfig, hold
from drivesim.scene.clip import ClipLabels
from drivesim.tensors import numpy_stream, torch_stream
from drivesim.training.clip_tasks import (
    OWN,
    PREDICTION,
    ClipErrors,
    ClipRecipe,
    Task,
    clip_errors,
    context_cases,
    draw_context_noise,
    draw_task,
    flow_tensors,
    second_frame,
    stills_of,
    task_windows,
    tasks_of,
    with_own,
    with_stills,
)
from drivesim.training.latent_data import (
    LatentData,
    asked_boxes,
    constant_crowdedness,
    diffusion_time,
    drawn_drops,
    foreground_weight,
    known_conditions,
    pack,
    shows_layout,
    stack,
    unpack,
)
from drivesim.training.stage import Batch, Chance, ModelDescription, chances, mean_figures, seeded
from drivesim.training.stages.image_ldm import ConditionedRecipe, picture
from drivesim.video_format import NETWORK_WIDTH, StageName

PREVIEW_STEPS = 16
_PICTURES = ConditionedRecipe.parse({}, "stills")  # how stills are asked for: as where the image LDM learns


class VideoLDMRecipe(ClipRecipe):
    """As of ClipRecipe. `prediction`: share of steps that predict (the others interpolate, half at 7.5 and half at 30 fps).

    `drop`: chance of each group of conditions to be left out of a clip, by itself; groups that it does not name have the
    chance that they say themselves. Boxes are given for every frame, for the first alone, or for none, with the chances
    `boxes_every`, `boxes_first` and the rest. `drop_motion`: chance that given frames are not moved with the road, as if
    nobody knew how far the camera has driven. `constant`: chance that the
    crowdedness of the first frame is told for all frames, as a scenario tells it, instead of each frame's own. `estimate`: weight
    of the absolute error of the context network's own estimate of the frames, which teaches it motion without noise in the way;
    by squared error it would blur what it is not sure of. `drop_layout`: chance that all layout maps are left out. Cells of
    vehicles count `foreground` times more than others. Given frames get noise of a deviation of up to `context_noise`, which the
    networks are told, but for a share `context_clean` of the clips. Of predictions from two frames, the second is the model's own
    for a share `own`, made on the spot from the first, and moved as rollouts move it: its errors are met in training.
    """

    batch: int = Field(4, ge=1)
    model: VideoLDMConfig = VideoLDMConfig()
    prediction: float = Field(0.6, ge=0, le=1)
    drop: dict[str, Chance] = Field({}, validate_default=True)
    drop_motion: float = Field(0.1, ge=0, le=1)
    drop_layout: Chance = 0.1
    boxes_every: float = Field(0.6, ge=0, le=1)
    boxes_first: float = Field(0.1, ge=0, le=1)
    constant: float = Field(0.7, ge=0, le=1)
    estimate: float = Field(0.5, ge=0)
    foreground: float = Field(2.0, ge=0)
    context_noise: Chance = 0.4
    context_clean: Chance = 0.3
    own: Chance = 0.0

    @field_validator("drop")
    @classmethod
    def _every_group(cls, drop: dict[str, float]) -> dict[str, float]:
        return chances({name: group.dropout.clip for name, group in GROUPS.items() if group.dropout.clip}, drop)


def metres_driven(labels: Sequence[ClipLabels]) -> Tensor:
    """Metres driven since the first frame of each window [b f], NaN where that is not known."""
    along = torch.from_numpy(np.stack([known.ego.along for known in labels]))
    return along - along[:, :1]


class VideoLDMStage:
    """Trains the temporal layers on windows of latents."""

    name: StageName = "video-ldm"

    def __init__(self, recipe: VideoLDMRecipe, checkpoints: Path, image: DrivingModel | None = None) -> None:
        """`image` in the place of that of the checkpoints."""
        self.recipe = recipe
        self.base = weights_hash(checkpoints / "image-ldm")
        image = image or load_image_model(checkpoints / "image-ldm")
        self.latent_data = LatentData(load_latent_codec(checkpoints / "autoencoder"), shows_layout(image.groups))
        with seeded(recipe.seed):
            image.check_latents(self.latent_data.fingerprint)
            self.model = VideoLDM(recipe.model, image)
        self.modules: dict[str, nn.Module] = {"model": recipe.learner(self.model)}
        self.networks = (*self.model.image.networks, self.model.temporal.context)

    def open(self, data: list[Path], held_out: list[Path]) -> None:
        """Windows of the stores for each task that they have some for, and their given frames as the layout moves them."""
        tasks, moves = tasks_of(self.recipe.model), self.latent_data.layouts and not self.model.remakes
        self.windows, self.held_out = (task_windows(self.latent_data, stores, tasks) for stores in (data, held_out))
        both = (*self.windows.values(), *self.held_out.values())
        self.moved = self.latent_data.moved(both, [task.use for task in tasks]) if moves else None
        self.flows = {store.path: PairFlows(store) for each in both for store in each.stores} if moves else {}
        self.frames = self.latent_data.windows(data, 1, None) if self.recipe.spatial == "joint" else None

    def draw(self, step: int, index: range) -> Batch:
        """latents, noise [b f c h w], t [b], mask float [b f], fps [b], conditions [b f ...]; one task for the whole step.

        `level` float [b] of the noise on given frames, and this in units, `context_noise` [b f 1 + MOVED c h w]. See `_own`, and
        `with_stills` [b s ...].
        """
        rng = self.recipe.sample_rng("task", step)
        task = draw_task(rng, self.recipe.prediction, self.windows)
        return stack([self._sample(task, i) for i in index])

    def _sample(self, task: Task, i: int) -> Batch:
        recipe, rng = self.recipe, self.recipe.sample_rng(self.name, i)
        labelled = self.windows[task].batch(rng, 1, pictures=False)
        given = task.draw_given(rng)
        labels = self._asked(labelled.labels[0], rng)
        dropped = drawn_drops(recipe.drop, recipe.drop_layout, rng)
        if rng.random() < recipe.constant:
            labels = constant_crowdedness(labels)
        conditions = known_conditions(replace(labelled, labels=(labels,))).drop(**dropped)
        assert labelled.latents is not None
        latents = torch.from_numpy(labelled.latents[0]).float()
        moving = rng.random() >= recipe.drop_motion
        metres, moved = self._motion(self.windows[task], labelled, given, moving)
        context_noise = draw_context_noise(rng, latents, recipe.context_noise, recipe.context_clean)
        own: Batch = {}
        if recipe.own and task is PREDICTION:
            own_rng, window = recipe.sample_rng("own", i), labelled.windows[0]
            wanted = own_rng.random() < recipe.own and OWN in given
            own = self._own(self.windows[task], window, latents, wanted, moving, own_rng)
        clip = {
            "latents": latents,
            "noise": torch.from_numpy(rng.standard_normal(latents.shape, np.float32)),
            "t": diffusion_time(i, rng, len(self.model.schedule)),
            "mask": task.mask(given),
            "metres": metres[0],
            **{name: value[0] for name, value in moved.items()},
            **context_noise,
            **own,
            "fps": torch.tensor(task.fps),
            **pack(conditions),
        }
        if self.frames is None:
            return clip
        rng, numbers = recipe.sample_rng("stills", i), range(i * recipe.stills, (i + 1) * recipe.stills)
        return with_stills(clip, [picture(self.frames, _PICTURES, number, rng, len(self.model.schedule)) for number in numbers])

    def _motion(
        self, windows: ClipWindows, batch: WindowBatch, given: Sequence[int], moving: bool = True
    ) -> tuple[Tensor, Batch]:
        """How far each window's camera has come [b f], and given frames as the layout moves them, where it is known.

        Of windows whose given frames the layout moves nobody needs to know how far, nor of those that are not `moving`.
        """
        metres = metres_driven(batch.labels)
        if self.moved is None:
            return torch.where(torch.tensor(moving), metres, torch.nan), {}
        assert batch.latents is not None
        count, frames, *shape = batch.latents.shape
        moved, seen = np.zeros((count, frames, MOVED, *shape), np.float32), np.zeros((count, frames, MOVED, *shape[1:]), np.float32)
        sources = moved_sources(frames, given)
        for row, window in enumerate(batch.windows if moving else ()):
            cache = self.moved[windows.stores[window.store].path]
            for frame, side in np.ndindex(frames, MOVED):
                source = sources[frame][side]
                place = [window.start + number * window.step for number in (frame, source or 0)]
                if source is not None and (found := cache.read(window.clip, *place)) is not None:
                    moved[row, frame, side], seen[row, frame, side] = found
        known = torch.tensor([any(planes is not None for planes in layouts) for layouts in batch.layouts or ()])
        metres = torch.where(known[:, None] | (not moving), torch.nan, metres)
        return metres, {"moved": torch.from_numpy(moved), "moved_seen": torch.from_numpy(seen)}

    def _own(
        self, windows: ClipWindows, window: ClipWindow, like: Tensor, own: bool, moving: bool, rng: np.random.Generator
    ) -> Batch:
        """Whether frame OWN of a window with latents `like` [f c h w] is to be the model's, bool []; unit noise that it is made of,
        `own_noise` [2 c h w]; and how the layout moves it (see flow_tensors)."""
        values = {"own": torch.tensor(own), "own_noise": torch.from_numpy(rng.standard_normal(like[: OWN + 1].shape, np.float32))}
        if not self.flows:
            return values
        store = windows.stores[window.store]
        to = [window.start + frame * window.step for frame in range(len(like))]
        flows = [self.flows[store.path].flow(window.clip, place, to[OWN]) if own and moving and frame != OWN else None
                 for frame, place in enumerate(to)]  # fmt: skip
        return values | flow_tensors(flows, store.height, store.width)

    def _asked(self, labels: ClipLabels, rng: np.random.Generator) -> ClipLabels:
        """The labels with the boxes that a scenario might ask for, in every frame, in the first alone, or in none."""
        boxes = asked_boxes(labels.boxes, rng)
        luck = rng.random()
        if luck >= self.recipe.boxes_every:
            first = boxes[0] if luck < self.recipe.boxes_every + self.recipe.boxes_first else None
            boxes = (first, *[None] * (len(boxes) - 1))
        return replace(labels, boxes=boxes)

    def context(self, batch: Batch, conditions: Conditions) -> Context:
        """The frames that the mask gives, as they are and moved with the road; with their noise, where there is some."""
        latents = batch.get("given", batch["latents"])
        context = replace(Context.none(latents), latents=latents, mask=batch["mask"], remade=self.model.remakes)
        if not context.remade:
            context = move_along(self.latent_data.space.to(latents.device), context, conditions, batch["metres"])
        if "moved" in batch:
            context = with_moved(context, batch["moved"], batch["moved_seen"])
        if "level" not in batch or not self.model.config.context_noise:
            return context
        return context.noised(batch["level"], batch["context_noise"])

    def with_own(self, batch: Batch, conditions: Conditions) -> Batch:
        """The batch with the model's own frames in the place of given ones, where it asks for some."""
        rows = batch["own"].nonzero()[:, 0] if "own" in batch else torch.zeros(0)
        if not len(rows):
            return batch
        names = [name for name in ("latents", "mask", "metres", "moved", "moved_seen") if name in batch]
        first: Batch = {name: batch[name][rows, : OWN + 1].clone() for name in names}
        first["mask"][:, OWN] = 0.0
        for name in names[3:]:
            first[name][:, :OWN] = 0.0  # by the frame that is not yet there
        frames = batch["latents"].shape[1]
        known = conditions.rows((rows.cpu()[:, None] * frames + torch.arange(OWN + 1)).flatten())
        with torch.no_grad():
            made = second_frame(self.model, known, self.context(first, known), batch["fps"][rows], batch["own_noise"][rows])
        return with_own(self.latent_data.space.to(made.device), batch, rows, made)

    def errors(self, batch: Batch, conditions: Conditions, foreground: float = 0.0) -> ClipErrors:
        """Errors over the frames that are not given, where cells of vehicles count `foreground` times more."""
        clips, frames, _, height, width = batch["latents"].shape
        weight = foreground_weight(conditions, height, width, foreground).unflatten(0, (clips, frames))
        context, stills = self.context(batch, conditions), stills_of(batch)
        if stills is not None:
            asked = unpack(stills)
            stills["weight"] = foreground_weight(asked, height, width, foreground)
            conditions = Conditions.joined([conditions, asked])
        return clip_errors(self.model, batch, conditions, context, weight, stills)

    def losses(self, batch: Batch, samples: int) -> Iterator[tuple[str, Tensor, dict[str, Tensor]]]:
        """Mean squared error over the frames that are not given and over stills, mean absolute error of the frames' estimates."""
        conditions = unpack(batch)
        error, guessed, absolute, of_stills = self.errors(self.with_own(batch, conditions), conditions, self.recipe.foreground)
        task = "predict" if batch["latents"].shape[1] == PREDICTION.frames else "interpolate"
        noted = {task: error.detach(), f"{task}_estimate": guessed.detach()}
        yield "model", error + of_stills + self.recipe.estimate * absolute, noted

    def held_out_batch(
        self, task: Task, part: int, clips: int, given: Sequence[int], own: bool = False
    ) -> tuple[Batch, Conditions]:
        """Tensors and conditions of held-out windows with fixed times and noise; with those that `own` frames are made of."""
        rng = numpy_stream(0, "held-out", part)
        labelled = self.held_out[task].batch(rng, clips, pictures=False)
        assert labelled.latents is not None
        latents = torch.from_numpy(labelled.latents).float()
        metres, moved = self._motion(self.held_out[task], labelled, given, self.recipe.drop_motion < 1)
        times = [diffusion_time(clips * part + i, rng, len(self.model.schedule)) for i in range(clips)]
        batch = {
            "latents": latents,
            "noise": torch.from_numpy(rng.standard_normal(latents.shape, np.float32)),
            "t": torch.stack(times),
            "mask": torch.zeros(latents.shape[:2]),
            "metres": metres,
            **moved,
            "fps": torch.full((clips,), task.fps),
        }
        if own:
            own_rng, moving = numpy_stream(0, "held-out-own", part), self.recipe.drop_motion < 1
            rows = zip(labelled.windows, latents, strict=True)
            batch |= stack([self._own(self.held_out[task], window, clip, True, moving, own_rng) for window, clip in rows])
        batch["mask"][:, list(given)] = 1.0
        device = next(self.model.parameters()).device
        labels = tuple(constant_crowdedness(labels) for labels in labelled.labels)
        conditions = known_conditions(replace(labelled, labels=labels))
        return {name: value.to(device) for name, value in batch.items()}, conditions.to(device)

    def held_out_figures(self, part: int) -> dict[str, float]:
        """Loss on 4 held-out windows of each task that there are some for, and choice of context, at fixed times and noise.

        Without boxes and layout; and where some frames are given, with both ("..._with_layout"). "predict_2_own": frame OWN as the
        model makes it.
        """
        figures: dict[str, float] = {}
        for name, (task, given) in context_cases(self.held_out).items():
            for suffix, dropped in (("", ("boxes", *LAYOUT_GROUPS)), ("_with_layout", ()))[: 1 + bool(given)]:
                own = task is PREDICTION and OWN in given
                batch, conditions = self.held_out_batch(task, part, 4, given, own)
                known = conditions.drop(**dict.fromkeys(dropped, True))
                error, guessed, *_ = self.errors(batch, known)
                figures[f"{name}{suffix}"], figures[f"{name}{suffix}_estimate"] = float(error), float(guessed)
                if own:
                    figures[f"{name}_own{suffix}"] = float(self.errors(self.with_own(batch, known), known).prediction)
        return figures

    def evaluate(self) -> dict[str, float]:
        """Means of `held_out_figures`."""
        return mean_figures([self.held_out_figures(part) for part in range(self.recipe.held_out_batches)])

    def preview(self) -> np.ndarray:
        """Held-out clips of two tasks, of key frames if there are any, each above what is made of the frames that are given."""
        rows = []
        clips = min(2, self.recipe.batch)
        for task in list(self.held_out)[:2]:
            batch, conditions = self.held_out_batch(task, 0, clips, task.given[-1][1])
            latents = batch["latents"]
            context = self.context(batch, conditions)
            noise = torch.randn(latents.shape, generator=torch_stream(0, "preview")).to(latents.device)
            denoise = hold(self.model.denoise(conditions, context, batch["fps"]), context)
            made = sample(denoise, self.model.schedule, noise, PREVIEW_STEPS)
            for clip in range(clips):
                shown = [0, 1, 3, 5, 7, 9] if task is PREDICTION else list(range(0, task.frames, task.frames // 4))
                for source in (latents, made):
                    row = np.concatenate(list(self.latent_data.decode(source[clip, shown])), axis=1)
                    rows.append(np.pad(row, ((0, 0), (0, 6 * NETWORK_WIDTH - row.shape[1]), (0, 0))))
        return np.concatenate(rows, axis=0)

    def finish(self) -> None:
        """Nothing is measured afterwards."""

    def description(self) -> ModelDescription:
        """The configuration of the temporal layers, on top of the image model's weights and of the decoder."""
        return ModelDescription(self.recipe.model.model_dump(mode="json"), self.base, self.latent_data.space.decoder_fingerprint())
