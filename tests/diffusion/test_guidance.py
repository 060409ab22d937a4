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
