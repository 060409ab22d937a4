"""Temporal layers learned in one fine-tuned image model keep their motion in another, and take its look (Video LDM, sec. 4.3).

Pictures are of a bar; it drives to the right by a cell a frame. Both image models come from one that knows light and dark
pictures, and are fine-tuned on light ones and on dark ones alone. Nothing is given to the video models but noise: look and motion
can come from their weights alone.
"""

from __future__ import annotations

import copy
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from drivesim.diffusion.ddim import sample
from drivesim.models.conditions.all_groups import no_conditions
from drivesim.models.conditions.conditions import Conditions
from drivesim.models.image_ldm import ImageLDM, ImageLDMConfig
from drivesim.models.video_ldm import Context, VideoLDM, VideoLDMConfig
from drivesim.training.latent_data import diffusion_error

pytestmark = pytest.mark.slow
CONFIG = ImageLDMConfig(
    latent_channels=2, widths=(16, 32), blocks=1, head_width=16, token_width=32, encoder_layers=1, groups=("look",)
)
TEMPORAL = VideoLDMConfig(context_widths=(8, 16), embedding_width=32, head_width=16, context_noise=False)
HEIGHT, WIDTH, FRAMES = 4, 16, 6


def clips(count: int, look: Tensor, generator: torch.Generator) -> Tensor:
    """Latents [b f 2 h w]: a bar that moves, and light or dark (`look` [b], 1 or -1) around it."""
    start = torch.randint(WIDTH, (count, 1), generator=generator)
    place = (start + torch.arange(FRAMES)) % WIDTH
    distance = (torch.arange(WIDTH) - place[..., None] + WIDTH // 2) % WIDTH - WIDTH // 2
    bar = torch.where(distance.abs() <= 1, 1.5, -0.5)[:, :, None].expand(-1, -1, HEIGHT, -1)
    return torch.stack([bar, look[:, None, None, None].expand_as(bar)], dim=2)


def train(parameters: list[torch.nn.Parameter], steps: int, rate: float, loss_of: Callable[[], Tensor]) -> None:
    optimizer = torch.optim.Adam(parameters, lr=rate, betas=(0.9, 0.99))
    for step in range(steps):
        for group in optimizer.param_groups:
            group["lr"] = rate * min(1.0, 2 * (1 - step / steps))
        optimizer.zero_grad()
        loss_of().backward()
        torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()


def train_image(model: ImageLDM, steps: int, look: float | None, seed: int) -> ImageLDM:
    """Trains on single frames: of this look, or of both."""
    generator, batch = torch.Generator().manual_seed(seed), 16

    def loss() -> Tensor:
        looks = torch.full((batch,), look or 0.0) if look else 2.0 * torch.randint(2, (batch,), generator=generator) - 1
        latents = clips(batch, looks, generator)[:, 0]
        noise, t = torch.randn(latents.shape, generator=generator), torch.randint(1000, (batch,), generator=generator)
        output = model(model.schedule.add_noise(latents, noise, t), t, no_conditions(batch))
        return diffusion_error(model.prediction, model.schedule, output, latents, noise, t).mean()

    train(list(model.parameters()), steps, 3e-3 if look is None else 1e-3, loss)
    return model


def train_video(video: VideoLDM[Conditions], steps: int, look: float, seed: int) -> None:
    """Trains temporal layers on clips of one look, of which no frame is given."""
    generator, batch = torch.Generator().manual_seed(seed), 8

    def loss() -> Tensor:
        latents = clips(batch, torch.full((batch,), look), generator)
        noise, t = torch.randn(latents.shape, generator=generator), torch.randint(1000, (batch,), generator=generator)
        noisy = video.schedule.add_noise(latents, noise, t)
        output = video(noisy, t, no_conditions(batch * FRAMES), Context.none(latents), torch.full((batch,), 30.0))
        return diffusion_error("v", video.schedule, output, latents, noise, t).mean()

    train(list(video.temporal.parameters()), steps, 3e-3, loss)


def made(video: VideoLDM[Conditions], count: int = 12) -> Tensor:
    """Clips [b f 2 h w] sampled from noise."""
    noise = torch.randn(count, FRAMES, 2, HEIGHT, WIDTH, generator=torch.Generator().manual_seed(99))
    denoise = video.denoise(no_conditions(count * FRAMES), Context.none(noise), torch.full((count,), 30.0))
    return sample(denoise, video.schedule, noise, steps=20)


def moves_right(clip: Tensor) -> float:
    """How much more alike a frame is to the one before it moved by a cell to the right than to that moved to the left: -2 to 2."""
    bar = clip[:, :, 0] - clip[:, :, 0].mean(dim=(2, 3), keepdim=True)
    bar = bar / bar.square().mean(dim=(2, 3), keepdim=True).sqrt().clamp(min=1e-3)
    alike = [(bar[:, 1:] * bar[:, :-1].roll(shift, dims=-1)).mean() for shift in (1, -1)]
    return float(alike[0] - alike[1])


def test_transfer_keeps_the_motion_and_takes_the_look() -> None:
    torch.manual_seed(0)
    base = train_image(ImageLDM(CONFIG), 700, None, 1)
    light, dark = (train_image(copy.deepcopy(base), 150, look, 2) for look in (1.0, -1.0))
    video = VideoLDM(TEMPORAL, light)
    train_video(video, 900, 1.0, 3)
    moved = VideoLDM(TEMPORAL, dark)
    moved.load_state_dict(video.state_dict())
    still = VideoLDM(TEMPORAL, dark)  # fresh temporal layers do nothing
    found = {name: made(model) for name, model in (("light", video), ("dark", moved), ("frames", still))}
    looks = {name: float(clip[:, :, 1].mean()) for name, clip in found.items()}
    motion = {name: moves_right(clip) for name, clip in found.items()}
    print(looks, motion)
    assert looks["light"] > 0.7 and looks["dark"] < -0.7
    assert motion["light"] > 0.4 and motion["dark"] > 0.7 * motion["light"] and abs(motion["frames"]) < 0.2
