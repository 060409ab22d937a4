"""Clips of key frames that a video model samples from one given frame, and how far they are from rendered ones."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from einops import rearrange

from drivesim.diffusion.ddim import sample
from drivesim.diffusion.guidance import guide
from drivesim.engine.settings import PredictionSampling
from drivesim.evaluation.ablation.studies import Arm
from drivesim.metrics.distances import clip_features, frechet_distance, kernel_distance
from drivesim.metrics.reconstruction import gradient_energy
from drivesim.models.conditions.all_groups import LAYOUT_GROUPS
from drivesim.models.detector.detector import Detector
from drivesim.models.video_ldm import hold
from drivesim.tensors import computes_bfloat16, numpy_stream, torch_stream
from drivesim.training.clip_tasks import OWN, PREDICTION, with_own
from drivesim.training.stages.video_ldm import VideoLDMStage

CLIPS, STEPS = 4, 8  # of a part
RESCALE = PredictionSampling().rescale
GIVEN = (0,)
SAMPLED = ("predict_2_own", "sharpness")
"""Loss where the second given frame is the model's own; gradient energy as a share of that of what the autoencoder keeps."""
SMALL = "sharpness_small"
"""Gradient energy of frames of half the size, but for the given one, as a share of that of rendered ones."""


@dataclass(frozen=True)
class SampledPart:
    """Of one part of what is held out: `figures` by name, and `features` [CLIPS d] of clips.

    Features "made" of sampled clips, "rendered" of the same as the autoencoder keeps them; "made_small", "rendered_small" of frames
    of half the size, but for the given one, in which arms compare whatever space they work in. In pixel space there are no others.
    """

    figures: dict[str, float]
    features: dict[str, np.ndarray]


def sampled_part(stage: VideoLDMStage, part: int, arm: Arm, detector: Detector, with_layout: bool) -> SampledPart:
    """Samples with the arm's guidance, as Engine.predict does; told boxes and layout, or the look and the road alone.

    The loss on the model's own frame is that of the same clip, whose second frame is given as it was made.
    """
    batch, conditions = stage.held_out_batch(PREDICTION, part, CLIPS, GIVEN, own=True)
    plain = conditions.drop(boxes=True, **dict.fromkeys(LAYOUT_GROUPS, True))
    if not with_layout:
        conditions = plain
    context, model = stage.context(batch, conditions), stage.model
    latents, fps = batch["latents"], batch["fps"]
    boxed = guide(model.denoise(conditions, context, fps), model.denoise(plain, context, fps), arm.layout_guidance, RESCALE)
    denoise = guide(boxed, model.denoise(conditions, context.without(), fps), arm.context_guidance, RESCALE)
    noise = torch.randn(latents.shape, generator=torch_stream(stage.recipe.seed, "sampled", part)).to(latents.device)
    with torch.autocast(latents.device.type, torch.bfloat16, enabled=computes_bfloat16(latents.device)):
        held = hold(denoise, context if arm.context_guidance else context.without())
        made = sample(held, model.schedule, noise, STEPS).float()
    shown, seen = _decoded(stage, made), renders(stage, part)
    small = {"made_small": half_size(shown[:, 1:]), "rendered_small": half_size(seen[:, 1:])}  # what is given is the render's
    figures = {SMALL: _energy_share(*small.values())}
    features = {name: film_features(detector, full_size(films)) for name, films in small.items()}
    if arm.pixels:
        return SampledPart(figures, features)
    mask = batch["mask"].index_fill(1, torch.tensor(OWN, device=latents.device), 1.0)
    own = with_own(stage.latent_data.space, batch | {"mask": mask}, torch.arange(CLIPS, device=latents.device), made[:, OWN])
    kept = _decoded(stage, latents)
    figures |= dict(zip(SAMPLED, (float(stage.errors(own, conditions).prediction), _energy_share(shown, kept)), strict=True))
    return SampledPart(figures, features | {"made": film_features(detector, shown), "rendered": film_features(detector, kept)})


def renders(stage: VideoLDMStage, part: int) -> np.ndarray:
    """Pictures uint8 [CLIPS f h w 3] of the windows that `held_out_batch` draws for prediction."""
    windows, rng = stage.held_out[PREDICTION], numpy_stream(0, "held-out", part)
    return windows.pictures(rng, windows.draw(rng, CLIPS))


def half_size(films: np.ndarray) -> np.ndarray:
    """Films uint8 [n f h w 3] of half the height and width, pixels averaged."""
    places = rearrange(films.astype(np.float32), "n f (h y) (w x) c -> n f h w (y x) c", y=2, x=2)
    return np.rint(places.mean(axis=4)).astype(np.uint8)


def full_size(films: np.ndarray) -> np.ndarray:
    """Films uint8 [n f h w 3] of twice the height and width, every pixel four times: the detector knows vehicles of that size."""
    return films.repeat(2, axis=2).repeat(2, axis=3)


def _decoded(stage: VideoLDMStage, clips: torch.Tensor) -> np.ndarray:
    return np.stack([stage.latent_data.decode(clip) for clip in clips])


def _energy_share(made: np.ndarray, rendered: np.ndarray) -> float:
    return float(gradient_energy(made).sum() / max(gradient_energy(rendered).sum(), 1e-9))


def film_features(detector: Detector, films: np.ndarray) -> np.ndarray:
    """Features [n d] of films uint8 [n f h w 3] between which distances of clips are."""
    return np.stack([clip_features(detector.feature_maps(film)) for film in films])


def clip_distance(made: np.ndarray, rendered: np.ndarray) -> float:
    """Kernel distance of features [n d] of clips, half of them to the other half of the rendered ones' and the reverse: no clip is
    compared with its own render. In units of the rendered ones' deviations; NaN for fewer than four clips."""
    half = len(made) // 2
    if half < 2:
        return float("nan")
    a, b = _scaled(made, rendered)
    return (kernel_distance(a[:half], b[half:]) + kernel_distance(a[half:], b[:half])) / 2


def clip_frechet(made: np.ndarray, rendered: np.ndarray) -> float:
    """Frechet distance of features [n d] of reconstructed clips to those of the same clips (Video LDM's Table 3), 0 where they are
    alike. In units of the rendered ones' deviations; NaN for fewer than two clips."""
    return frechet_distance(*_scaled(made, rendered)) if len(made) > 1 else float("nan")


def _scaled(made: np.ndarray, rendered: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    mean, deviation = rendered.mean(axis=0), np.maximum(rendered.std(axis=0), 1e-3)
    return (made - mean) / deviation, (rendered - mean) / deviation
