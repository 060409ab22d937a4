"""DDIM sampling (Song et al. 2010.02502) over any denoiser."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, NamedTuple

import torch
from torch import Tensor

from drivesim.diffusion.denoiser import Denoise
from drivesim.diffusion.schedule import NoiseSchedule

Spacing = Literal["trailing", "leading"]


class Draft(NamedTuple):
    """What sampling may begin with instead of pure noise (SDEdit, Meng et al. 2108.01073): `x0` [b ...], a guess of the sample.

    `noise`, 0 to 1, is the share of the diffusion times that are gone through: the less, the more of the guess stays.
    """

    x0: Tensor
    noise: float


def timesteps(schedule_length: int, steps: int, spacing: Spacing = "trailing") -> Tensor:
    """Diffusion times of a sampler, falling: int64 [steps].

    "trailing" starts at the last time, pure noise (right for zero terminal SNR and few steps, Lin et al. 2305.08891,
    sec. 3.3); "leading" ends at time 0. Raises ValueError unless 1 <= steps <= schedule_length.
    """
    if not 1 <= steps <= schedule_length:
        raise ValueError(f"steps is {steps}; take 1 to {schedule_length}")
    if spacing == "leading":
        return torch.arange(steps).flip(0) * (schedule_length // steps)
    falling = schedule_length - torch.arange(steps, dtype=torch.float64) * (schedule_length / steps)
    return falling.round().long() - 1


def ddim_step(
    schedule: NoiseSchedule, x: Tensor, x0: Tensor, now: int, after: int | None, eta: float, fresh: Tensor | None
) -> Tensor:
    """x at time `after` (None: clean) from `x` at time `now` and the estimate `x0` (DDIM, eq. 12 and 16); [...] each.

    `fresh` is unit noise, not needed where `eta` is 0 or `after` is None.
    """
    if after is None:
        return x0
    alpha, sigma = float(schedule.alpha[now]), float(schedule.sigma[now])
    alpha_after, sigma_after = float(schedule.alpha[after]), float(schedule.sigma[after])
    spread = eta * (sigma_after / sigma) * max(0.0, 1.0 - (alpha / alpha_after) ** 2) ** 0.5
    kept = max(0.0, sigma_after**2 - spread**2) ** 0.5 / sigma  # of the noise (x - alpha x0) / sigma
    moved = (kept * x).add_(x0, alpha=alpha_after - kept * alpha)
    return moved if fresh is None else moved.add_(fresh, alpha=spread)


@torch.no_grad()
def sample(
    denoise: Denoise,
    schedule: NoiseSchedule,
    noise: Tensor,
    steps: int,
    eta: float = 0.0,
    noise_source: Callable[[int], Tensor] | None = None,
    on_step: Callable[[int, Tensor], None] | None = None,
    spacing: Spacing = "trailing",
    draft: Draft | None = None,
) -> Tensor:
    """A sample x_0 [b ...] from unit `noise` [b ...] in `steps` calls of `denoise`, or from a `draft` with noise added.

    `eta` 0 is deterministic, 1 has DDPM's variance; it then needs `noise_source(i)`, unit noise [b ...] after step i,
    asked for once a step, in order, never for the last. `on_step(i, x0)` sees the estimate of every step. The
    arithmetic keeps the dtype of `noise`. Raises ValueError for eta > 0 without a noise source.
    """
    if eta > 0 and noise_source is None:
        raise ValueError(f"eta is {eta}, which needs a noise_source")
    length = len(schedule) if draft is None else max(steps, round(draft.noise * len(schedule)))
    times = timesteps(length, steps, spacing).tolist()
    x = noise if draft is None else schedule.add_noise(draft.x0, noise, torch.full((len(noise),), times[0]).to(noise.device))
    for i, (now, after) in enumerate(zip(times, [*times[1:], None], strict=True)):
        t = torch.full((len(x),), now, dtype=torch.int64, device=x.device)
        x0 = denoise(x, t).to(x.dtype)
        fresh = noise_source(i).to(x) if noise_source is not None and eta > 0 and after is not None else None
        x = ddim_step(schedule, x, x0, now, after, eta, fresh)
        if on_step is not None:
            on_step(i, x0)
    return x
