"""Autoencoder: absolute error of pixels and edges, latents that diffusion models learn easily, and later a patch adversary.

Latents are made easy to learn in two ways. They are decoded with noise added, because what a diffusion model samples is
never exact (l-DeTok, arXiv 2507.15856); and latents averaged over 2x2 cells must decode to frames averaged over 2x2 pixels
(scale equivariance: arXiv 2502.14831, 2502.09509).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor, nn

from drivesim.config import InputError
from drivesim.dataset.batches import FrameSource
from drivesim.metrics.reconstruction import gradient_energy, luma, psnr
from drivesim.models.latent_space import LatentSpace
from drivesim.models.layers.autoencoder import Autoencoder, AutoencoderConfig, kl_divergence
from drivesim.models.layers.discriminator import PatchDiscriminator, contested
from drivesim.scene.boxes import MIN_VISIBLE, Boxes
from drivesim.tensors import numpy_stream, to_frames, to_network, torch_stream
from drivesim.training.stage import Batch, ModelDescription, Recipe, seeded
from drivesim.video_format import StageName


class AutoencoderRecipe(Recipe):
    """`crop` height and width in pixels; weights of the loss terms; the adversary acts from `adversary_from` samples on.

    `adversary_weight` is relative: 1 lets the adversary pull at the decoder's last layer as hard as the error does (VQGAN,
    arXiv 2012.09841, eq. 7). `input_noise`: largest deviation of noise on the frames that the encoder sees, of 1; they are to
    be made without it. `latent_noise`: largest deviation of noise on latents, in deviations of their own; 30 % of the crops
    get none. `equivariance`: weight of the error at half size. Where vehicles are, errors count `foreground` times more: those
    far away are a few pixels of a picture, and most of what it is made for.

    `decoder_only` goes on from an autoencoder, that of the checkpoints if no other is given, and keeps its encoder and latent
    scale, so that all that was trained on these latents stays valid.
    """

    model: AutoencoderConfig = AutoencoderConfig()
    crop: tuple[int, int] = (64, 96)
    gradient_weight: float = 1.0
    kl_weight: float = 1e-5
    adversary_weight: float = 0.0
    adversary_from: int = 0
    adversary_width: int = 48
    input_noise: float = Field(0.0, ge=0)
    latent_noise: float = Field(0.0, ge=0)
    equivariance: float = Field(0.0, ge=0)
    foreground: float = Field(0.0, ge=0)
    decoder_only: bool = False

    @property
    def origin(self) -> StageName | None:
        """See `decoder_only`."""
        return "autoencoder" if self.decoder_only else None


def reconstruction_loss(made: Tensor, frames: Tensor, gradient_weight: float, weight: Tensor | None = None) -> Tensor:
    """L1 on pixels plus L1 on horizontal and vertical differences at scales 1, 1/2 and 1/4: edges must be where they are.

    `weight` [b 1 h w] of each pixel's error, 1 if not given.
    """
    error = (made - frames).float() if weight is None else (made - frames).float() * weight
    loss = error.abs().mean()
    for scale in range(3):
        across, down = error.diff(dim=-1).abs().mean(), error.diff(dim=-2).abs().mean()
        loss = loss + gradient_weight * (across + down) / 2
        if scale < 2:
            error = F.avg_pool2d(error, 2)
    return loss


def vehicle_map(boxes: Boxes | None, height: int, width: int) -> np.ndarray:
    """Where vehicles are seen: float32 [1 h w], 1 in the boxes of those that are at least 30 % visible."""
    seen = np.zeros((1, height, width), np.float32)
    if boxes is not None:
        corners = np.clip(boxes.box[boxes.visible_by(MIN_VISIBLE)], 0, 1) * np.array([width, height] * 2)
        for x1, y1, x2, y2 in np.concatenate([np.floor(corners[:, :2]), np.ceil(corners[:, 2:])], axis=1).astype(int):
            seen[:, y1:y2, x1:x2] = 1
    return seen


def far_likeness(decoded: np.ndarray, frames: np.ndarray, boxes: Sequence[Boxes | None]) -> dict[str, float]:
    """Mean correlation of brightness, within their boxes, of vehicles 6 to 14 px high in `decoded` and in `frames` [n h w 3].

    Nothing if there are none that are half visible.
    """
    alike = []
    for made, true, known in zip(luma(decoded), luma(frames), boxes, strict=True):
        if known is None:
            continue
        corners = np.round(known.box[known.visible_by(0.5)] * np.array([true.shape[1], true.shape[0]] * 2)).astype(int)
        for x1, y1, x2, y2 in corners[(corners[:, 3] - corners[:, 1] >= 6) & (corners[:, 3] - corners[:, 1] <= 14)]:
            one, other = made[y1:y2, x1:x2].ravel(), true[y1:y2, x1:x2].ravel()
            if len(one) > 1 and one.std() > 0 and other.std() > 0:
                alike.append(np.corrcoef(one, other)[0, 1])
    return {"far_likeness": float(np.mean(alike))} if alike else {}


class AutoencoderStage:
    """Trains the LatentSpace: the autoencoder on crops, then the latent scale on whole frames."""

    name: StageName = "autoencoder"

    def __init__(self, recipe: AutoencoderRecipe) -> None:
        if recipe.model.temporal or recipe.model.layout:
            raise InputError("model: temporal and layout are for the decoder of clips; leave them false, and then `train decoder`")
        self.recipe = recipe
        with seeded(recipe.seed):
            self.space = LatentSpace(Autoencoder(recipe.model))
            if recipe.decoder_only:
                self.space.autoencoder.encoder.requires_grad_(False)
            self.modules: dict[str, nn.Module] = {"model": self.space}
            if recipe.adversary_weight > 0:
                self.modules["adversary"] = PatchDiscriminator(recipe.adversary_width)
        autoencoder = self.space.autoencoder
        self.networks = (autoencoder.encoder, autoencoder.decoder, *list(self.modules.values())[1:])

    def open(self, data: list[Path], held_out: list[Path]) -> None:
        """Frames of the stores, those to learn from in memory."""
        self.source = FrameSource(data, preload=True)
        self.held_out = FrameSource(held_out)

    def draw(self, step: int, index: range) -> Batch:
        """frames [b 3 h w] crops and what the encoder sees of them, weight [b 1 h w]; noise [b z h/8 w/8] of posterior, latents."""
        recipe, factor = self.recipe, Autoencoder.factor
        shape = (recipe.model.latent_channels, recipe.crop[0] // factor, recipe.crop[1] // factor)
        names = ("frames", "weight", "seen", "posterior_noise", "latent_noise")
        samples: dict[str, list[np.ndarray]] = {name: [] for name in names}
        for i in index:
            rng = recipe.sample_rng(self.name, i)
            picture, boxes = self.source.frame_with_boxes(rng, recipe.crop)
            frame = to_network(picture).numpy()
            samples["frames"].append(frame)
            samples["weight"].append(np.float32(1) + np.float32(recipe.foreground) * vehicle_map(boxes, *recipe.crop))
            samples["posterior_noise"].append(rng.standard_normal(shape, np.float32))
            level = recipe.latent_noise * rng.random() * (rng.random() < 0.7)
            samples["latent_noise"].append(np.float32(level) * rng.standard_normal(shape, np.float32))
            level = 2 * recipe.input_noise * rng.random()
            samples["seen"].append(frame + np.float32(level) * rng.standard_normal(frame.shape, np.float32))
        return {name: torch.from_numpy(np.stack(rows)) for name, rows in samples.items()}

    def losses(self, batch: Batch, samples: int) -> Iterator[tuple[str, Tensor, dict[str, Tensor]]]:
        """First the autoencoder's, then the adversary's."""
        recipe, autoencoder = self.recipe, self.space.autoencoder
        frames = batch["frames"].contiguous(memory_format=torch.channels_last)
        mean, logvar = autoencoder.encode(batch["seen"].contiguous(memory_format=torch.channels_last))
        spread = self.space.scale if recipe.decoder_only else mean.detach().float().std(dim=(0, 2, 3))
        latents = mean + torch.exp(0.5 * logvar) * batch["posterior_noise"] + spread[:, None, None] * batch["latent_noise"]
        decoded = autoencoder.decode(latents)
        loss = reconstruction_loss(decoded, frames, recipe.gradient_weight, batch["weight"])
        noted: dict[str, Tensor] = {}
        if recipe.equivariance > 0:
            pooled, weight = F.avg_pool2d(frames, 2), F.avg_pool2d(batch["weight"], 2)
            small = reconstruction_loss(autoencoder.decode(F.avg_pool2d(mean, 2)), pooled, recipe.gradient_weight, weight)
            loss = loss + recipe.equivariance * small
            noted["half_size"] = small.detach()
        loss = loss + recipe.kl_weight * kl_divergence(mean.float(), logvar.float())
        yield from contested(recipe, self.modules, loss, noted, decoded, frames, autoencoder.decoder.head.weight, samples)

    def _held_out_frames(self, count: int) -> tuple[np.ndarray, list[Boxes | None]]:
        rng = numpy_stream(0, "held-out")
        pictures, boxes = zip(*(self.held_out.frame_with_boxes(rng) for _ in range(count)), strict=True)
        return np.stack(pictures), list(boxes)

    def _reconstruct(self, frames: np.ndarray, noise: float = 0.0) -> np.ndarray:
        """`frames` through the autoencoder, with noise of `noise` deviations on the latents of each part of eight."""
        device = next(self.space.parameters()).device
        generator = torch_stream(0, "latent noise")
        decoded = []
        for part in np.array_split(frames, max(1, len(frames) // 8)):
            latents = self.space.autoencoder.encode(to_network(part).to(device))[0]
            deviation = noise * latents.std(dim=(0, 2, 3), keepdim=True)
            latents = latents + deviation * torch.randn(latents.shape, generator=generator).to(latents)
            decoded.append(to_frames(self.space.autoencoder.decode(latents)))
        return np.concatenate(decoded)

    def evaluate(self) -> dict[str, float]:
        """Over whole held-out frames, 8 a batch: PSNR (dB), mean and of the worst tenth; the share of gradient energy that
        is kept; PSNR with noise of 0.2 deviations on the latents; how alike vehicles far away stay, see `far_likeness`."""
        frames, boxes = self._held_out_frames(8 * self.recipe.held_out_batches)
        decoded = self._reconstruct(frames)
        figures = psnr(decoded, frames)
        return {
            "psnr": float(figures.mean()),
            "psnr_worst": float(np.sort(figures)[: -(-len(figures) // 10)].mean()),
            "edges": float(gradient_energy(decoded).sum() / gradient_energy(frames).sum()),
            "psnr_noisy": float(psnr(self._reconstruct(frames, 0.2), frames).mean()),
        } | far_likeness(decoded, frames, boxes)

    def preview(self) -> np.ndarray:
        """Held-out frames above their reconstructions."""
        frames, _ = self._held_out_frames(6)
        pairs = np.concatenate([frames, self._reconstruct(frames)], axis=1)
        return np.concatenate([np.concatenate(list(pairs[i : i + 3]), axis=1) for i in (0, 3)], axis=0)

    def finish(self) -> None:
        """Measures shift and scale of the latents on whole frames, unless these are to stay."""
        if self.recipe.decoder_only:
            return
        frames = self.source.frames(numpy_stream(0, "scale"), 256, None)
        device = next(self.space.parameters()).device
        with torch.no_grad():
            self.space.fit(to_network(part).to(device) for part in np.array_split(frames, 32))

    def description(self) -> ModelDescription:
        """The autoencoder's configuration; it stands alone."""
        return ModelDescription(self.recipe.model.model_dump(mode="json"))
