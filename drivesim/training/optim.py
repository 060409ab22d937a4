"""Learning rate over samples, exponential moving average of weights, gradients averaged over processes."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import torch
import torch.distributed as dist
from torch import Tensor, nn

from drivesim.training.stage import Recipe


def learning_rate(recipe: Recipe, samples: int) -> float:
    """Linear warm-up, a plateau, then a half cosine to zero over the last `cooldown` share of the samples."""
    rate = recipe.learning_rate * min(1.0, (samples + recipe.batch) / max(recipe.warmup, recipe.batch))
    start = recipe.samples * (1 - recipe.cooldown)
    if samples > start and recipe.cooldown > 0:
        rate *= 0.5 + 0.5 * math.cos(math.pi * min(1.0, (samples - start) / (recipe.samples - start)))
    return rate


def trainable(module: nn.Module) -> dict[str, nn.Parameter]:
    """The parameters of `module` that take gradients, by name."""
    return {name: p for name, p in module.named_parameters() if p.requires_grad}


def make_optimizer(module: nn.Module, recipe: Recipe) -> torch.optim.AdamW:
    """AdamW over the trainable parameters; matrices and kernels are decayed, gains and biases are not."""
    parameters = trainable(module).values()
    groups = [
        {"params": [p for p in parameters if p.ndim > 1], "weight_decay": recipe.weight_decay},
        {"params": [p for p in parameters if p.ndim <= 1], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW([g for g in groups if g["params"]], lr=recipe.learning_rate, betas=recipe.betas, fused=True)


class Ema:
    """Exponential moving average of a module's trainable parameters, fp32.

    The half-life is `recipe.ema` samples, but never more than a tenth of the samples seen so far, so that early averages are
    not dominated by the random start.
    """

    def __init__(self, module: nn.Module, half_life: float) -> None:
        self.half_life = half_life
        self.tensors = {name: p.detach().clone().float() for name, p in trainable(module).items()}

    @torch.no_grad()
    def update(self, module: nn.Module, batch: int, samples: int) -> None:
        """Moves the average after a step of `batch` samples, `samples` seen before it."""
        half_life = min(self.half_life, max(samples, batch) / 10)
        share = 1.0 - 0.5 ** (batch / max(half_life, 1e-9))
        parameters = trainable(module)
        torch._foreach_lerp_(list(self.tensors.values()), [parameters[n].float() for n in self.tensors], share)

    @contextmanager
    def applied(self, module: nn.Module) -> Iterator[None]:
        """Within the context `module` holds the averaged weights."""
        parameters = trainable(module)
        kept = {name: p.detach().clone() for name, p in parameters.items()}
        with torch.no_grad():
            for name, p in parameters.items():
                p.copy_(self.tensors[name])
        try:
            yield
        finally:
            with torch.no_grad():
                for name, p in parameters.items():
                    p.copy_(kept[name])


def world_size() -> int:
    """Number of training processes."""
    return dist.get_world_size() if dist.is_initialized() else 1


def rank() -> int:
    """Number of this process."""
    return dist.get_rank() if dist.is_initialized() else 0


def barrier() -> None:
    """Waits for the other processes, if there are any."""
    if dist.is_initialized():
        dist.barrier()


@torch.no_grad()
def average_gradients(parameters: Iterable[nn.Parameter]) -> None:
    """Data-parallel training: replaces every gradient by its mean over the processes, in one transfer."""
    if world_size() == 1:
        return
    gradients = [p.grad if p.grad is not None else torch.zeros_like(p) for p in parameters]
    flat = torch.cat([g.reshape(-1) for g in gradients])
    dist.all_reduce(flat)
    flat /= world_size()
    offset = 0
    for parameter, gradient in zip(parameters, gradients, strict=True):
        part: Tensor = flat[offset : offset + gradient.numel()]
        parameter.grad = part.view_as(gradient).clone()
        offset += gradient.numel()
