"""Muon: momentum whose matrices are made orthogonal, so that every direction of a weight learns at the same pace.

(Jordan et al. 2024; scaled as in Liu et al. 2502.16982.) torch.optim.Muon is younger than the oldest torch that training
runs on, and takes matrices only, not kernels.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn

NEWTON_SCHULZ = (3.4445, -4.7750, 2.0315)
"""Coefficients of the odd quintic whose iteration takes singular values from (0, 1] to about 1 (0.68 to 1.14)."""
UPDATE_RMS = 0.2
"""Root mean square of an update at a learning rate of 1: about that of AdamW, whose learning rates therefore fit."""


def orthogonalised(matrix: Tensor, steps: int = 5) -> Tensor:
    """`matrix` [r c] with its singular vectors and singular values of about 1, computed in bf16."""
    a, b, c = NEWTON_SCHULZ
    tall = matrix.shape[0] > matrix.shape[1]
    x = (matrix.T if tall else matrix).bfloat16()
    x = x / (x.norm() + 1e-7)
    for _ in range(steps):
        gram = x @ x.T
        x = a * x + (b * gram + c * gram @ gram) @ x
    return (x.T if tall else x).to(matrix.dtype)


class Muon(torch.optim.Optimizer):
    """Nesterov momentum, orthogonalised, for weights of at least two axes: a kernel [o i h w] counts as the matrix [o i*h*w].

    Weight decay is decoupled from the gradient, as in AdamW.
    """

    def __init__(
        self, parameters: Iterable[nn.Parameter], learning_rate: float, weight_decay: float = 0.0, momentum: float = 0.95
    ) -> None:
        super().__init__(parameters, {"lr": learning_rate, "weight_decay": weight_decay, "momentum": momentum})

    def prepare(self, parameter: nn.Parameter) -> dict[str, Tensor]:
        """The state of a parameter that has not been stepped."""
        return {"momentum": torch.zeros_like(parameter)}

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:  # type: ignore[override]
        """Moves every parameter that has a gradient; `closure` is not called."""
        for group in self.param_groups:
            rate, momentum = group["lr"], group["momentum"]
            for parameter in group["params"]:
                if parameter.grad is None:
                    continue
                if not self.state[parameter]:
                    self.state[parameter] = self.prepare(parameter)
                average = self.state[parameter]["momentum"].lerp_(parameter.grad, 1 - momentum)
                matrix = parameter.grad.lerp(average, momentum).flatten(1)
                scale = UPDATE_RMS * math.sqrt(max(matrix.shape))
                parameter.mul_(1 - rate * group["weight_decay"])
                parameter.add_(orthogonalised(matrix).view(parameter.shape), alpha=-rate * scale)
