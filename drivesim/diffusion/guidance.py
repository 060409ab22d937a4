"""Guidance: away from what the network says without a condition, toward what it says with it."""

from __future__ import annotations

from torch import Tensor

from drivesim.diffusion.denoiser import Denoise


def guide(conditional: Denoise, null: Denoise, scale: float, rescale: float = 0.0) -> Denoise:
    """null + scale (conditional - null), on the estimates of x_0 (the same as on v or epsilon: all are affine in x_0).

    Classifier-free guidance with a null branch without conditions; context guidance (Video LDM, sec. 3.2) with a null
    branch without context frames. Scale 1 is `conditional` itself, 0 is `null` itself; the other one is never called.

    Guided estimates spread wider than either: colours grow loud, and in a video louder from window to window. `rescale`, 0 to 1,
    brings the deviation of each picture [... c h w] that far back to that of `conditional` (arXiv 2305.08891, sec. 3.4).
    """
    if scale == 1.0:
        return conditional
    if scale == 0.0:
        return null

    def guided(x: Tensor, t: Tensor) -> Tensor:
        base, toward = null(x, t), conditional(x, t)
        out = base + scale * (toward - base)
        if rescale == 0.0:
            return out
        own, wanted = (estimate.std(dim=(-3, -2, -1), keepdim=True) for estimate in (out, toward))
        return out * (1 - rescale + rescale * wanted / own.clamp(min=1e-6))

    return guided
