"""Clips of key frames that a video model samples from one given frame, and how far they are from rendered ones."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from drivesim.diffusion.ddim import sample
from drivesim.diffusion.guidance import guide
from drivesim.engine.settings import PredictionSampling
from drivesim.evaluation.ablation.studies import Arm
from drivesim.metrics.distances import clip_features, kernel_distance
from drivesim.metrics.reconstruction import gradient_energy
from drivesim.models.conditions.all_groups import LAYOUT_GROUPS
from drivesim.models.detector.detector import Detector
from drivesim.models.video_ldm import hold
from drivesim.tensors import computes_bfloat16, torch_stream
from drivesim.training.clip_tasks import OWN, PREDICTION, with_own
from drivesim.training.stages.video_ldm import VideoLDMStage

CLIPS, STEPS = 4, 8  # of a part
RESCALE = PredictionSampling().rescale
GIVEN = (0,)
SAMPLED = ("predict_2_own", "sharpness")
"""Loss where the second given frame is the model's own; gradient energy as a share of that of what the autoencoder keeps."""


@dataclass(frozen=True)
class SampledPart:
    """Of one part of what is held out: features [CLIPS d] of clips as sampled, and as rendered and kept by the autoencoder.

    `figures`: by the names of SAMPLED.
    """

    made: np.ndarray
    rendered: np.ndarray
    figures: dict[str, float]


def sampled_part(stage: VideoLDMStage, part: int, arm: Arm, detector: Detector, with_layout: bool) -> SampledPart:
    """Samples with the arm's guidance, as Engine.predict does; told boxes and layout, or the look and the road alone."""
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
    # the same clip, whose second frame is given as the model has made it
    mask = batch["mask"].index_fill(1, torch.tensor(OWN, device=latents.device), 1.0)
    own = with_own(stage.latent_data.space, batch | {"mask": mask}, torch.arange(CLIPS, device=latents.device), made[:, OWN])
    error = stage.errors(own, conditions).prediction
    films = [np.stack([stage.latent_data.decode(clip) for clip in clips]) for clips in (made, latents)]
    features = [np.stack([clip_features(detector.feature_maps(film)) for film in side]) for side in films]
    energy = [gradient_energy(side).sum() for side in films]
    values = float(error), float(energy[0] / max(energy[1], 1e-9))
    return SampledPart(features[0], features[1], dict(zip(SAMPLED, values, strict=True)))


def clip_distance(made: np.ndarray, rendered: np.ndarray) -> float:
    """Kernel distance of features [n d] of clips, half of them to the other half of the rendered ones' and the reverse: no clip is
    compared with its own render. In units of the rendered ones' deviations; NaN for fewer than four clips."""
    half = len(made) // 2
    if half < 2:
        return float("nan")
    mean, deviation = rendered.mean(axis=0), np.maximum(rendered.std(axis=0), 1e-3)
    a, b = ((x - mean) / deviation for x in (made, rendered))
    return (kernel_distance(a[:half], b[half:]) + kernel_distance(a[half:], b[:half])) / 2
