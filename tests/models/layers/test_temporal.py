"""Temporal layers: the 3D convolution they stand for, the merge, and which places see which."""

import pytest
import torch
import torch.nn.functional as F
from einops import rearrange
from torch import nn

from drivesim.models.layers.attention import turned
from drivesim.models.layers.embeddings import FrameAngles, FrameEmbedding
from drivesim.models.layers.temporal import (
    AlphaMerge,
    TemporalAttention,
    TemporalConv,
    TemporalConv3d,
    TemporalLevels,
    near_frames,
)


def perturbed(module: nn.Module) -> nn.Module:
    torch.manual_seed(0)
    for name, parameter in module.named_parameters():
        if not name.endswith("logit"):
            nn.init.normal_(parameter, std=0.3)
    return module


def test_merge_is_the_papers_formula_and_exact_at_the_ends() -> None:
    merge = AlphaMerge()
    z, other = torch.randn(2, 50)
    nn.init.constant_(merge.logit, 0.4)
    alpha = torch.sigmoid(merge.logit)
    torch.testing.assert_close(merge(z, other), alpha * z + (1 - alpha) * other)
    nn.init.constant_(merge.logit, 30.0)
    assert torch.equal(merge(z, other), z)


def test_convolution_is_a_residual_block_of_conv3d_over_frames_and_conv3d_within_them() -> None:
    layer = perturbed(TemporalConv(32))
    z = torch.randn(2 * 5, 32, 3, 4)
    clip = rearrange(z, "(b f) c h w -> b c f h w", f=5)
    h = F.conv3d(F.silu(layer.norm1(clip)), layer.conv1.weight[..., None], layer.conv1.bias, padding=(1, 0, 0))
    h = F.conv3d(F.silu(layer.norm2(h)), layer.conv2.weight[:, :, None], layer.conv2.bias, padding=(0, 1, 1))
    expected = layer.merge(z, z + rearrange(h, "b c f h w -> (b f) c h w"))
    torch.testing.assert_close(layer(z, 5), expected, atol=1e-4, rtol=1e-4)


def test_layers_start_as_the_identity() -> None:
    z = torch.randn(6, 32, 2, 4)
    assert torch.equal(TemporalConv(32, 8, 4)(z, 3, torch.randn(2, 8), torch.randn(6, 4, 2, 4)), z)
    assert torch.equal(TemporalAttention(32)(z, 3, FrameEmbedding(32)(3)), z)
    assert torch.equal(TemporalConv3d(32, 8)(z, 3), z)


def test_attention_mixes_frames_of_one_place_of_one_clip() -> None:
    layer, position = perturbed(TemporalAttention(32)), FrameEmbedding(32)(3)
    z = torch.randn(6, 32, 2, 4)
    changed = z.clone()
    changed[1, :, 0, 2] = torch.randn(32)  # frame 1 of clip 0
    moved = (layer(z, 3, position) - layer(changed, 3, position)).abs().amax(dim=1) > 1e-6
    assert moved[:3, 0, 2].all()
    assert int(moved.sum()) == 3


def test_convolution_reaches_neighbours_and_context_matters() -> None:
    layer = perturbed(TemporalConv(32, 8, 4))
    z, embedding, context = torch.randn(10, 32, 2, 4), torch.randn(2, 8), torch.randn(10, 4, 2, 4)
    out = layer(z, 5, embedding, context)
    for other in (layer(z, 5, embedding + 1, context), layer(z, 5, embedding, context + 1)):
        assert not torch.allclose(out, other)
    clips = layer(z[:5], 5, embedding[:1], context[:5])
    torch.testing.assert_close(out[:5], clips)


def test_frame_order_matters_to_attention() -> None:
    layer, position = perturbed(TemporalAttention(32)), perturbed(FrameEmbedding(32))(3)
    z = torch.randn(3, 32, 1, 1)
    assert not torch.allclose(layer(z.flip(0), 3, position).flip(0), layer(z, 3, position))


def test_layers_of_levels_take_clips_of_any_length_and_keep_them_apart() -> None:
    levels = perturbed(TemporalLevels((16, 8), (4, 4)))
    z = torch.randn(6, 8, 2, 4)
    torch.testing.assert_close(levels.hook(3)(1, z)[:3], levels.hook(3)(1, z[:3]))
    assert not torch.allclose(levels.hook(6)(1, z)[:3], levels.hook(3)(1, z)[:3])
    assert levels.reach == 2


