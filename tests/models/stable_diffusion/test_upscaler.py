"""The public upscaler samples as diffusers' own pipeline, and other folders are refused."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from tiny_backbone import write_upscaler

from drivesim.config import InputError
from drivesim.diffusion.ddim import sample
from drivesim.diffusion.guidance import guide
from drivesim.models.stable_diffusion.upscaler import Upscaler
from drivesim.tensors import to_frames, to_network

diffusers = pytest.importorskip("diffusers")
pytest.importorskip("transformers")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_upscaler(tmp_path_factory.mktemp("upscaler"))


def test_it_samples_as_the_pipeline_of_diffusers(folder: Path) -> None:
    model = Upscaler.load(folder)
    pipeline = diffusers.StableDiffusionUpscalePipeline.from_pretrained(str(folder))
    pipeline.set_progress_bar_config(disable=True)
    small = np.random.default_rng(0).integers(256, size=(16, 32, 3), dtype=np.uint8)
    latents = torch.randn(1, 4, 16, 32, generator=torch.Generator().manual_seed(1))
    theirs = pipeline("a red car", image=(to_network(small[None]) + 1) / 2, noise_level=20, negative_prompt="blurred",
                      guidance_scale=9.0, num_inference_steps=4, latents=latents.clone(), output_type="np",
                      generator=torch.Generator().manual_seed(2)).images  # fmt: skip
    noise = torch.randn(1, 3, 16, 32, generator=torch.Generator().manual_seed(2))
    text, negative = model.text.ids(["a red car", "blurred"]).split(1)
    with torch.no_grad():
        given = model.noised(to_network(small[None]), 20, noise)
        made = sample(guide(model.denoise(given, text), model.denoise(given, negative), 9.0), model.schedule, latents, steps=4)
        ours = to_frames(model.latent_codec.decode(made))
    assert ours.shape == (1, 64, 128, 3)
    assert np.abs(ours.astype(int) - np.round(theirs * 255)).max() <= 1
    assert model.levels == 350


def test_other_folders_are_refused(folder: Path, backbone: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="holds a StableDiffusionPipeline"):
        Upscaler.load(backbone)
    copy = Path(shutil.copytree(folder, tmp_path / "copy"))
    shutil.rmtree(copy / "low_res_scheduler")
    with pytest.raises(InputError, match="its low_res_scheduler is missing"):
        Upscaler.load(copy)
