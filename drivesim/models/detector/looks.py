"""What rendered days and nights look like to the detector: tells them apart, and notices what is neither."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

_FLOOR = 0.01  # of the mean variance, added to that of every direction: what hardly varies must not decide
_RANGE = 0.995  # quantile of the distances of rendered frames that is still within their range


class Looks(nn.Module):
    """Of features [n d] of frames, by time of day (0 day, 1 night): their mean, what makes their deviations from it white, and the
    largest usual distance; and the mean gradient energy of the frames.

    They are measured when a detector is exported; before that nothing is told apart.
    """

    mean: Tensor
    whitening: Tensor
    spread: Tensor
    largest: Tensor
    energy: Tensor

    def __init__(self, width: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(2, width))
        self.register_buffer("whitening", torch.eye(width).repeat(2, 1, 1))
        self.register_buffer("spread", torch.zeros(2))  # mean logarithm of the deviations
        self.register_buffer("largest", torch.ones(2))
        self.register_buffer("energy", torch.zeros(2))

    def fit(self, features: np.ndarray, energy: np.ndarray, night: np.ndarray) -> None:
        """Measures them on features [n d] and gradient energies [n] of rendered frames, with `night` bool [n]; a time of day of
        which there are fewer than two frames stays as it is."""
        for row, here in enumerate((~night, night)):
            part = features[here].astype(np.float64)
            if len(part) < 2:
                continue
            values, directions = np.linalg.eigh(np.cov(part, rowvar=False))
            deviations = np.sqrt(np.clip(values, 0, None) + max(_FLOOR * values.mean(), 1e-6))
            self.mean[row] = torch.from_numpy(part.mean(axis=0))
            self.whitening[row] = torch.from_numpy((directions / deviations) @ directions.T)
            self.spread[row] = float(np.log(deviations).mean())
            self.energy[row] = float(energy[here].mean())
            self.largest[row] = float(np.quantile(self.distances(part)[:, row], _RANGE))

    def distances(self, features: np.ndarray) -> np.ndarray:
        """Mahalanobis distances from a rendered day and a rendered night, over the root of d: [n 2], about 1 for what is usual."""
        mean, whitening = (x.float().cpu().numpy() for x in (self.mean, self.whitening))
        white = np.einsum("nkd,kde->nke", features[:, None] - mean, whitening)
        return np.asarray(np.sqrt(np.square(white).mean(axis=-1)))

    def is_night(self, features: np.ndarray) -> np.ndarray:
        """bool [n]: whether each frame is likelier as a rendered night than as a day, both normally distributed."""
        badness = np.square(self.distances(features)) + 2 * self.spread.float().cpu().numpy()
        return np.asarray(badness[:, 1] < badness[:, 0])

    def strangeness(self, features: np.ndarray) -> np.ndarray:
        """How far each frame is from what is usual for the nearer of the two, as a share of the largest usual distance [n]."""
        return np.asarray((self.distances(features) / self.largest.float().cpu().numpy()).min(axis=-1))
