"""Temporal layers of a whole U-Net: context, labels, size, the image model at alpha 1."""

import pytest
import torch
from torch import nn

from drivesim.models.layers.blocks import Hook
from drivesim.models.layers.context import MOVED
from drivesim.models.layers.temporal import AlphaMerge
from drivesim.models.layers.unet import UNet, UNetConfig
from drivesim.models.layers.video_unet import TemporalLayers

SHAPES = [(16, 0), (32, 1), (32, 1), (16, 0)]
B, F = 2, 4


def layers() -> TemporalLayers:
    torch.manual_seed(0)
    made = TemporalLayers(SHAPES, context_channels=3, map_channels=2, context_widths=(8, 16), embedding_width=16, head_width=16)
    for name, parameter in made.named_parameters():
        if not name.endswith("logit"):
            nn.init.normal_(parameter, std=0.2)
    return made


def inputs() -> dict[str, torch.Tensor]:
    mask = torch.zeros(B, F)
    mask[:, :2] = 1
    latents = torch.randn(B, F, 3, 8, 8, generator=torch.Generator().manual_seed(1))
    moved_mask, maps = torch.ones(B, F, MOVED), torch.randn(B * F, 2, 8, 8, generator=torch.Generator().manual_seed(3))
    return {"t": torch.tensor([10, 600]), "latents": latents, "mask": mask, "fps": torch.tensor([1.875, 30.0]),
            "moved": torch.stack([latents.flip(1)] * MOVED, dim=2), "moved_mask": moved_mask, "maps": maps}  # fmt: skip


def hook(made: TemporalLayers, given: dict[str, torch.Tensor]) -> Hook:
    names = ("latents", "mask", "fps", "moved", "moved_mask", "maps")
    return made.hook(given["t"], made.encode_context(*(given[name] for name in names)))


H = torch.randn(B * F, 16, 8, 8, generator=torch.Generator().manual_seed(2))


def test_everything_given_matters() -> None:
    made, given = layers(), inputs()
    out = hook(made, given)(0, H)
    changes = {
        "t": given["t"] + 100,
        "latents": given["latents"] + 1,
        "mask": given["mask"].flip(1),
        "fps": given["fps"] * 4,
        "moved": given["moved"] + 1,
        "moved_mask": given["moved_mask"] * 0,
        "maps": given["maps"] + 1,
    }
    for name, value in changes.items():
        assert not torch.allclose(out, hook(made, given | {name: value})(0, H)), name


def test_only_frames_in_the_mask_are_seen() -> None:
    made, given = layers(), inputs()
    hidden = given["latents"].clone()
    hidden[:, 2:] = 77
    assert torch.equal(hook(made, given)(3, H), hook(made, given | {"latents": hidden})(3, H))
    none = given | {"mask": torch.zeros(B, F)}
    other = none | {"latents": torch.randn_like(given["latents"])}
    assert torch.equal(hook(made, none)(3, H), hook(made, other)(3, H))


def test_the_number_of_given_frames_is_embedded() -> None:
    made = layers()
    fps, t = torch.full((3,), 2.0), torch.zeros(3, dtype=torch.int64)
    mask = torch.tensor([[0.0, 0, 0, 0], [1, 0, 0, 0], [1, 0, 0, 1]])
    embedded = made.embed(t, mask, fps) - made.time(t)
    torch.testing.assert_close(embedded.diff(dim=0), made.given.weight.diff(dim=0))


def test_alpha_one_leaves_the_unet_as_it_is_bit_for_bit() -> None:
    torch.manual_seed(0)
    network = UNet(UNetConfig(in_channels=3, out_channels=3, widths=(16, 32), blocks=1, head_width=16))
    nn.init.normal_(network.conv_out.weight)
    made = TemporalLayers(network.block_shapes, 3, 2, (8, 16), 16, 16)
    for name, parameter in made.named_parameters():
        if not name.endswith("logit"):
            nn.init.normal_(parameter, std=0.2)
    x, given = torch.randn(B * F, 3, 8, 8), inputs()
    t = given["t"].repeat_interleave(F)
    alone = network(x, t)
    assert not torch.allclose(network(x, t, hook=hook(made, given)), alone)
    for module in made.modules():
        if isinstance(module, AlphaMerge):
            nn.init.constant_(module.logit, 40.0)
    assert torch.equal(network(x, t, hook=hook(made, given)), alone)


def test_default_size_is_about_half_of_the_unet() -> None:
    network = UNet(UNetConfig(in_channels=22, out_channels=8, token_width=128))
    made = TemporalLayers(network.block_shapes, context_channels=8, map_channels=78)
    assert 4e6 < sum(p.numel() for p in made.parameters()) < 6.5e6


def test_a_width_for_every_level() -> None:
    with pytest.raises(ValueError, match="2 levels"):
        TemporalLayers(SHAPES, 3, 2, (8, 16, 16), 16, 16)


def test_channels_last_is_possible() -> None:
    made, given = layers(), inputs()
    expected = hook(made, given)(0, H)
    made = made.to(memory_format=torch.channels_last)
    out = hook(made, given)(0, H.contiguous(memory_format=torch.channels_last))
    torch.testing.assert_close(out, expected, atol=1e-4, rtol=1e-4)
