"""Guidance: away from what the network says without a condition, toward what it says with it."""

from __future__ import annotations

from torch import Tensor

from drivesim.diffusion.denoiser import Denoise


def guide(conditional: Denoise, null: Denoise, scale: float, rescale: float = 0.0) -> Denoise:
    """null + scale (conditional - null), on the estimates of x_0 (the same as on v or epsilon: all are affine in x_0).

    Classifier-free guidance with a null branch without conditions; context guidance (Video LDM, sec. 3.2) with a null
    branch without context frames. Scale 1 is `conditional` itself, 0 is `null` itself; the other one is never called.

    Guided estimates are off in the mean and spread wider than either: colours grow loud, and videos drift from window to window.
    `rescale` above 0 keeps the means of each picture's channels [... c h w] those of `conditional`, and brings its deviation from
    them back to that of `conditional` by as much as it says, 1 for all the way (after arXiv 2305.08891, sec. 3.4, which scales
    means along and so makes videos darker).
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
        wanted_mean, wanted = _mean_and_deviation(toward)
        mean, deviation = _mean_and_deviation(out)
        return wanted_mean + (out - mean) * (1 - rescale + rescale * wanted / deviation.clamp(min=1e-6))

    return guided


def _mean_and_deviation(pictures: Tensor) -> tuple[Tensor, Tensor]:
    """Of pictures [... c h w] the means of their channels [... c 1 1], and the deviation of all from these [... 1 1 1]."""
    mean = pictures.mean(dim=(-2, -1), keepdim=True)
    return mean, (pictures - mean).square().mean(dim=(-3, -2, -1), keepdim=True).sqrt()
