"""A random Stable Diffusion small enough for tests, written by diffusers and transformers as the published folders are."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch

UNET = {
    "sample_size": 8, "out_channels": 4, "block_out_channels": (16, 32), "layers_per_block": 1, "norm_num_groups": 8,
    "cross_attention_dim": 16, "attention_head_dim": 2,
}  # fmt: skip
PUBLISHED = {
    "beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear", "num_train_timesteps": 1000,
    "set_alpha_to_one": False, "steps_offset": 1, "clip_sample": False,
}  # fmt: skip


def write_backbone(folder: Path, seed: int = 0, **scheduler: Any) -> Path:
    """Writes the folder; `scheduler` are fields of its configuration that differ from those of version 1.5."""
    import diffusers

    torch.manual_seed(seed)
    unet = diffusers.UNet2DConditionModel(
        **UNET, in_channels=4, down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"),
        up_block_types=("UpBlock2D", "CrossAttnUpBlock2D"),
    )  # fmt: skip
    tokenizer, clip = _text_parts(folder)
    diffusers.StableDiffusionPipeline(
        vae=_autoencoder(4, 0.18215), text_encoder=clip, tokenizer=tokenizer, unet=unet,
        scheduler=diffusers.DDIMScheduler(**(PUBLISHED | scheduler)),
        safety_checker=None, feature_extractor=None, requires_safety_checker=False,
    ).save_pretrained(folder)  # fmt: skip
    return folder


def write_upscaler(folder: Path, seed: int = 0) -> Path:
    """Writes an x4 upscaler in the same way; it samples as this house does, to clean latents in the last step."""
    import diffusers

    torch.manual_seed(seed)
    unet = diffusers.UNet2DConditionModel(
        **UNET, in_channels=7, num_class_embeds=1000, down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
    )  # fmt: skip
    tokenizer, clip = _text_parts(folder)
    betas = {"beta_start": 0.0001, "beta_end": 0.02, "beta_schedule": "scaled_linear"}
    diffusers.StableDiffusionUpscalePipeline(
        vae=_autoencoder(3, 0.08333), text_encoder=clip, tokenizer=tokenizer, unet=unet,
        low_res_scheduler=diffusers.DDPMScheduler(**betas),
        scheduler=diffusers.DDIMScheduler(**betas, prediction_type="v_prediction", timestep_spacing="trailing", clip_sample=False),
    ).save_pretrained(folder)  # fmt: skip
    return folder


def _autoencoder(levels: int, scale: float) -> Any:
    import diffusers

    return diffusers.AutoencoderKL(
        block_out_channels=(8,) * levels, latent_channels=4, norm_num_groups=4, scaling_factor=scale, sample_size=64,
        down_block_types=("DownEncoderBlock2D",) * levels, up_block_types=("UpDecoderBlock2D",) * levels,
    )  # fmt: skip


def _text_parts(folder: Path) -> tuple[Any, Any]:
    """Tokenizer and text encoder."""
    from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

    tokenizer = CLIPTokenizer.from_pretrained(str(_write_vocabulary(folder / "vocabulary")))
    config = CLIPTextConfig(
        vocab_size=len(tokenizer), hidden_size=16, intermediate_size=32, num_hidden_layers=1, num_attention_heads=2,
        max_position_embeddings=16, bos_token_id=tokenizer.bos_token_id, eos_token_id=tokenizer.eos_token_id,
    )  # fmt: skip
    return tokenizer, CLIPTextModel(config)


def _write_vocabulary(folder: Path) -> Path:
    """A byte-pair vocabulary of single bytes and of a few words, as CLIP's files have it."""
    folder.mkdir(parents=True)
    spans = ((33, 126), (161, 172), (174, 255))
    shown = [chr(code) for first, last in spans for code in range(first, last + 1)]
    letters = [*shown, *(chr(256 + i) for i in range(256 - len(shown)))]
    merges = ["c a", "r e", "ca r</w>", "re d</w>"]
    words = [*letters, *(f"{letter}</w>" for letter in letters), *(merge.replace(" ", "") for merge in merges)]
    words += ["<|startoftext|>", "<|endoftext|>"]
    (folder / "vocab.json").write_text(json.dumps({word: i for i, word in enumerate(words)}))
    (folder / "merges.txt").write_text("\n".join(["#version: 0.2", *merges]) + "\n")
    (folder / "tokenizer_config.json").write_text(json.dumps({"tokenizer_class": "CLIPTokenizer", "model_max_length": 16}))
    return folder


def write_temporal(folder: Path, backbone: Path, seed: int = 0, **model: Any) -> Path:
    """Random temporal layers for the folder `backbone`, as an export writes them; `model`: fields of their configuration."""
    from drivesim.checkpoint import FORMAT, Checkpoint, write_checkpoint
    from drivesim.models.stable_diffusion.network import StableDiffusion
    from drivesim.models.video_ldm import VideoLDM, VideoLDMConfig

    config = VideoLDMConfig(context_widths=(16, 16), embedding_width=16, head_width=16, **model)
    image = StableDiffusion.load(backbone)
    torch.manual_seed(seed)
    model = VideoLDM(config, image)
    for name, parameter in model.named_parameters():
        if not name.endswith("logit"):
            torch.nn.init.normal_(parameter.data, std=0.1)
    checkpoint = Checkpoint(format=FORMAT, kind="video-ldm", model=config.model_dump(mode="json"), training={}, base=image.weights)
    write_checkpoint(folder, checkpoint, model.state_dict(), {})
    return folder


def write_clip_decoder(folder: Path, backbone: Path) -> Path:
    """Random temporal layers for the decoder of the folder `backbone`, as an export writes them."""
    from drivesim.models.stable_diffusion.clip_decoder import KIND, ClipDecoder, ClipDecoderConfig
    from drivesim.models.stable_diffusion.latents import PublicLatents

    codec = PublicLatents.load(backbone)
    model = ClipDecoder(ClipDecoderConfig(), codec)
    return _write_random(folder, KIND, model, model.config, codec.decoder_fingerprint())


def write_clip_upscaler(folder: Path, upscaler: Path) -> Path:
    """Random temporal layers for the upscaler in the folder `upscaler`, as an export writes them."""
    from drivesim.models.stable_diffusion.clip_upscaler import KIND, ClipUpscaler, ClipUpscalerConfig
    from drivesim.models.stable_diffusion.upscaler import Upscaler

    loaded = Upscaler.load(upscaler)
    model = ClipUpscaler(ClipUpscalerConfig(embedding_width=16, head_width=16), loaded)
    return _write_random(folder, KIND, model, model.config, loaded.weights)


def _write_random(folder: Path, kind: str, model: Any, config: Any, base: str | None) -> Path:
    from drivesim.checkpoint import FORMAT, Checkpoint, write_checkpoint

    torch.manual_seed(0)
    for name, parameter in model.named_parameters():
        if not name.endswith("logit"):
            torch.nn.init.normal_(parameter.data, std=0.1)
    checkpoint = Checkpoint(format=FORMAT, kind=kind, model=config.model_dump(mode="json"), training={}, base=base)
    write_checkpoint(folder, checkpoint, model.state_dict(), {})
    return folder
