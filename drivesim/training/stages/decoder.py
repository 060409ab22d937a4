"""The decoder of clips: it begins as that of frames, with temporal layers and the layout (Video LDM, section 3.1.1).

It learns from what it will be given: latents with noise, and latents that a diffusion model made. The latter are the image LDM's
one-step estimates of true latents that were noised: as soft, and as wrong in detail, as what is sampled, yet of known frames.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from einops import rearrange
from pydantic import Field
from torch import Tensor, nn

from drivesim.dataset.batches import ClipWindows, WindowBatch
from drivesim.dataset.layouts import is_known
from drivesim.layout.labelled_flow import labelled_flows
from drivesim.metrics.flicker import steadiness
from drivesim.metrics.reconstruction import gradient_energy, psnr
from drivesim.models.conditions.all_groups import LAYOUT_GROUPS
from drivesim.models.conditions.conditions import Conditions
from drivesim.models.conditions.layout.vehicles import KIND_PLANE
from drivesim.models.image_ldm import ImageLDM
from drivesim.models.latent_space import LatentSpace
from drivesim.models.layers.autoencoder import Autoencoder
from drivesim.models.layers.discriminator import VideoPatchDiscriminator, contested
from drivesim.models.road_view import warp
from drivesim.scene.clip import ClipLabels
from drivesim.tensors import numpy_stream, to_frames, to_network, torch_stream
from drivesim.training.latent_data import LatentData, drawn_drops, flow_within, known_conditions, pack, stack, unpack
from drivesim.training.stage import Batch, Chance, ModelDescription, Recipe, seeded
from drivesim.training.stages.autoencoder import reconstruction_loss
from drivesim.video_format import FRAME_RATES, LATENT_FACTOR, TrainedName

_HELD_OUT_NOISE = 0.2


class ClipDecodingRecipe(Recipe):
    """Clips of `frames` frames and `crop` (height, width) pixels, multiples of 8.

    Latents have noise of a deviation of up to `latent_noise`, 30 % of the clips none. `adversary_weight` is relative: 1 lets the
    discriminator of 3D convolutions pull at the last layer as hard as the error does (at the pixels, where errors point everywhere,
    it would win).
    """

    batch: int = Field(4, ge=1)
    frames: int = Field(6, ge=1)
    crop: tuple[int, int] = (64, 96)
    gradient_weight: float = Field(1.0, ge=0)
    latent_noise: float = Field(0.3, ge=0)
    adversary_weight: float = Field(0.5, ge=0)
    adversary_from: int = Field(0, ge=0)
    adversary_width: int = Field(32, ge=1)


class DecoderRecipe(ClipDecodingRecipe):
    """`fps`: frames a second of the clips, 30 as in finished films; own footage may have another rate.

    A share `stills` of the steps is of as many single frames of all stores, of which there are more worlds than of clips.
    They pass temporal layers alone (LaVie, sec. 3.2: images beside videos, so that what is learned of single frames is kept).
    Errors where the layout has vehicles count `foreground` times more. `generated`: share of the steps on latents that the image
    LDM made, from noise of times up to `generated_time`. `drop_layout`: chance that all layout maps are left out; each by itself
    by the chance that its group says. `steady_weight` of errors that do not move with what they are on (see unsteady_error).
    """

    fps: float = Field(FRAME_RATES[-1], gt=0)
    stills: Chance = 0.4
    foreground: float = Field(2.0, ge=0)
    generated: Chance = 0.3
    generated_time: Chance = 0.6
    drop_layout: Chance = 0.15
    steady_weight: float = Field(1.0, ge=0)


def video_latent_space(space: LatentSpace) -> LatentSpace:
    """The same latent space, with a new decoder of clips that has temporal layers and is shown the layout, bodies included.

    At the start it makes of each frame what the decoder of frames makes, whatever decoder of clips there is.
    """
    config = space.config.model_copy(update={"temporal": True, "layout": True, "bodies": True})
    made = LatentSpace(Autoencoder(config))
    decoder = {f"clip_decoder.{name}": value for name, value in space.autoencoder.decoder.state_dict().items()}
    kept = {name: value for name, value in space.state_dict().items() if name.startswith(("autoencoder.", "shift", "scale"))}
    made.load_state_dict(made.state_dict() | decoder | kept)
    return made


class DecoderStage:
    """Trains the decoder of clips; encoder, latent scale and the decoder of frames stay as they are."""

    name: TrainedName = "decoder"

    def __init__(self, recipe: DecoderRecipe, checkpoints: Path) -> None:
        self.recipe = recipe
        space = LatentSpace.load(checkpoints / "autoencoder")
        self.latent_data = LatentData(space, layouts=True)
        self.image = ImageLDM.load(checkpoints / "image-ldm").requires_grad_(False)
        self.image.check_latents(self.latent_data.fingerprint)
        with seeded(recipe.seed):
            self.space = video_latent_space(space)
            self.space.autoencoder.requires_grad_(False)
            self.modules: dict[str, nn.Module] = {"model": self.space}
            if recipe.adversary_weight > 0:
                self.modules["adversary"] = VideoPatchDiscriminator(recipe.adversary_width)
        assert self.space.clip_decoder is not None and self.space.layout is not None and self.space.entries is not None
        self.last = self.space.clip_decoder.head.weight
        self.networks = (self.space.clip_decoder, self.space.layout, self.space.entries, *list(self.modules.values())[1:])

    def open(self, data: list[Path], held_out: list[Path]) -> None:
        """Clips of the stores, with latents and layouts."""
        self.windows = self.latent_data.windows(data, self.recipe.frames, self.recipe.fps)
        self.stills = self.latent_data.windows(data, 1, None)
        self.held_out = self.latent_data.windows(held_out, self.recipe.frames, self.recipe.fps)

    def draw(self, step: int, index: range) -> Batch:
        """frames [b f 3 h w], whole latents [b f c H W] and noise like them, conditions [b f ...]; crop int64 [b 2]: first cells.

        level float [b] of noise, or t int64 [b] where the latents of this step are generated. Of stills f is 1, and there are as
        many as frames of clips. flow float [b f-1 2 h w], in pixels, from each frame but the first to the one before it, and float
        [b f-1 1 h w], 1 where that is seen.
        """
        recipe = self.recipe
        generated, stills = recipe.sample_rng("generated", step).random(2) < (recipe.generated, recipe.stills)
        if not stills:
            return stack([self._sample(self.windows, recipe.sample_rng(self.name, i), bool(generated)) for i in index])
        streams = [recipe.sample_rng(f"{self.name} still {k}", i) for i in index for k in range(recipe.frames)]
        return stack([self._sample(self.stills, rng, bool(generated)) for rng in streams])

    def _sample(self, windows: ClipWindows, rng: np.random.Generator, generated: bool) -> Batch:
        recipe = self.recipe
        labelled = windows.batch(rng, 1)
        assert labelled.frames is not None and labelled.latents is not None
        latents = torch.from_numpy(labelled.latents[0]).float()
        size = [side // LATENT_FACTOR for side in recipe.crop]
        place = [int(rng.integers(whole - part + 1)) for whole, part in zip(latents.shape[2:], size, strict=True)]
        top, left = (LATENT_FACTOR * cell for cell in place)
        frames = labelled.frames[0][:, top : top + recipe.crop[0], left : left + recipe.crop[1]]
        flow, seen = flow_within(labelled.labels[0], latents.shape[2:], place, size)
        groups = {name: group.dropout.clip for name, group in LAYOUT_GROUPS.items()}
        conditions = known_conditions(labelled).drop(**drawn_drops(groups, recipe.drop_layout, rng))
        shared, own = (rng.standard_normal((n, *latents.shape[1:]), np.float32) for n in (1, len(latents)))
        level = recipe.latent_noise * rng.random() * (rng.random() < 0.7)
        last = int(recipe.generated_time * (len(self.image.schedule) - 1))
        return {
            "frames": to_network(frames),
            "latents": latents,
            "noise": torch.from_numpy((shared + own) / np.float32(2**0.5)),
            "crop": torch.tensor(place),
            "t": torch.tensor(int(rng.integers(last + 1))),
            "level": torch.tensor(level, dtype=torch.float32),
            "generated": torch.tensor(generated),
            "flow": flow,
            "seen": seen,
            **pack(conditions),
        }

    @torch.no_grad()
    def _seen_latents(self, batch: Batch, conditions: Conditions) -> Tensor:
        """What the decoder is given [b f c H W]: noisy latents, or the image LDM's estimates."""
        latents, noise = batch["latents"], batch["noise"]
        if not bool(batch["generated"].all()):
            return latents + batch["level"][:, None, None, None, None] * noise
        image, frames = self.image.to(latents.device), latents.shape[1]
        times = batch["t"].repeat_interleave(frames)
        noisy = image.schedule.add_noise(latents.flatten(0, 1), noise.flatten(0, 1), times)
        return image.denoise(conditions)(noisy, times).unflatten(0, latents.shape[:2]).to(latents.dtype)

    def losses(self, batch: Batch, samples: int) -> Iterator[tuple[str, Tensor, dict[str, Tensor]]]:
        """First the decoder's, then the adversary's."""
        recipe, conditions, frames = self.recipe, unpack(batch), batch["frames"]
        latents = self._seen_latents(batch, conditions)
        latents, conditions = _cropped(latents, conditions, batch["crop"], recipe.crop)
        weight = _vehicle_weight(conditions, recipe.foreground)
        decoded = self._decoded(latents, conditions)
        unsteady = recipe.steady_weight * unsteady_error(decoded - frames, batch["flow"], batch["seen"])
        error = reconstruction_loss(decoded.flatten(0, 1), frames.flatten(0, 1), recipe.gradient_weight, weight)
        yield from contested(recipe, self.modules, unsteady + error, {}, decoded, frames, self.last, samples)

    def _decoded(self, latents: Tensor, conditions: Conditions) -> Tensor:
        """Frames [b f 3 8h 8w], not clipped, of normalised latents [b f c h w]."""
        frames = latents.shape[1]
        made = self.space.decoded_rows(self.space.denormalise(latents.flatten(0, 1)), frames, conditions)
        return rearrange(made, "(b f) c h w -> b f c h w", f=frames)

    def _held_out_clips(self, count: int, *part: int) -> tuple[WindowBatch, Conditions]:
        labelled = self.held_out.batch(numpy_stream(0, "held-out", *part), count)
        return labelled, known_conditions(labelled)

    def _decode(self, labelled: WindowBatch, conditions: Conditions, noise: float, alone: bool = False) -> np.ndarray:
        """Clips uint8 [n f h w 3], with noise on their latents; `alone`: each frame by itself, without layout."""
        assert labelled.latents is not None
        device, frames = next(self.space.parameters()).device, self.recipe.frames
        made = []
        for clip, known in enumerate(torch.from_numpy(labelled.latents).float()):
            added = noise * torch.randn(known.shape, generator=torch_stream(0, "latent noise", clip))
            latents, rows = (known + added).to(device), conditions.rows(slice(clip * frames, (clip + 1) * frames)).to(device)
            frames_made = self.space.decode(latents) if alone else self.space.decode_clip(latents[None], conditions=rows)[0]
            made.append(to_frames(frames_made))
        return np.stack(made)

    def evaluate(self) -> dict[str, float]:
        """Of whole held-out clips, a batch's worth at a time, with noise of 0.2 deviations on their latents: PSNR (dB), the share
        of gradient energy that is kept, and how far changes from frame to frame are off, as a share of the true ones ("flicker");
        "flicker_moved": what changes beyond what the layout moves (see metrics.flicker), times that of the true clips.

        The same without layout, and of frames decoded each by itself ("..._alone"); "clean" is without noise.
        """
        return self._figures(*self._held_out_clips(self.recipe.batch * self.recipe.held_out_batches))

    def held_out_figures(self, part: int) -> dict[str, float]:
        """As `evaluate`, of a batch of clips of its own for every part."""
        return self._figures(*self._held_out_clips(self.recipe.batch, part))

    def held_out_films(self, part: int) -> dict[str, np.ndarray]:
        """The clips uint8 [n f h w 3] of a part as they were ("rendered"), and as they are decoded with their layout ("made"), and
        without noise on their latents ("made_clean")."""
        labelled, conditions = self._held_out_clips(self.recipe.batch, part)
        assert labelled.frames is not None
        made, clean = (self._decode(labelled, conditions, noise) for noise in (_HELD_OUT_NOISE, 0.0))
        return {"rendered": labelled.frames, "made": made, "made_clean": clean}

    def _figures(self, labelled: WindowBatch, conditions: Conditions) -> dict[str, float]:
        nothing = conditions.drop(**dict.fromkeys(LAYOUT_GROUPS, True))
        cases = {"": (conditions, _HELD_OUT_NOISE, False), "_without_layout": (nothing, _HELD_OUT_NOISE, False),
                 "_alone": (nothing, _HELD_OUT_NOISE, True), "_clean": (conditions, 0.0, False)}  # fmt: skip
        assert labelled.frames is not None
        figures: dict[str, float] = {}
        true_flicker = moved_flicker(labelled.frames, labelled.labels)
        for name, (given, noise, alone) in cases.items():
            made = self._decode(labelled, given, noise, alone)
            figures |= clip_figures(made, labelled.frames, name)
            if np.isfinite(true_flicker):
                figures[f"flicker_moved{name}"] = moved_flicker(made, labelled.labels) / true_flicker
        return figures

    def preview(self) -> np.ndarray:
        """Held-out frames; decoded from noisy latents each by itself, as clips, and as clips with their layout."""
        labelled, conditions = self._held_out_clips(3)
        nothing = conditions.drop(**dict.fromkeys(LAYOUT_GROUPS, True))
        cases = ((nothing, True), (nothing, False), (conditions, False))
        assert labelled.frames is not None
        shown = [labelled.frames, *(self._decode(labelled, given, _HELD_OUT_NOISE, alone) for given, alone in cases)]
        return np.concatenate([np.concatenate(list(clips[:, 0]), axis=1) for clips in shown])

    def finish(self) -> None:
        """Nothing is measured afterwards."""

    def description(self) -> ModelDescription:
        """The autoencoder's configuration; it stands alone."""
        return ModelDescription(self.space.config.model_dump(mode="json"))


