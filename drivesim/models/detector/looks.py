"""What rendered days and nights look like to the detector: tells them apart, and notices what is neither."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

_LEAST = 1e-3  # of a feature's deviation
_RANGE = 0.995  # quantile of the distances of rendered frames that is still within their range


class Looks(nn.Module):
    """Of features [n d] of frames, by time of day (0 day, 1 night): mean, deviation and the largest usual distance from it, and the
    mean gradient energy of the frames.

    They are measured when a detector is exported; before that nothing is told apart.
    """

    mean: Tensor
    deviation: Tensor
    largest: Tensor
    energy: Tensor

    def __init__(self, width: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(2, width))
        self.register_buffer("deviation", torch.ones(2, width))
        self.register_buffer("largest", torch.ones(2))
        self.register_buffer("energy", torch.zeros(2))

    def fit(self, features: np.ndarray, energy: np.ndarray, night: np.ndarray) -> None:
        """Measures them on features [n d] and gradient energies [n] of rendered frames, with `night` bool [n]; a time of day of
        which there are fewer than two frames stays as it is."""
        for row, here in enumerate((~night, night)):
            part = features[here]
            if len(part) < 2:
                continue
            self.energy[row] = float(energy[here].mean())
            self.mean[row] = torch.from_numpy(part.mean(axis=0))
            self.deviation[row] = torch.from_numpy(np.maximum(part.std(axis=0), _LEAST))
            self.largest[row] = float(np.quantile(self.distances(part)[:, row], _RANGE))

    def distances(self, features: np.ndarray) -> np.ndarray:
        """Root mean square of the deviations from a rendered day and a rendered night, in units of their own: [n 2]."""
        mean, deviation = (x.float().cpu().numpy() for x in (self.mean, self.deviation))
        return np.asarray(np.sqrt(np.square((features[:, None] - mean) / deviation).mean(axis=-1)))

    def is_night(self, features: np.ndarray) -> np.ndarray:
        """bool [n]: whether each frame looks more like a rendered night than like a day (naive Bayes)."""
        spread = np.log(self.deviation.float().cpu().numpy()).mean(axis=-1)
        badness = np.square(self.distances(features)) + 2 * spread
        return np.asarray(badness[:, 1] < badness[:, 0])

    def strangeness(self, features: np.ndarray) -> np.ndarray:
        """How far each frame is from what is usual for the nearer of the two, as a share of the largest usual distance [n]."""
        return np.asarray((self.distances(features) / self.largest.float().cpu().numpy()).min(axis=-1))
