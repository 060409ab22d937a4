"""Stable Diffusion folders: what is wrong with one is said in a sentence, and latents are those of diffusers."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from drivesim.config import InputError
from drivesim.models.stable_diffusion.latents import PublicLatents
from drivesim.models.stable_diffusion.network import StableDiffusion


@pytest.fixture
def copy(backbone: Path, tmp_path: Path) -> Path:
    """A folder to break."""
    return Path(shutil.copytree(backbone, tmp_path / "copy"))


def edit(path: Path, **fields: object) -> None:
    path.write_text(json.dumps(json.loads(path.read_text()) | fields))


def test_a_folder_without_a_pipeline_is_none(tmp_path: Path, backbone: Path) -> None:
    with pytest.raises(InputError, match="model_index.json is missing"):
        StableDiffusion.load(tmp_path)


@pytest.mark.parametrize("part", ["unet", "vae", "text_encoder", "tokenizer", "scheduler"])
def test_a_missing_part_is_named(part: str, copy: Path) -> None:
    shutil.rmtree(copy / part)
    with pytest.raises(InputError, match=f"its {part} is missing"):
        StableDiffusion.load(copy)


def test_other_pipelines_are_refused(copy: Path) -> None:
    edit(copy / "model_index.json", _class_name="StableDiffusionXLPipeline")
    with pytest.raises(InputError, match="holds a StableDiffusionXLPipeline"):
        StableDiffusion.load(copy)


def test_an_inpainting_unet_is_refused(copy: Path) -> None:
    edit(copy / "unet" / "config.json", in_channels=9)
    with pytest.raises(InputError, match="takes 9 channels"):
        StableDiffusion.load(copy)


def test_pickles_are_not_read(copy: Path) -> None:
    weights = copy / "unet" / "diffusion_pytorch_model.safetensors"
    weights.rename(weights.with_suffix(".bin"))
    with pytest.raises(InputError, match="pickled weights are not read"):
        StableDiffusion.load(copy)


def test_damaged_weights_are_named(copy: Path) -> None:
    weights = copy / "unet" / "diffusion_pytorch_model.safetensors"
    weights.write_bytes(weights.read_bytes()[:1000])
    with pytest.raises(InputError, match="unet: cannot be loaded"):
        StableDiffusion.load(copy)


def test_missing_weights_are_no_random_ones(copy: Path) -> None:
    for part, name in (("unet", "diffusion_pytorch_model"), ("text_encoder", "model")):
        path = copy / part / f"{name}.safetensors"
        whole = load_file(path)
        save_file(dict(list(whole.items())[1:]), path, {"format": "pt"})
        with pytest.raises(InputError, match=f"{part}: (1 of its weights are missing|cannot be loaded)"):
            StableDiffusion.load(copy)
        save_file(whole, path, {"format": "pt"})


def test_weights_have_the_names_of_the_published_folders_too(copy: Path, backbone: Path) -> None:
    """Text encoders of transformers before version 5, and attention of autoencoders of diffusers before 0.15."""
    text, vae = copy / "text_encoder" / "model.safetensors", copy / "vae" / "diffusion_pytorch_model.safetensors"
    published = {f"text_model.{name}": x for name, x in load_file(text).items()}
    save_file(published | {"text_model.embeddings.position_ids": torch.arange(16)[None]}, text, {"format": "pt"})
    older = {"to_q": "query", "to_k": "key", "to_v": "value", "to_out.0": "proj_attn"}
    tensors = load_file(vae)
    for new, old in older.items():
        tensors = {name.replace(f"attentions.0.{new}.", f"attentions.0.{old}."): x for name, x in tensors.items()}
    assert any("query" in name for name in tensors)
    save_file(tensors, vae, {"format": "pt"})
    for mine, theirs in ((StableDiffusion.load(copy).text, StableDiffusion.load(backbone).text),
                         (PublicLatents.load(copy), PublicLatents.load(backbone))):  # fmt: skip
        assert all(torch.equal(a, b) for a, b in zip(mine.parameters(), theirs.parameters(), strict=True))


def test_half_precision_alone_will_do(copy: Path) -> None:
    for part, name in (("unet", "diffusion_pytorch_model"), ("vae", "diffusion_pytorch_model"), ("text_encoder", "model")):
        weights = copy / part / f"{name}.safetensors"
        weights.rename(weights.with_name(f"{name}.fp16.safetensors"))
    assert StableDiffusion.load(copy).weights is not None
    PublicLatents.load(copy)


def test_latents_are_those_of_diffusers(backbone: Path) -> None:
    diffusers = pytest.importorskip("diffusers")
    latents = PublicLatents.load(backbone)
    vae = diffusers.AutoencoderKL.from_pretrained(str(backbone / "vae")).eval()
    frames = torch.rand(2, 3, 16, 32, generator=torch.Generator().manual_seed(0)) * 2 - 1
    with torch.no_grad():
        encoded = latents.encode(frames)
        assert torch.equal(encoded, vae.encode(frames).latent_dist.mean * 0.18215)
        assert torch.equal(latents.decode(encoded), vae.decode(encoded / 0.18215).sample.clamp(-1, 1))
    assert latents.fingerprint() != latents.decoder_fingerprint()
