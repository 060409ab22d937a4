"""The published Stable Diffusion 1.5, 2.1 and x4 upscaler by their configurations, without their weights: networks of these
sizes are laid out on the meta device, which holds no numbers, and what this house reads of them is what they are.

published/*.json has what their config.json and scheduler_config.json say. That the numbers are right is seen in the totals: the
weight files of the three U-Nets are of 3.44, 3.46 and 1.89 GB in float32, those of the autoencoders of 335 and 221 MB. The
upscaler's sizes, schedule and largest noise level are those of the authors' own x4-upscaling.yaml, too.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import torch
from torch import nn

from drivesim.models.conditions.all_groups import GROUPS
from drivesim.models.stable_diffusion.clip_decoder import ClipDecoder, ClipDecoderConfig
from drivesim.models.stable_diffusion.clip_upscaler import ClipUpscaler, ClipUpscalerConfig
from drivesim.models.stable_diffusion.driving import DrivingDiffusion, DrivingDiffusionConfig
from drivesim.models.stable_diffusion.latents import PublicLatents
from drivesim.models.stable_diffusion.network import StableDiffusion
from drivesim.models.stable_diffusion.process import diffusion_process
from drivesim.models.stable_diffusion.text import TextEncoder
from drivesim.models.stable_diffusion.upscaler import FACTOR, USUAL_LEVELS, Upscaler
from drivesim.models.video_ldm import VideoLDM
from drivesim.training.stages.text_video import TextVideoRecipe
from drivesim.video_format import LATENT_FACTOR

diffusers = pytest.importorskip("diffusers")
transformers = pytest.importorskip("transformers")
PUBLISHED = Path(__file__).parent / "published"
SOURCE = Path("scheduler_config.json")
BACKBONES = ("v1-5", "v2-1")


class Facts(NamedTuple):
    """Numbers in U-Net, autoencoder and text encoder; what the U-Net's first layer takes; width of its text; latents' scale."""

    unet: int
    vae: int
    text: int
    first: tuple[int, ...]
    text_width: int
    scale: float
    prediction: str


FACTS = {
    "v1-5": Facts(859_520_964, 83_653_863, 123_060_480, (320, 4, 3, 3), 768, 0.18215, "epsilon"),
    "v2-1": Facts(865_910_724, 83_653_863, 340_387_840, (320, 4, 3, 3), 1024, 0.18215, "v"),
    "x4-upscaler": Facts(473_398_020, 55_325_927, 340_387_840, (256, 7, 3, 3), 1024, 0.08333, "v"),
}


class Parts(NamedTuple):
    """A published model without numbers, and its configurations."""

    unet: Any
    vae: Any
    text: Any
    config: dict[str, Any]


@pytest.fixture(scope="module")
def parts() -> dict[str, Parts]:
    made = {}
    for name in FACTS:
        config = json.loads((PUBLISHED / f"{name}.json").read_text())
        clip = {key: value for key, value in config["text_encoder"].items() if key != "model_type"}
        with torch.device("meta"):
            made[name] = Parts(
                diffusers.UNet2DConditionModel.from_config(config["unet"]),
                diffusers.AutoencoderKL.from_config(config["vae"]),
                transformers.CLIPTextModel(transformers.CLIPTextConfig(**clip)),
                config,
            )
    return made


def numbers(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


def backbone_of(parts: Parts) -> StableDiffusion:
    process = diffusion_process(parts.config["scheduler"], SOURCE)
    return StableDiffusion(parts.unet, TextEncoder(None, parts.text), process)


@pytest.mark.parametrize("name", FACTS)
def test_sizes_are_the_published_ones(name: str, parts: dict[str, Parts]) -> None:
    model, facts = parts[name], FACTS[name]
    assert (numbers(model.unet), numbers(model.vae), numbers(model.text)) == facts[:3]
    tensors = model.unet.state_dict()
    assert tensors["conv_in.weight"].shape == facts.first
    assert tensors["mid_block.attentions.0.transformer_blocks.0.attn2.to_k.weight"].shape[1] == facts.text_width
    places = tensors["mid_block.attentions.0.proj_in.weight"].shape[2:]  # a convolution in 1.x, a linear layer in 2.x
    assert tuple(places) == ((1, 1) if name == "v1-5" else ())
    assert ("class_embedding.weight" in tensors) == (name == "x4-upscaler")
    assert "decoder.up_blocks.0.resnets.2.conv2.weight" in model.vae.state_dict()


@pytest.mark.parametrize("name", FACTS)
def test_processes_are_read(name: str, parts: dict[str, Parts]) -> None:
    config = parts[name].config["scheduler"]
    schedule, prediction = diffusion_process(config, SOURCE)
    assert prediction == FACTS[name].prediction
    public = getattr(diffusers, config["_class_name"]).from_config(config)
    torch.testing.assert_close(schedule.alpha**2, public.alphas_cumprod.double(), rtol=2e-4, atol=1e-6)


@pytest.mark.parametrize("name", BACKBONES)
def test_temporal_layers_stand_in_a_published_backbone(name: str, parts: dict[str, Parts]) -> None:
    model, facts = parts[name], FACTS[name]
    image = backbone_of(model)
    assert len(image.shape.blocks) == 22 and {level for _, level in image.shape.blocks} == {0, 1, 2, 3}
    assert (image.shape.latent_channels, image.shape.text_width) == (4, facts.text_width)
    assert model.text.config.hidden_size == facts.text_width
    with torch.device("meta"):
        video = VideoLDM(TextVideoRecipe().model, image)
    own, frozen = numbers(video), numbers(image)
    assert 0.3 * frozen < own < frozen, "about as in the paper: 656 of 860 million"
    assert not any(parameter.requires_grad for parameter in image.parameters())
    assert not any(key.startswith(("unet", "text")) for key in video.state_dict())


@pytest.mark.parametrize("name", FACTS)
def test_latents_and_their_decoder_of_clips(name: str, parts: dict[str, Parts]) -> None:
    latents = PublicLatents(parts[name].vae)
    assert latents.scale == FACTS[name].scale and len(latents.levels) == (3 if name == "x4-upscaler" else 4)
    assert 2 ** (len(latents.levels) - 1) == (FACTOR if name == "x4-upscaler" else LATENT_FACTOR)
    with torch.device("meta"):
        assert ClipDecoder(ClipDecoderConfig(), latents).reach == len(latents.levels)


@pytest.mark.parametrize("name", BACKBONES)
def test_a_published_backbone_can_be_told_of_scenarios(name: str, parts: dict[str, Parts]) -> None:
    config = DrivingDiffusionConfig(
        unet=json.loads(parts[name].unet.to_json_string()), scheduler=parts[name].config["scheduler"], text="a road",
        text_length=77, groups=tuple(GROUPS),
    )  # fmt: skip
    with torch.device("meta"):
        model = DrivingDiffusion(config, diffusers.UNet2DConditionModel.from_config(config.unet))
    assert model.token_width == FACTS[name].text_width and model.text.shape == (77, model.token_width)
    assert model.entry.weight.shape[0] == FACTS[name].first[0] and len(model.shape.blocks) == 22
    assert numbers(model) - numbers(model.unet) < 0.02 * numbers(model.unet), "conditions are little beside the public model"


def test_temporal_layers_stand_in_the_published_upscaler(parts: dict[str, Parts]) -> None:
    model = parts["x4-upscaler"]
    process, noise = (diffusion_process(model.config[name], SOURCE) for name in ("scheduler", "low_res_scheduler"))
    upscaler = Upscaler(model.unet, TextEncoder(None, model.text), PublicLatents(model.vae), process, noise, USUAL_LEVELS)
    assert len(upscaler.blocks) == 22 and noise.prediction == "epsilon"
    assert model.unet.config.in_channels == model.vae.config.latent_channels + 3
    with torch.device("meta"):
        video = ClipUpscaler(ClipUpscalerConfig(), upscaler)
    assert 0.05 * numbers(upscaler.unet) < numbers(video) < numbers(upscaler.unet)
