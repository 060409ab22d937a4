"""Super-resolution: patches of pictures first, then patches of clips with the spatial layers frozen."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path

import cv2
import numpy as np
import torch
from einops import rearrange
from pydantic import Field
from torch import Tensor, nn

from drivesim.config import InputError
from drivesim.dataset.batches import ClipWindow, ClipWindows, StillMotion, clip_patch
from drivesim.dataset.clips import ClipStore
from drivesim.dataset.layouts import is_known
from drivesim.diffusion.denoiser import denoiser, training_target
from drivesim.diffusion.texture import texture_score
from drivesim.layout.planes import Plane, layout_planes
from drivesim.layout.scene_at import SceneAt
from drivesim.metrics.reconstruction import detail, psnr
from drivesim.models.conditions.all_groups import LAYOUT_GROUPS, label_conditions, layout_conditions
from drivesim.models.conditions.conditions import Conditions
from drivesim.models.conditions.layout.pyramid import LayoutFeatures
from drivesim.models.conditions.layout.vehicles import KIND_PLANE
from drivesim.models.loading import load_latent_codec
from drivesim.models.super_resolution import MAX_LEVEL, SuperResolution, SuperResolutionConfig, bicubic
from drivesim.scene.classes import SceneClass
from drivesim.tensors import computes_bfloat16, numpy_stream, to_frames, to_network
from drivesim.training.latent_data import diffusion_time, drawn_drops, layout_caches, pack, stack, unpack
from drivesim.training.stage import Batch, Chance, ModelDescription, Recipe, seeded
from drivesim.video_format import UPSAMPLING_FACTOR as FACTOR
from drivesim.video_format import StageName

HeldOutClips = tuple[np.ndarray, np.ndarray, list[Conditions | None]]
_PART = 4  # clips
_LATENT_NOISE = 0.2  # deviations, of held-out latents, as the decoder of clips is measured
_TEXTURED = SceneClass.ROAD, SceneClass.GROUND, SceneClass.VEGETATION  # no low resolution tells their texture
_SPECK = 160  # of 255, how far specks are off at most


class SuperResolutionRecipe(Recipe):
    """`crop`: side of the high-resolution patches in pixels, a multiple of 4; `frames` of a clip, 1 trains on pictures.

    Their low resolution is the frames' own, spoiled as generated frames are: softened by up to `blur` pixels (standard
    deviation), edges astray by up to `wobble` pixels (likewise), specks on a share of up to `specks` of the pixels. Decoded latents
    are off by more than that: from them it would learn to draw means.
    A share `stills` of the patches are one frame that moves as a clip, for temporal layers (LaVie); its layout is not known then.
    `sharpening`: weight of the estimate's absolute error, in units of the residual. `texture`: weight of texture_score for what a
    rollout's first step samples, where layouts are shown: no low resolution tells that of road, ground and vegetation. Level, steps
    and `sampling_noise` of the held-out figures are those of a rollout; there `shared_noise` makes a clip's frames from one noise.
    `vehicles`: share of patches that show a labelled vehicle, where there is one. `drop_layout`: chance that all layout maps are
    left out; each by itself by its group's chance.
    """

    model: SuperResolutionConfig = SuperResolutionConfig()
    crop: int = Field(256, ge=32, multiple_of=FACTOR)
    frames: int = Field(1, ge=1, le=8)
    blur: float = Field(0.5, ge=0)
    texture: float = Field(2.0, ge=0)
    wobble: float = Field(0.5, ge=0)
    specks: Chance = 0.01
    sharpening: float = Field(1.0, ge=0)
    vehicles: Chance = 0.5
    stills: Chance = 0.0
    level: int = Field(50, ge=0, le=MAX_LEVEL)
    steps: int = Field(1, ge=1)
    sampling_noise: float = Field(0.5, gt=0, le=1)
    shared_noise: bool = True
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


def spoil(low: np.ndarray, wobble: float, specks: float, rng: np.random.Generator) -> np.ndarray:
    """Pictures uint8 [f h w 3] with edges astray by `wobble` pixels (standard deviation) and specks on a share of the pixels."""
    height, width = low.shape[1:3]
    rows, columns = np.indices((height, width), np.float32)
    spoiled = []
    for frame in low:
        coarse = rng.normal(0, wobble, (2, height // 2 + 1, width // 2 + 1)).astype(np.float32)
        down, right = (cv2.resize(part, (width, height), interpolation=cv2.INTER_CUBIC) for part in coarse)
        astray = cv2.remap(frame, columns + right, rows + down, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT)
        hit = (rng.random((height, width)) < specks) * rng.uniform(-_SPECK, _SPECK, (height, width))
        dots = cv2.GaussianBlur(hit, (0, 0), 0.5)[..., None] * rng.uniform(0.6, 1, 3)
        spoiled.append((astray + dots).clip(0, 255).round().astype(np.uint8))
    return np.stack(spoiled)


class SuperResolutionStage:
    """Trains the upsampler; with temporal layers these, and what reads the layout, the spatial ones are frozen."""

    name: StageName = "super-resolution"

    def __init__(self, recipe: SuperResolutionRecipe, checkpoints: Path) -> None:
        if recipe.stills and not (recipe.model.temporal and recipe.frames > 1):
            raise InputError("stills: are moved as clips for temporal layers; give 2 frames or more and temporal in model, or 0")
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
        self.decoded = cache(self._decoded)

    def open(self, data: list[Path], held_out: list[Path]) -> None:
        """Clips of the stores, with layouts if the model is shown any."""
        self.windows, self.held_out = self._windows(data), self._windows(held_out)

    def _windows(self, paths: list[Path]) -> ClipWindows:
        stores = [ClipStore(path) for path in paths]
        layouts = layout_caches(stores) if self.recipe.model.layout else None
        return ClipWindows(stores, self.recipe.frames, None, layouts=layouts)

    @torch.no_grad()
    def _decoded(self, store: ClipStore, number: int) -> np.ndarray:
        """The low resolution of a held-out clip as the decoder of clips gives it back from noisy latents: uint8 [f h w 3]."""
        clip, device = store.read(number), next(self.space.parameters()).device
        low, labels = shrink(clip.frames), clip.labels
        size = low.shape[1:3]
        planes = [layout_planes(SceneAt.labelled(labels, i), *size) if is_known(labels, i) else None for i in range(len(low))]
        conditions = label_conditions([labels], planes).to(device)
        rng = numpy_stream(0, "latents", number)
        with torch.autocast(device.type, torch.bfloat16, enabled=computes_bfloat16(device)):
            latents = self.space.encode(to_network(low).to(device)).float()
            noise = torch.from_numpy(rng.standard_normal(latents.shape, np.float32)).to(device)
            noisy = latents + _LATENT_NOISE * noise
            return to_frames(self.space.decode_clip(noisy[None], conditions=conditions)[0].float())

    def draw(self, step: int, index: range) -> Batch:
        """high [b f 3 h w], low [b f 3 h/4 w/4], noise like high, low_noise like low, t and level int64 [b].

        If the model is shown the layout, conditions [b f ...] tell of that of the high resolution, and textured float [b f 1 h w]
        is 1 on road, ground and vegetation.
        """
        return stack([self._sample(i) for i in index])

    def _sample(self, i: int) -> Batch:
        recipe, rng = self.recipe, self.recipe.sample_rng(self.name, i)
        (window,) = self.windows.draw(rng, 1)
        frames = self.windows.stores[window.store].pictures(*window[1:])
        y, x = self._place(window, frames.shape[1:3], rng)
        motion = self._motion(i)
        high = clip_patch(frames, (y, x), recipe.crop, motion)
        low = soften(shrink(high), rng.uniform(0, recipe.blur))
        wobble, specks = rng.random(2) * (recipe.wobble, recipe.specks)
        sample: Batch = {
            "high": to_network(high),
            "low": to_network(spoil(low, wobble, specks, rng)),
            "t": diffusion_time(i, rng, len(self.model.schedule)),
            "level": torch.tensor(int(rng.integers(MAX_LEVEL + 1))),
        }
        if self.windows.layouts is not None:
            known = self.windows.layouts[window.store].read(*window[1:])
            known = known if motion is None else [None for _ in known]
            sample |= pack(self._shown(known, y, x, rng)) | {"textured": _textured(known, y, x, recipe.crop)}
        for name, like in (("noise", "high"), ("low_noise", "low")):
            sample[name] = torch.from_numpy(rng.standard_normal(sample[like].shape, np.float32))
        return sample

    def _place(self, window: ClipWindow, size: tuple[int, ...], rng: np.random.Generator) -> tuple[int, int]:
        """Where a patch begins in frames of `size` (height, width): anywhere, or so that a vehicle of the first is in it."""
        crop = self.recipe.crop
        y, x = (int(rng.integers((side - crop) // FACTOR + 1)) for side in size)
        if rng.random() < self.recipe.vehicles:
            boxes = self.windows.stores[window.store].labels(window.clip, window.start, window.start + 1).boxes[0]
            if boxes is not None and len(boxes):
                x1, y1, x2, y2 = boxes.box[rng.integers(len(boxes))]
                share = rng.random(2)
                middle = size[0] * (y1 + share[0] * (y2 - y1)), size[1] * (x1 + share[1] * (x2 - x1))
                y, x = (
                    int(np.clip(place - crop / 2, 0, side - crop)) // FACTOR for place, side in zip(middle, size, strict=True)
                )
        return FACTOR * y, FACTOR * x

    def _motion(self, i: int) -> StillMotion | None:
        """How the first frame of patch number `i` moves as a clip; None if the clip's own frames are taken."""
        rng = self.recipe.sample_rng(f"{self.name} still", i)
        return StillMotion.draw(rng) if rng.random() < self.recipe.stills else None

    def _shown(self, layouts: list[np.ndarray | None], y: int, x: int, rng: np.random.Generator) -> Conditions:
        """What is told of a patch's layout, from that of whole frames, None where it is not known."""
        groups = {name: group.dropout.picture for name, group in LAYOUT_GROUPS.items()}
        side = (self.recipe.crop, self.recipe.crop)
        return _cut_layouts(layouts, y, x, side).drop(**drawn_drops(groups, self.recipe.drop_layout, rng))

    def _features(self, batch: Batch) -> LayoutFeatures | None:
        return self.model.layout_features(unpack(batch, "high")) if self.recipe.model.layout else None

    def losses(self, batch: Batch, samples: int) -> Iterator[tuple[str, Tensor, dict[str, Tensor]]]:
        """Mean squared error of v, absolute error of the estimate in units of the residual, and the texture's energy score."""
        model, t, recipe = self.model, batch["t"], self.recipe
        low, features = batch["low"], self._features(batch)
        estimate = model.estimate(low, features)
        residual = model.residual(batch["high"], estimate.detach())
        augmented = model.augment(low, batch["level"], batch["low_noise"])
        output = model(model.schedule.add_noise(residual, batch["noise"], t), t, augmented, batch["level"], features)
        target = training_target("v", model.schedule, residual, batch["noise"], t)
        noted = {"v": (output.float() - target).square().mean(), "estimate": model.residual(batch["high"], estimate).abs().mean()}
        loss = noted["v"] + recipe.sharpening * noted["estimate"]
        if recipe.texture and "textured" in batch:
            first = max(1, round(recipe.sampling_noise * len(model.schedule))) - 1
            noise = float(model.schedule.sigma[first]) * batch["noise"]
            other = noise.roll((1, recipe.crop // 2), (0, -1))
            denoise = denoiser(lambda x, t: model(x, t, augmented, batch["level"], features), model.schedule, "v")
            one, two = (denoise(x, torch.full_like(t, first)).flatten(0, 1) for x in (noise, other))
            begun = estimate.detach().flatten(0, 1) / recipe.model.residual_std
            one, two, truth = (begun + made for made in (one, two, residual.flatten(0, 1)))
            noted["texture"] = texture_score(one, two, truth, batch["textured"].flatten(0, 1))
            loss = loss + recipe.texture * noted["texture"]
        yield "model", loss, {name: value.detach() for name, value in noted.items()}

    def _held_out(self, clips: int, *part: int) -> HeldOutClips:
        """High and decoded low resolution uint8 [n f h w 3] of the middle of held-out frames, and what is told of each clip."""
        windows = self.held_out
        drawn = windows.draw(numpy_stream(0, "held-out", *part), clips)
        frames = windows.pictures(numpy_stream(0), drawn)
        size = min(256, frames.shape[2]), min(512, frames.shape[3])
        top, left = ((whole - side) // 2 // FACTOR * FACTOR for whole, side in zip(frames.shape[2:4], size, strict=True))
        high = frames[:, :, top : top + size[0], left : left + size[1]]
        y, x, height, width = (number // FACTOR for number in (top, left, *size))
        decoded = [self.decoded(windows.stores[i], clip)[start:stop:step] for i, clip, start, stop, step in drawn]
        low = np.stack([each[:, y : y + height, x : x + width] for each in decoded])
        told: list[Conditions | None] = [None] * clips
        if windows.layouts is not None:
            told = [_cut_layouts(windows.layouts[window.store].read(*window[1:]), top, left, size) for window in drawn]
        return high, low, told

    def _upsample(self, low: np.ndarray, conditions: list[Conditions | None], level: int | None = None) -> np.ndarray:
        """Pictures [n f 4h 4w 3] of low resolution [n f h w 3], at a rollout's level or another."""
        level = self.recipe.level if level is None else level
        device = next(self.model.parameters()).device
        made = []
        for i, (clip, told) in enumerate(zip(low, conditions, strict=True)):
            x = to_network(clip)[None]
            rng = numpy_stream(0, "upsample", i)
            frames = 1 if self.recipe.shared_noise else len(clip)
            shapes = (1, frames, 3, FACTOR * x.shape[3], FACTOR * x.shape[4]), (1, frames, *x.shape[2:])
            noise, low_noise = (torch.from_numpy(rng.standard_normal(s, np.float32)).to(device) for s in shapes)
            noise, low_noise = (one.expand(-1, len(clip), -1, -1, -1) for one in (noise, low_noise))
            features = self.model.layout_features(None if told is None else told.to(device))
            levels, recipe = torch.full((1,), level, dtype=torch.int64, device=device), self.recipe
            high = self.model.upsample(
                x.to(device), levels, low_noise, noise, features, steps=recipe.steps, share=recipe.sampling_noise
            )
            made.append(to_frames(high)[0])
        return np.stack(made)

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
        """PSNR (dB) on held-out clips, 512x256 pixels of each, sampled, estimated and bicubic, all of decoded latents, and how
        sharp they are; with the layout if the model is shown it, and without. "clean" is of the true low resolution at level 0.

        "_vehicles" is of the pixels that show vehicles alone. `detail` is the mean absolute difference of neighbouring pixels as a
        share of the true one, `flicker` how far changes from frame to frame are off, as a share of the true ones.
        """
        return self._figures(*self._held_out(self.recipe.held_out_batches))

    def held_out_figures(self, part: int) -> dict[str, float]:
        """As `evaluate`, of a few clips of its own for every part."""
        return self._figures(*self._held_out(_PART, part))

    def held_out_films(self, part: int) -> dict[str, np.ndarray]:
        """Clips uint8 [n f h w 3]: "rendered", upsampled ("made"), and from their true low resolution ("made_clean")."""
        high, low, told = self._held_out(_PART, part)
        clean = self._upsample(np.stack([shrink(clip) for clip in high]), told, 0)
        return {"rendered": high, "made": self._upsample(low, told), "made_clean": clean}

    def _figures(self, high: np.ndarray, low: np.ndarray, conditions: list[Conditions | None]) -> dict[str, float]:
        plain, estimated = self._plain(low, conditions)
        clean = np.stack([shrink(clip) for clip in high])
        cases = {"": self._upsample(low, conditions), "_estimate": estimated, "_bicubic": plain,
                 "_clean": self._upsample(clean, conditions, 0), "_clean_bicubic": self._plain(clean, conditions)[0]}  # fmt: skip
        if self.recipe.model.layout:
            cases["_without_layout"] = self._upsample(low, [None] * len(low))
        figures: dict[str, float] = {}
        moving = np.concatenate([_vehicle_pixels(told, clip.shape) for told, clip in zip(conditions, high, strict=True)])
        for name, made in cases.items():
            flat, truth = (rearrange(x, "n f h w c -> (n f) h w c") for x in (made, high))
            figures[f"psnr{name}"] = float(psnr(flat, truth).mean())
            figures[f"detail{name}"] = float(detail(flat) / detail(truth))
            if len(error := ((flat.astype(np.float64) - truth) ** 2)[moving]):
                figures[f"psnr{name}_vehicles"] = float(10 * np.log10(255**2 / error.mean()))
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


def _textured(layouts: list[np.ndarray | None], y: int, x: int, crop: int) -> Tensor:
    """Where patches show road, ground or vegetation, no marking and no vehicle, by their layout: float [f 1 h w]."""
    shown = np.zeros((len(layouts), 1, crop, crop), np.float32)
    for into, planes in zip(shown, layouts, strict=True):
        if planes is not None:
            part = planes[:, y : y + crop, x : x + crop]
            into[0] = np.isin(part[Plane.SCENE_CLASS], _TEXTURED) & (part[Plane.KIND] == 0) & (part[Plane.MARKING] == 0)
    return torch.from_numpy(shown)


def _vehicle_pixels(told: Conditions | None, shape: tuple[int, ...]) -> np.ndarray:
    """Which pixels of frames [f h w 3] show vehicles, by their layout, if it is known: bool [f h w]."""
    if told is None:
        return np.zeros(shape[:3], bool)
    return np.broadcast_to(told["vehicles"]["planes"][:, KIND_PLANE].numpy() > 0, shape[:3])
