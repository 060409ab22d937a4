"""Guidance: away from what the network says without a condition, toward what it says with it."""

from __future__ import annotations

from torch import Tensor

from drivesim.diffusion.denoiser import Denoise


def guide(conditional: Denoise, null: Denoise, scale: float) -> Denoise:
    """null + scale (conditional - null), on the estimates of x_0 (the same as on v or epsilon: all are affine in x_0).

    Classifier-free guidance with a null branch without conditions; context guidance (Video LDM, sec. 3.2) with a null
    branch without context frames. Scale 1 is `conditional` itself, 0 is `null` itself; the other one is never called.
    """
    if scale == 1.0:
        return conditional
    if scale == 0.0:
        return null

    def guided(x: Tensor, t: Tensor) -> Tensor:
        base = null(x, t)
        return base + scale * (conditional(x, t) - base)

    return guided
