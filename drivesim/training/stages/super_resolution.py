"""Super-resolution: patches of pictures first, then patches of clips with the spatial layers frozen."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import torch
from einops import rearrange
from pydantic import Field
from torch import Tensor, nn

from drivesim.dataset.batches import ClipWindows
from drivesim.dataset.clips import ClipStore
from drivesim.diffusion.ddim import sample
from drivesim.diffusion.denoiser import training_target
from drivesim.metrics.reconstruction import psnr
from drivesim.models.conditions.all_groups import LAYOUT_GROUPS, layout_conditions
from drivesim.models.conditions.conditions import Conditions
from drivesim.models.loading import load_latent_codec
from drivesim.models.super_resolution import MAX_LEVEL, SuperResolution, SuperResolutionConfig, bicubic
from drivesim.tensors import numpy_stream, to_frames, to_network
from drivesim.training.latent_data import diffusion_time, drawn_drops, layout_caches, pack, stack, unpack
from drivesim.training.stage import Batch, Chance, ModelDescription, Recipe, seeded
from drivesim.video_format import UPSAMPLING_FACTOR as FACTOR
from drivesim.video_format import StageName


class SuperResolutionRecipe(Recipe):
    """`crop`: side of the high-resolution patches in pixels; `frames` of a clip, 1 trains on pictures.

    `decoded`: share of patches whose low resolution went through the autoencoder, as it does in a rollout; the others are
    softened by up to `blur` pixels (standard deviation). `sharpening`: weight of the estimate's absolute error, in units of
    the residual. Level and steps of the held-out figures are those of a rollout. `drop_layout`: chance that all layout maps are
    left out, if the model is shown any; each by itself by the chance that its group says.
    """

    model: SuperResolutionConfig = SuperResolutionConfig()
    crop: int = Field(256, ge=32)
    frames: int = Field(1, ge=1, le=8)
    blur: float = Field(0.7, ge=0)
    decoded: float = Field(0.6, ge=0, le=1)
    sharpening: float = Field(1.0, ge=0)
    level: int = Field(50, ge=0, le=MAX_LEVEL)
    steps: int = Field(4, ge=1)
    drop_layout: Chance = 0.15


def shrink(frames: np.ndarray) -> np.ndarray:
    """Pictures uint8 [f h w 3] at a quarter of the size, by area."""
    size = (frames.shape[2] // FACTOR, frames.shape[1] // FACTOR)
    return np.stack([cv2.resize(frame, size, interpolation=cv2.INTER_AREA) for frame in frames])


def soften(low: np.ndarray, sigma: float) -> np.ndarray:
    """Pictures uint8 [f h w 3] blurred by `sigma` pixels."""
    if sigma < 0.2:
        return low
    return np.stack([cv2.GaussianBlur(frame, (0, 0), sigma) for frame in low])


class SuperResolutionStage:
    """Trains the upsampler; with temporal layers these, and what reads the layout, the spatial ones are frozen."""

    name: StageName = "super-resolution"

    def __init__(self, recipe: SuperResolutionRecipe, checkpoints: Path) -> None:
        self.recipe = recipe
        self.space = load_latent_codec(checkpoints / "autoencoder").requires_grad_(False)
        with seeded(recipe.seed):
            self.model = SuperResolution(recipe.model)
        if recipe.model.temporal:
            self.model.network.requires_grad_(False)
            self.model.sharpener.requires_grad_(False)
        self.modules: dict[str, nn.Module] = {"model": self.model}
        layout = [] if self.model.layout is None else [self.model.layout, *self.model.entries.values()]
        self.networks = (self.model.network, self.model.sharpener, *layout)

    def open(self, data: list[Path], held_out: list[Path]) -> None:
        """Clips of the stores, with layouts if the model is shown any."""
        self.windows, self.held_out = self._windows(data), self._windows(held_out)

    def _windows(self, paths: list[Path]) -> ClipWindows:
        stores = [ClipStore(path) for path in paths]
        layouts = layout_caches(stores) if self.recipe.model.layout else None
        return ClipWindows(stores, self.recipe.frames, None, layouts=layouts)

    def draw(self, step: int, index: range) -> Batch:
        """high [b f 3 h w], low [b f 3 h/4 w/4], noise like high, low_noise like low, t and level int64 [b].

        If the model is shown the layout, conditions [b f ...] tell of that of the high resolution.
        """
        return stack([self._sample(i) for i in index])

    def _sample(self, i: int) -> Batch:
        recipe, rng = self.recipe, self.recipe.sample_rng(self.name, i)
        high, conditions = self._patch(rng)
        low = soften(shrink(high), rng.uniform(0, recipe.blur))
        sample: Batch = {
            "high": to_network(high),
            "low": to_network(low),
            "t": diffusion_time(i, rng, len(self.model.schedule)),
            "level": torch.tensor(int(rng.integers(MAX_LEVEL + 1))),
            "decoded": torch.tensor(bool(rng.random() < recipe.decoded)),
            **({} if conditions is None else pack(conditions)),
        }
        for name, like in (("noise", "high"), ("low_noise", "low")):
            sample[name] = torch.from_numpy(rng.standard_normal(sample[like].shape, np.float32))
        return sample

    def _patch(self, rng: np.random.Generator) -> tuple[np.ndarray, Conditions | None]:
        """Pictures uint8 [f h w 3] of a random place, perhaps mirrored, or with what is told of their layout."""
        recipe = self.recipe
        if not recipe.model.layout:
            return self.windows.pictures(rng, self.windows.draw(rng, 1), (recipe.crop, recipe.crop), flip=True)[0], None
        labelled = self.windows.batch(rng, 1)
        assert labelled.frames is not None and labelled.layouts is not None
        frames = labelled.frames[0]
        y, x = (int(rng.integers(side - recipe.crop + 1)) for side in frames.shape[1:3])
        groups = {name: group.dropout.picture for name, group in LAYOUT_GROUPS.items()}
        shown = _cut_layouts(labelled.layouts[0], y, x, (recipe.crop, recipe.crop))
        conditions = shown.drop(**drawn_drops(groups, recipe.drop_layout, rng))
        return frames[:, y : y + recipe.crop, x : x + recipe.crop], conditions

    def _features(self, batch: Batch) -> list[Tensor] | None:
        return self.model.layout_features(unpack(batch, "high")) if self.recipe.model.layout else None

    def _errors(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Squared error of v, and absolute error of the estimate in units of the residual, averaged."""
        model, t = self.model, batch["t"]
        low = torch.where(batch["decoded"][:, None, None, None, None], self._decoded(batch["low"]), batch["low"])
        features = self._features(batch)
        estimate = model.estimate(low, features)
        residual = model.residual(batch["high"], estimate.detach())
        noisy = model.schedule.add_noise(residual, batch["noise"], t)
        output = model(noisy, t, model.augment(low, batch["level"], batch["low_noise"]), batch["level"], features)
        target = training_target("v", model.schedule, residual, batch["noise"], t)
        return (output.float() - target).square().mean(), model.residual(batch["high"], estimate).abs().mean()

    @torch.no_grad()
    def _decoded(self, low: Tensor) -> Tensor:
        """Low resolution [b f 3 h w] as it comes back from the autoencoder."""
        space = self.space.to(low.device)
        return space.decode(space.encode(low.flatten(0, 1))).float().unflatten(0, low.shape[:2])

    def losses(self, batch: Batch, samples: int) -> Iterator[tuple[str, Tensor, dict[str, Tensor]]]:
        """Mean squared error of the prediction, and the estimate's absolute error."""
        error, sharpening = self._errors(batch)
        yield "model", error + self.recipe.sharpening * sharpening, {"v": error.detach(), "estimate": sharpening.detach()}

    def _held_out(self, clips: int) -> tuple[np.ndarray, np.ndarray, list[Conditions | None]]:
        """High and (decoded) low resolution uint8 [n f h w 3] of the middle of held-out frames, and what is told of each clip."""
        labelled = self.held_out.batch(numpy_stream(0, "held-out"), clips)
        frames, layouts = labelled.frames, labelled.layouts
        assert frames is not None
        size = min(256, frames.shape[2]), min(512, frames.shape[3])
        top, left = (frames.shape[2] - size[0]) // 2, (frames.shape[3] - size[1]) // 2
        high = frames[:, :, top : top + size[0], left : left + size[1]]
        low = np.stack([shrink(clip) for clip in high])
        told: list[Conditions | None] = [None] * clips
        if layouts is not None:
            told = [_cut_layouts(clip, top, left, size) for clip in layouts]
        return high, to_frames(self._decoded(to_network(low))), told

    def _upsample(self, low: np.ndarray, conditions: list[Conditions | None]) -> np.ndarray:
        """Pictures [n f 4h 4w 3] of low resolution [n f h w 3]."""
        device = next(self.model.parameters()).device
        made = []
        for i, (clip, told) in enumerate(zip(low, conditions, strict=True)):
            x = to_network(clip)[None]
            rng = numpy_stream(0, "upsample", i)
            shape = (*x.shape[:3], FACTOR * x.shape[3], FACTOR * x.shape[4])
            noise, low_noise = (torch.from_numpy(rng.standard_normal(s, np.float32)) for s in (shape, tuple(x.shape)))
            drawn = x.to(device), noise.to(device), low_noise.to(device)
            features = self.model.layout_features(None if told is None else told.to(device))
            made.append(to_frames(self._upsampled(*drawn, features))[0])
        return np.stack(made)

    def _upsampled(self, low: Tensor, noise: Tensor, low_noise: Tensor, features: list[Tensor] | None) -> Tensor:
        """Frames [1 f 3 4h 4w] of `low` [1 f 3 h w], from unit `noise` [1 f 3 4h 4w] and `low_noise` [1 f 3 h w]."""
        level = torch.full((1,), self.recipe.level, dtype=torch.int64, device=low.device)
        denoise = self.model.denoise(low, level, low_noise, features)
        residual = sample(denoise, self.model.schedule, noise, self.recipe.steps)
        return self.model.refine(self.model.estimate(low, features), residual)

    def _plain(self, low: np.ndarray, conditions: list[Conditions | None]) -> tuple[np.ndarray, np.ndarray]:
        """Pictures [n f 4h 4w 3] of low resolution [n f h w 3]: bicubic, and estimates."""
        device = next(self.model.parameters()).device
        x = to_network(low).to(device)
        estimates = []
        for clip, told in zip(x, conditions, strict=True):
            features = self.model.layout_features(None if told is None else told.to(device))
            estimates.append(to_frames(self.model.estimate(clip[None], features).clamp(-1, 1))[0])
        return to_frames(bicubic(x)), np.stack(estimates)

    def evaluate(self) -> dict[str, float]:
        """PSNR (dB) on held-out clips, 512x256 pixels of each, sampled, estimated and by bicubic upsampling, all of decoded
        latents; and how sharp they are. With the layout if the model is shown it, and without.

        `detail` is the mean absolute difference of neighbouring pixels as a share of the true one, `flicker` how far changes from
        frame to frame are off, as a share of the true ones.
        """
        high, low, conditions = self._held_out(self.recipe.held_out_batches)
        plain, estimated = self._plain(low, conditions)
        cases = {"": self._upsample(low, conditions), "_estimate": estimated, "_bicubic": plain}
        if self.recipe.model.layout:
            cases["_without_layout"] = self._upsample(low, [None] * len(low))
        figures = {}
        for name, made in cases.items():
            flat, truth = (rearrange(x, "n f h w c -> (n f) h w c") for x in (made, high))
            figures[f"psnr{name}"] = float(psnr(flat, truth).mean())
            figures[f"detail{name}"] = float(detail(flat) / detail(truth))
            if self.recipe.frames > 1:
                changes, true_changes = (np.diff(x.astype(np.float32), axis=1) for x in (made, high))
                figures[f"flicker{name}"] = float(np.abs(changes - true_changes).mean() / np.abs(true_changes).mean().clip(1e-6))
        return figures

    def preview(self) -> np.ndarray:
        """Bicubic, estimate, upsampled and true, side by side, for three held-out frames."""
        high, low, conditions = self._held_out(3)
        shown = (*self._plain(low, conditions), self._upsample(low, conditions), high)
        return np.concatenate([np.concatenate([x[i, 0] for x in shown], axis=1) for i in range(3)], axis=0)

    def finish(self) -> None:
        """Nothing is measured afterwards."""

    def description(self) -> ModelDescription:
        """The model's configuration; it stands alone."""
        return ModelDescription(self.recipe.model.model_dump(mode="json"))


def _cut_layouts(layouts: list[np.ndarray | None], y: int, x: int, size: tuple[int, int]) -> Conditions:
    """What is told of a part of `size` (height, width) of each frame, from its layout's planes uint8 [p h w]."""
    height, width = size
    return layout_conditions([None if planes is None else planes[:, y : y + height, x : x + width] for planes in layouts])


def detail(frames: np.ndarray) -> float:
    """Mean absolute difference of neighbouring pixels of uint8 [n h w 3]."""
    return float(np.abs(np.diff(frames.astype(np.int16), axis=2)).mean())
