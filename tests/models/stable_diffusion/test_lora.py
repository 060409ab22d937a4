"""LoRA folders in the formats of diffusers change the right weights by the right amount; others are refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from drivesim.config import InputError
from drivesim.models.stable_diffusion.lora import FILE, fold_lora
from drivesim.models.stable_diffusion.network import StableDiffusion

ATTENTION = "down_blocks.0.attentions.0.transformer_blocks.0.attn1"
TEXT = "encoder.layers.0.self_attn.q_proj"
DOWN, UP = torch.randn(2, 16), torch.randn(16, 2)


def query(model: StableDiffusion) -> Tensor:
    return model.unet.get_submodule(f"{ATTENTION}.to_q").weight.detach().clone()


def written(folder: Path, tensors: dict[str, Tensor], metadata: dict[str, str] | None = None) -> Path:
    save_file({name: x.clone() for name, x in tensors.items()}, folder / FILE, metadata)
    return folder


@pytest.mark.parametrize(
    ("down", "up"),
    [
        ("to_q.lora_A", "to_q.lora_B"),
        ("to_q.lora.down", "to_q.lora.up"),
        ("processor.to_q_lora.down", "processor.to_q_lora.up"),
    ],
)
def test_every_way_of_diffusers_to_name_them_is_known(down: str, up: str, backbone: Path, tmp_path: Path) -> None:
    model = StableDiffusion.load(backbone)
    before, weights = query(model), model.weights
    fold_lora(model, written(tmp_path, {f"unet.{ATTENTION}.{down}.weight": DOWN, f"unet.{ATTENTION}.{up}.weight": UP}), 0.5)
    torch.testing.assert_close(query(model), before + 0.5 * UP @ DOWN)
    assert model.weights == weights


def test_what_diffusers_saves_is_read(backbone: Path, tmp_path: Path) -> None:
    diffusers = pytest.importorskip("diffusers")
    layers = {f"{ATTENTION}.to_out.0.lora_A.weight": DOWN, f"{ATTENTION}.to_out.0.lora_B.weight": UP}
    text = {f"text_model.{TEXT}.lora_A.weight": DOWN, f"text_model.{TEXT}.lora_B.weight": UP}
    text = {name: x.clone() for name, x in text.items()}
    diffusers.StableDiffusionPipeline.save_lora_weights(tmp_path, unet_lora_layers=layers, text_encoder_lora_layers=text)
    model, fresh = StableDiffusion.load(backbone), StableDiffusion.load(backbone)
    fold_lora(model, tmp_path)
    for network, name in (("unet", f"{ATTENTION}.to_out.0"), ("text.clip", TEXT)):
        changed, before = (m.get_submodule(network).get_submodule(name).weight for m in (model, fresh))
        torch.testing.assert_close(changed, before + UP @ DOWN)


def test_alpha_scales_by_tensor_or_by_note(backbone: Path, tmp_path: Path) -> None:
    tensors = {f"unet.{ATTENTION}.to_q.lora_A.weight": DOWN, f"unet.{ATTENTION}.to_q.lora_B.weight": UP}
    notes = {"lora_adapter_metadata": json.dumps({"unet.lora_alpha": 8, "unet.r": 2})}
    for folder, more, metadata, scale in (("tensor", {f"unet.{ATTENTION}.to_q.alpha": torch.tensor(1.0)}, None, 0.5),
                                          ("note", {}, notes, 4.0)):  # fmt: skip
        (tmp_path / folder).mkdir()
        model = StableDiffusion.load(backbone)
        before = query(model)
        fold_lora(model, written(tmp_path / folder, tensors | more, metadata))
        torch.testing.assert_close(query(model), before + scale * UP @ DOWN)


def test_what_does_not_fit_is_said(backbone: Path, tmp_path: Path) -> None:
    model = StableDiffusion.load(backbone)
    before = query(model)
    first = {f"unet.{ATTENTION}.to_q.lora_A.weight": DOWN, f"unet.{ATTENTION}.to_q.lora_B.weight": UP}
    cases = {
        "no name that diffusers gives": first | {"lora_unet_down_blocks_0.lora_down.weight": DOWN},
        "no such layer": first | {"unet.nowhere.lora_A.weight": DOWN, "unet.nowhere.lora_B.weight": UP},
        "does not fit this backbone": first | {f"unet.{ATTENTION}.to_k.lora_A.weight": torch.zeros(2, 99),
                                               f"unet.{ATTENTION}.to_k.lora_B.weight": UP},
        "one of its two matrices alone": {f"unet.{ATTENTION}.to_q.lora_A.weight": DOWN},
    }  # fmt: skip
    for message, tensors in cases.items():
        with pytest.raises(InputError, match=message):
            fold_lora(model, written(tmp_path, tensors))
    (tmp_path / FILE).write_bytes(b"no weights")
    with pytest.raises(InputError, match="damaged LoRA"):
        fold_lora(model, tmp_path)
    with pytest.raises(InputError, match="no such file"):
        fold_lora(model, tmp_path / "nowhere")
    assert torch.equal(query(model), before), "nothing is changed by what is refused"
