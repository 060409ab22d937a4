"""Guidance scales are what they claim."""

import torch
from torch import Tensor

from drivesim.diffusion.guidance import guide

X, T = torch.randn(2, 3, generator=torch.Generator().manual_seed(0)), torch.tensor([5, 5])


def conditional(x: Tensor, t: Tensor) -> Tensor:
    return 2 * x


def null(x: Tensor, t: Tensor) -> Tensor:
    return x - 1


def never(x: Tensor, t: Tensor) -> Tensor:
    raise AssertionError("this branch is not needed")


def test_scale_one_is_the_conditional_branch_and_does_not_call_the_other() -> None:
    assert torch.equal(guide(conditional, never, 1.0)(X, T), conditional(X, T))


def test_scale_zero_is_the_null_branch_and_does_not_call_the_other() -> None:
    assert torch.equal(guide(never, null, 0.0)(X, T), null(X, T))


def test_other_scales_go_on_from_null_through_conditional() -> None:
    torch.testing.assert_close(guide(conditional, null, 2.5)(X, T), (X - 1) + 2.5 * (X + 1))


def test_guidance_nests() -> None:
    inner = guide(conditional, null, 2.0)
    torch.testing.assert_close(guide(inner, null, 3.0)(X, T), guide(conditional, null, 6.0)(X, T))


def test_rescaled_pictures_spread_as_the_conditional_ones_and_half_way_half_as_far() -> None:
    x = torch.randn(2, 3, 4, 8, 8, generator=torch.Generator().manual_seed(1))
    base, toward = 0.5 * x, 1.0 * x
    whole, half, none = (guide(lambda x, t: toward, lambda x, t: base, 3.0, rescale)(x, T) for rescale in (1.0, 0.5, 0.0))
    torch.testing.assert_close(none, 2 * x)
    mean = x.mean(dim=(-2, -1), keepdim=True)
    torch.testing.assert_close(whole, x)
    torch.testing.assert_close(half, mean + 1.5 * (x - mean))
    brighter = guide(lambda x, t: toward + 0.3, lambda x, t: base, 3.0, 0.5)(x, T)
    torch.testing.assert_close(brighter, half + 0.3)
    alone = guide(lambda x, t: toward[:1], lambda x, t: base[:1], 3.0, 0.7)(x[:1], T[:1])
    assert torch.equal(alone, guide(lambda x, t: toward, lambda x, t: base, 3.0, 0.7)(x, T)[:1]), "each picture by itself"
