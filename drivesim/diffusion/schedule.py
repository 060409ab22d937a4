"""Noise schedules: how much of the signal is left at every diffusion time."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor


@dataclass(frozen=True, eq=False)
class NoiseSchedule:
    """x_t = alpha[t] x_0 + sigma[t] noise with alpha^2 + sigma^2 = 1; `alpha`, `sigma` float64 [T], on the CPU.

    Times `t` are int64, 0 (almost clean) to T - 1 (almost or wholly noise).
    """

    alpha: Tensor
    sigma: Tensor

    @classmethod
    def from_alpha(cls, alpha: Tensor) -> Self:
        """The variance-preserving schedule with this share of signal, float64 [T]."""
        return cls(alpha, (1.0 - alpha**2).clamp(min=0).sqrt())

    @classmethod
    def from_beta(cls, beta: Tensor) -> Self:
        """The schedule whose forward process adds variance `beta` [T] in each step (DDPM, eq. 4)."""
        return cls.from_alpha(torch.cumprod(1.0 - beta, dim=0).sqrt())

    @classmethod
    def linear(cls, steps: int = 1000, start: float = 0.0015, end: float = 0.0195) -> Self:
        """Latent Diffusion's "linear" schedule: linear in sqrt(beta), then squared (the papers' 0.0015 to 0.0195)."""
        return cls.from_beta(torch.linspace(start**0.5, end**0.5, steps, dtype=torch.float64) ** 2)

    @classmethod
    def cosine(cls, steps: int = 1000) -> Self:
        """Improved DDPM, eq. 17: alpha^2 follows a squared cosine, beta is at most 0.999."""
        time = torch.arange(steps + 1, dtype=torch.float64) / steps
        signal = torch.cos((time + 0.008) / 1.008 * math.pi / 2) ** 2
        return cls.from_beta((1.0 - signal[1:] / signal[:-1]).clamp(max=0.999))

    def zero_terminal_snr(self) -> Self:
        """The schedule shifted and scaled so that no signal is left at T - 1 (Lin et al. 2305.08891, algorithm 1)."""
        first, last = self.alpha[0], self.alpha[-1]
        return type(self).from_alpha((self.alpha - last) * (first / (first - last)))

    def __len__(self) -> int:
        return len(self.alpha)

    def at(self, t: Tensor, like: Tensor) -> tuple[Tensor, Tensor]:
        """alpha and sigma at `t` int64 [b], shaped [b 1 ...] to multiply `like` [b ...], in float32 or finer."""
        dtype = torch.promote_types(like.dtype, torch.float32)
        shape = (-1,) + (1,) * (like.ndim - 1)
        alpha, sigma = (x.to(like.device, dtype)[t].reshape(shape) for x in (self.alpha, self.sigma))
        return alpha, sigma

    def add_noise(self, x0: Tensor, noise: Tensor, t: Tensor) -> Tensor:
        """x_t [b ...] of clean `x0` [b ...]."""
        alpha, sigma = self.at(t, x0)
        return alpha * x0 + sigma * noise

    def velocity(self, x0: Tensor, noise: Tensor, t: Tensor) -> Tensor:
        """v = alpha noise - sigma x_0 [b ...] (Salimans and Ho 2202.00512, appendix D)."""
        alpha, sigma = self.at(t, x0)
        return alpha * noise - sigma * x0