def _vehicle_weight(conditions: Conditions, extra: float) -> Tensor:
    """Weight of each pixel's error [b 1 h w], or [b 1 1 1] if no layout is known: 1 + `extra` where it has vehicles."""
    vehicles = conditions["vehicles"]
    there = (vehicles["planes"][:, KIND_PLANE] > 0) & vehicles.given[:, None, None]
    return 1.0 + extra * there[:, None].float()


def unsteady_error(error: Tensor, flow: Tensor, seen: Tensor) -> Tensor:
    """By how much errors [b f 3 h w] differ from those of the frame before, moved by `flow` [b f-1 2 h w], where `seen`
    [b f-1 1 h w] is 1.

    L1 on pixels, and on means of 2x2. What is wrong alike in all frames is no flicker; what is wrong in each by itself is.
    """
    if flow.shape[1] == 0:
        return error.new_zeros(())
    before, now = error[:, :-1].float().flatten(0, 1), error[:, 1:].float().flatten(0, 1)
    shown = seen.flatten(0, 1)
    change = (now - warp(before, flow.flatten(0, 1))) * shown
    whole = change.shape[1] * shown.sum().clamp(min=1.0)
    return change.abs().sum() / whole + 4 * F.avg_pool2d(change, 2).abs().sum() / whole


