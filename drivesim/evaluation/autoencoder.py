"""How well the autoencoder keeps held-out pictures, the ceiling of all that is made in its latent space."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import torch

from drivesim.config import Say
from drivesim.dataset.progress_line import ProgressLine
from drivesim.evaluation.held_out import Pair
from drivesim.metrics.intervals import Figures, bootstrap, mean_interval
from drivesim.metrics.reconstruction import gradient_energy, psnr, ssim
from drivesim.models.backbone import LatentCodec
from drivesim.models.conditions.all_groups import layout_conditions
from drivesim.tensors import to_frames, to_network

BATCH = 16
LEAST_PSNR = 29.0  # dB, of the autoencoder on held-out worlds


@dataclass(frozen=True)
class Fidelity:
    """Of the reconstructions of `frames` pictures: PSNR (dB), its mean over the worst tenth of them, and SSIM."""

    frames: int
    psnr: float
    psnr_worst_tenth: float
    ssim: float

    @classmethod
    def of(cls, reconstructions: np.ndarray, originals: np.ndarray) -> Self:
        """Figures of pictures uint8 [n h w 3], n at least 1."""
        each = np.sort(psnr(reconstructions, originals))
        worst = each[: max(1, len(each) // 10)]
        return cls(len(each), float(each.mean()), float(worst.mean()), float(ssim(reconstructions, originals).mean()))


def reconstruct(space: LatentCodec, clips: np.ndarray, layouts: Sequence[np.ndarray] | None = None) -> np.ndarray:
    """Clips uint8 [n f h w 3] through the latent space and back, as the decoder of clips gives them; frames by themselves are clips
    of one. `layouts`: the planes uint8 [planes h w] of all n * f frames, which the decoder is shown if they are known."""
    device = next(space.parameters()).device
    frames, made, first = clips.shape[1], [], 0
    with torch.inference_mode():
        for clip in np.array_split(clips, min(len(clips), -(-len(clips) * frames // BATCH))):
            rows = slice(first, first := first + len(clip) * frames)
            known = None if layouts is None else layout_conditions(layouts[rows]).to(device)
            latents = space.encode(to_network(clip.reshape(-1, *clip.shape[2:])).to(device))
            decoded = space.decode_clip(latents.unflatten(0, (len(clip), frames)), conditions=known)
            made.append(to_frames(decoded.flatten(0, 1)).reshape(clip.shape))
    return np.concatenate(made)


def restored_pairs(space: LatentCodec, pairs: Sequence[Pair], say: Say | None = None) -> np.ndarray:
    """The noisy frames of pairs through the latent space and back, each by itself, uint8 [n h w 3]."""
    line, pictures = ProgressLine("reconstruction", 0, len(pairs), say), []
    for first in range(0, len(pairs), BATCH):
        part = pairs[first : first + BATCH]
        pictures.append(reconstruct(space, np.stack([pair.noisy[None] for pair in part]), [pair.layout for pair in part])[:, 0])
        line(first + len(part))
    return np.concatenate(pictures)


def autoencoder_figures(restored: np.ndarray, pairs: Sequence[Pair]) -> Figures:
    """PSNR against noise-free frames, of all and by time of day, and the share of gradient energy that is kept, by worlds."""
    clean, night = np.stack([pair.clean for pair in pairs]), np.array([pair.night for pair in pairs])
    each = psnr(restored, clean)
    kept, whole = gradient_energy(restored), gradient_energy(clean)
    return {
        "autoencoder_psnr": mean_interval(each),
        "autoencoder_psnr_day": mean_interval(each[~night]),
        "autoencoder_psnr_night": mean_interval(each[night]),
        "autoencoder_ssim": mean_interval(ssim(restored, clean)),
        "autoencoder_edges": bootstrap(lambda rows: float(kept[rows].sum() / whole[rows].sum()), len(pairs)),
    }


def autoencoder_fidelity(
    space: LatentCodec, restored: np.ndarray, pairs: Sequence[Pair], real: dict[str, np.ndarray]
) -> dict[str, Fidelity]:
    """Restored frames against noise-free ones, by all, day and night; real frames against themselves."""
    clean, night = np.stack([pair.clean for pair in pairs]), np.array([pair.night for pair in pairs])
    parts = {"all": np.full(len(pairs), True), "day": ~night, "night": night}
    figures = {name: Fidelity.of(restored[part], clean[part]) for name, part in parts.items() if part.any()}
    for name, frames in real.items():
        figures[f"real {name}"] = Fidelity.of(reconstruct(space, frames[:, None])[:, 0], frames)
    return figures