def test_rotary_attention_sees_how_far_frames_are_apart_and_not_where_they_are() -> None:
    torch.manual_seed(0)
    q, k = torch.randn(2, 8)
    angles = FrameAngles(8)(12)

    def product(a: int, b: int) -> float:
        return float((turned(q[None], angles[a : a + 1]) * turned(k[None], angles[b : b + 1])).sum())

    assert product(0, 3) == pytest.approx(product(7, 10), abs=1e-5) and product(0, 3) != pytest.approx(product(0, 5), abs=1e-3)
    layer, z = perturbed(TemporalAttention(32, 8, rotary=True)), torch.randn(6, 32, 2, 4)
    forth, back = layer(z, 6, FrameAngles(8)(6)), layer(z.flip(0), 6, FrameAngles(8)(6)).flip(0)
    assert not torch.allclose(forth, back, atol=1e-5)


def test_convolutions_without_reach_see_no_order_of_frames() -> None:
    z, order = torch.randn(6, 32, 2, 4), torch.tensor([3, 0, 5, 1, 2, 4])
    for reach, alike in ((0, True), (1, False)):
        layer = perturbed(TemporalConv(32, reach=reach))
        assert torch.allclose(layer(z, 6)[order], layer(z[order], 6), atol=1e-4) == alike


def test_masked_attention_is_a_softmax_over_the_frames_that_are_near() -> None:
    layer, frames, distance = perturbed(TemporalAttention(8, 8, rotary=True)), 7, 2
    z, angles = torch.randn(frames, 8, 1, 1), FrameAngles(8)(frames)
    places = layer.norm(z[:, :, 0, 0])
    q, (k, v) = layer.attention.query(places), layer.attention.key_value(places).chunk(2, dim=-1)
    q, k = turned(q, angles), turned(k, angles)
    rows = []
    for i in range(frames):
        near = [j for j in range(frames) if abs(i - j) <= distance]
        share = torch.stack([(q[i] @ k[j]) / 8**0.5 for j in near]).softmax(dim=0)
        rows.append(sum(share[n] * v[j] for n, j in enumerate(near)))
    expected = layer.merge(z, z + layer.attention.out(torch.stack(rows))[..., None, None])
    for gradients in (True, False):  # two kernels
        with torch.set_grad_enabled(gradients):
            torch.testing.assert_close(layer(z, frames, angles, near=near_frames(frames, distance)), expected)


def test_a_clip_no_longer_than_the_distance_needs_no_mask() -> None:
    assert near_frames(9, 8) is None and near_frames(40, None) is None
    near = near_frames(10, 8)
    assert near is not None and int((~near).sum()) == 2 and not near[0, 0, 9] and not near[0, 9, 0]


def test_a_stack_of_masked_layers_reaches_so_far_and_no_farther() -> None:
    """Distance times attentions, and a frame for each convolution; where a frame stands does not matter (rotary angles)."""
    frames, distance, layers = 16, 2, 2
    stack = [(perturbed(TemporalAttention(16, 8, rotary=True)), perturbed(TemporalConv3d(16, 8))) for _ in range(layers)]
    reach = layers * (distance + 1)

    def out(z: torch.Tensor) -> torch.Tensor:
        count = len(z)
        for attention, convolution in stack:
            z = convolution(attention(z, count, FrameAngles(8)(count), near=near_frames(count, distance)), count)
        return z

    z, weight = torch.randn(2, frames, 16, 2, 2, generator=torch.Generator().manual_seed(1))
    made = out(z.requires_grad_()) * weight
    # by gradients: what comes from farthest is so little that it vanishes in the rounding of sums
    pulls = [torch.autograd.grad(frame.sum(), z, retain_graph=True)[0][0].abs().max() > 0 for frame in made]
    assert all(pulls[: reach + 1]) and not any(pulls[reach + 1 :])
    z = z.detach()
    later = out(z[3:])  # the same frames, three places earlier: alike where neither end is in reach
    torch.testing.assert_close(out(z)[3 + reach :], later[reach:], atol=1e-4, rtol=1e-4)
