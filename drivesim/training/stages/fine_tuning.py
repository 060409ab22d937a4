"""Image LDM on a public backbone: the spatial layers of a Stable Diffusion go on learning, from frames and their captions."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from drivesim.dataset.batches import ClipWindows
from drivesim.diffusion.ddim import sample
from drivesim.diffusion.guidance import guide
from drivesim.models.stable_diffusion.latents import PublicLatents
from drivesim.models.stable_diffusion.network import StableDiffusion
from drivesim.tensors import numpy_stream, torch_stream
from drivesim.training.captioned import caption_ids, check_captions
from drivesim.training.latent_data import LatentData, diffusion_error, diffusion_time, stack
from drivesim.training.stage import Batch, Chance, ModelDescription, Recipe
from drivesim.video_format import StageName

PREVIEW_GUIDANCE, PREVIEW_STEPS, PREVIEWS = 7.5, 25, 4


class FineTuningRecipe(Recipe):
    """`drop_caption`: chance that a frame's caption is empty, the null branch of guidance.

    `train_text`: the text encoder learns, too. `even_stores`: stores are drawn from equally often, whatever frames they have.
    `checkpointing`: blocks are computed once more in the backward pass, which spares most of the memory.
    """

    batch: int = 8
    learning_rate: float = 1e-5
    drop_caption: Chance = 0.1
    train_text: bool = False
    even_stores: bool = False
    checkpointing: bool = False


def captioned_picture(
    frames: ClipWindows, model: StableDiffusion, drop_caption: float, i: int, rng: np.random.Generator
) -> Batch:
    """Sample number i of a frame: latents and noise [c h w], t [], caption int64 [n], empty with the chance `drop_caption`."""
    labelled = frames.batch(rng, 1, pictures=False)
    assert labelled.latents is not None
    latents = torch.from_numpy(labelled.latents[0, 0]).float()
    dropped = rng.random() < drop_caption
    return {
        "latents": latents,
        "noise": torch.from_numpy(rng.standard_normal(latents.shape, np.float32)),
        "t": diffusion_time(i, rng, len(model.schedule)),
        "caption": caption_ids(model.text, labelled.labels, dropped)[0],
    }


class FineTuningStage:
    """Trains the U-Net of a Stable Diffusion on the latents of every frame of the stores, and its text encoder where asked to."""

    name: StageName = "image-ldm"

    def __init__(self, recipe: FineTuningRecipe, backbone: Path) -> None:
        self.recipe = recipe
        self.backbone = backbone
        self.latent_data = LatentData(PublicLatents.load(backbone))
        self.model = StableDiffusion.load(backbone)
        self.model.text.requires_grad_(recipe.train_text)
        if recipe.checkpointing:
            self.model.unet.enable_gradient_checkpointing()
        self.modules: dict[str, nn.Module] = {"model": self.model}
        self.networks = self.model.networks

    def open(self, data: list[Path], held_out: list[Path]) -> None:
        """Frames of the stores, with latents and captions."""
        groups = [[path] for path in data] if self.recipe.even_stores else [data]
        self.frames = [self.latent_data.windows(group, 1, None) for group in groups]
        for frames in self.frames:
            check_captions(frames)
        self.held_out = self.latent_data.windows(held_out, 1, None)

    def draw(self, step: int, index: range) -> Batch:
        """latents and noise [b c h w], t int64 [b], caption (token numbers) int64 [b n]."""
        recipe, frames = self.recipe, self.frames
        rngs = ((i, recipe.sample_rng(self.name, i)) for i in index)
        return stack([captioned_picture(frames[i % len(frames)], self.model, recipe.drop_caption, i, rng) for i, rng in rngs])

    def _error(self, batch: Batch) -> Tensor:
        """Mean squared error of the prediction: []."""
        model, latents, noise, t = self.model, batch["latents"], batch["noise"], batch["t"]
        output = model(model.schedule.add_noise(latents, noise, t), t, batch["caption"])
        return diffusion_error(model.prediction, model.schedule, output, latents, noise, t).mean()

    def losses(self, batch: Batch, samples: int) -> Iterator[tuple[str, Tensor, dict[str, Tensor]]]:
        """Mean squared error of the prediction."""
        yield "model", self._error(batch), {}

    def evaluate(self) -> dict[str, float]:
        """Loss on held-out frames at fixed times and noise, with their captions and without."""
        device = next(self.model.parameters()).device
        totals = {"loss": 0.0, "loss_without_captions": 0.0}
        parts, size = self.recipe.held_out_batches, self.recipe.batch
        for part in range(parts):
            rng = numpy_stream(0, "held-out", part)
            labelled = self.held_out.batch(rng, size, pictures=False)
            assert labelled.latents is not None
            latents = torch.from_numpy(labelled.latents[:, 0]).float()
            noise = torch.from_numpy(rng.standard_normal(latents.shape, np.float32))
            times = [diffusion_time(size * part + i, rng, len(self.model.schedule)) for i in range(size)]
            for name, dropped in (("loss", False), ("loss_without_captions", True)):
                caption = caption_ids(self.model.text, labelled.labels, dropped)
                batch = {"latents": latents, "noise": noise, "t": torch.stack(times), "caption": caption}
                totals[name] += float(self._error({key: value.to(device) for key, value in batch.items()})) / parts
        return totals

    def preview(self) -> np.ndarray:
        """Held-out frames, and below each a frame made from its caption."""
        device = next(self.model.parameters()).device
        labelled = self.held_out.batch(numpy_stream(0, "preview"), PREVIEWS)
        assert labelled.frames is not None and labelled.latents is not None
        asked, nothing = (caption_ids(self.model.text, labelled.labels, dropped).to(device) for dropped in (False, True))
        shape = (PREVIEWS, *labelled.latents.shape[2:])
        noise = torch.randn(shape, generator=torch_stream(0, "preview")).to(device)
        denoise = guide(self.model.denoise(asked), self.model.denoise(nothing), PREVIEW_GUIDANCE)
        made = self.latent_data.decode(sample(denoise, self.model.schedule, noise, PREVIEW_STEPS))
        return np.concatenate([np.concatenate(list(row), axis=1) for row in (labelled.frames[:, 0], made)], axis=0)

    def finish(self) -> None:
        """Nothing is measured afterwards."""

    def description(self) -> ModelDescription:
        """On top of the backbone's weights; what the model is, its own folder says."""
        return ModelDescription({}, self.model.weights)
