"""Weights of networks on latents of few channels, as networks on latents of more can start from them.

New channels come after the old ones, and begin unseen: whatever reads them has weights of zero for them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from drivesim.models.layers.context import MOVED


def widened(tensor: Tensor, runs: Sequence[tuple[int, int]], axis: int) -> Tensor:
    """`tensor` with zeros along `axis` after each of its first runs of channels, given as (old length, new length).

    What comes after the runs stays as it is.
    """
    parts = list(tensor.split([*(old for old, _ in runs), tensor.shape[axis] - sum(old for old, _ in runs)], dim=axis))
    for i, (old, new) in enumerate(runs):
        shape = list(tensor.shape)
        shape[axis] = new - old
        parts[i] = torch.cat([parts[i], tensor.new_zeros(shape)], dim=axis)
    return torch.cat(parts, dim=axis)


def wider_autoencoder(
    tensors: Mapping[str, Tensor], own: Mapping[str, Tensor], old: int, new: int
) -> dict[str, Tensor]:
    """Tensors of a latent space of `old` channels for one of `new`, whose fresh tensors are `own`.

    It makes the old latents, and new ones at random, which its decoder does not see yet.
    """
    fitted = dict(tensors)
    for name in ("autoencoder.encoder.head.weight", "autoencoder.encoder.head.bias"):
        (mean, spread), (own_mean, own_spread) = tensors[name].chunk(2), own[name].to(tensors[name].dtype).chunk(2)
        fitted[name] = torch.cat([mean, own_mean[old:], spread, own_spread[old:]])
    name = "autoencoder.decoder.stem.weight"
    fitted[name] = widened(tensors[name], [(old, new)], axis=1)
    for name in ("shift", "scale"):
        fitted[name] = torch.cat([tensors[name], own[name][old:].to(tensors[name].dtype)])
    return fitted


def wider_image_model(tensors: Mapping[str, Tensor], old: int, new: int) -> dict[str, Tensor]:
    """Tensors of an image LDM on latents of `old` channels for one on latents of `new`: it makes nothing of the new ones."""
    first, last = "unet.conv_in.weight", "unet.conv_out"
    fitted = dict(tensors) | {first: widened(tensors[first], [(old, new)], axis=1)}
    for name in (f"{last}.weight", f"{last}.bias"):
        fitted[name] = widened(tensors[name], [(old, new)], axis=0)
    return fitted


def wider_video_model(tensors: Mapping[str, Tensor], own: Mapping[str, Tensor], old: int, new: int) -> dict[str, Tensor]:
    """Tensors of temporal layers on latents of `old` channels for those with tensors `own` on latents of `new`.

    They do not see the new channels.
    """
    network = "temporal.context"
    first, road, last = (f"{network}.{name}" for name in ("first", "road", "estimate"))
    wider = (old, new)
    fitted = dict(tensors) | {
        f"{first}.weight": widened(tensors[f"{first}.weight"], [wider, wider], axis=1),
        f"{road}.weight": widened(tensors[f"{road}.weight"], [wider, (1, 1)] * MOVED, axis=1),
    }
    for name in (f"{last}.weight", f"{last}.bias"):
        fitted[name] = widened(tensors[name], [wider], axis=0)
    for name, value in tensors.items():  # of the finest level: the estimate is the last of what they are given
        if name.endswith((".conv1.weight", ".context.weight")) and name in own and own[name].shape[1] == value.shape[1] + new - old:
            fitted[name] = widened(value, [(value.shape[1], own[name].shape[1])], axis=1)
    return fitted