def clip_figures(made: np.ndarray, truth: np.ndarray, suffix: str = "") -> dict[str, float]:
    """PSNR, edges and flicker of clips uint8 [n f h w 3] beside the true ones: see DecoderStage.evaluate."""
    figures = {
        f"psnr{suffix}": float(psnr(made, truth).mean()),
        f"edges{suffix}": float(gradient_energy(made).sum() / gradient_energy(truth).sum()),
    }
    if truth.shape[1] > 1:
        changes, true_changes = (np.diff(clips.astype(np.float32), axis=1) for clips in (made, truth))
        figures[f"flicker{suffix}"] = float(np.abs(changes - true_changes).mean() / np.abs(true_changes).mean().clip(1e-6))
    return figures


def moved_flicker(clips: np.ndarray, labels: Sequence[ClipLabels]) -> float:
    """Flicker (see metrics.flicker.Steadiness) of clips uint8 [n f h w 3] with their labels, on average.

    NaN where none is known.
    """
    each = []
    for clip, known in zip(clips, labels, strict=True):
        if len(known) > 1 and all(is_known(known, frame) for frame in range(len(known))):
            flows, _ = labelled_flows(known, range(len(known) - 1), *clip.shape[1:3])
            each.append(steadiness(clip[:-1], clip[1:], flows).flicker)
    return float(np.nanmean(each)) if np.isfinite(each).any() else float("nan")


def _cropped(
    latents: Tensor, conditions: Conditions, places: Tensor, crop: tuple[int, int]
) -> tuple[Tensor, Conditions]:
    """Latents [b f c h w] and planes [(b f) p 8h 8w] of a crop of `crop` pixels, whose first cells are `places` [b 2]."""
    height, width = (side // LATENT_FACTOR for side in crop)
    corners = places.tolist()
    cut = torch.stack([clip[:, :, y : y + height, x : x + width] for clip, (y, x) in zip(latents, corners, strict=True)])
    for name in LAYOUT_GROUPS:
        rows = conditions[name]
        planes = rows["planes"]
        if planes.shape[-1] == 1:
            continue
        clips = planes.unflatten(0, latents.shape[:2])
        parts = [
            clip[:, :, LATENT_FACTOR * y : LATENT_FACTOR * y + crop[0], LATENT_FACTOR * x : LATENT_FACTOR * x + crop[1]]
            for clip, (y, x) in zip(clips, corners, strict=True)
        ]
        conditions = conditions.replace(name, replace(rows, fields={"planes": torch.stack(parts).flatten(0, 1)}))
    return cut, conditions
