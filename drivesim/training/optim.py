"""Learning rate over samples, optimizers, exponential moving average of weights, gradients averaged over processes."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.modules.conv import _ConvNd

from drivesim.training.muon import Muon
from drivesim.training.stage import Recipe

ENDS = frozenset({"stem", "head", "conv_in", "conv_out", "first", "road", "maps", "entry", "level", "share", "estimate"})
"""Names of first and last layers of a network, whose inputs or outputs are no features."""


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


def make_optimizers(module: nn.Module, recipe: Recipe) -> tuple[torch.optim.Optimizer, ...]:
    """What steps the trainable parameters of `module`: AdamW, and for some of them Muon if the recipe says so.

    Matrices and kernels are decayed, gains and biases are not.
    """
    parameters = trainable(module)
    muon = {name for name in hidden_weights(module) if name in parameters} if recipe.optimizer == "muon" else set()
    others = [p for name, p in parameters.items() if name not in muon]
    groups = [
        {"params": [p for p in others if p.ndim > 1], "weight_decay": recipe.weight_decay},
        {"params": [p for p in others if p.ndim <= 1], "weight_decay": 0.0},
    ]
    optimizers: list[torch.optim.Optimizer] = []
    if others:
        groups = [group for group in groups if group["params"]]
        optimizers.append(torch.optim.AdamW(groups, lr=recipe.learning_rate, betas=recipe.betas, fused=True))
    if muon:
        weights = [p for name, p in parameters.items() if name in muon]
        optimizers.append(Muon(weights, recipe.learning_rate, recipe.weight_decay))
    return tuple(optimizers)


def hidden_weights(module: nn.Module) -> Iterator[str]:
    """Names of the weights between features and features: of linear and convolutional layers but the first and last.

    Tables of embeddings are none, nor are weights under a parametrisation such as a spectral norm.
    """
    for name, layer in module.named_modules():
        own = layer._parameters.get("weight")
        if isinstance(layer, nn.Linear | _ConvNd) and own is not None and name.rpartition(".")[2] not in ENDS:
            yield f"{name}.weight" if name else "weight"


def prepare(optimizer: torch.optim.Optimizer) -> None:
    """Gives a fresh optimizer the tensors that its first step would make, so that a saved state has a place to go."""
    for group in optimizer.param_groups:
        for parameter in group["params"]:
            if isinstance(optimizer, Muon):
                optimizer.state[parameter] = optimizer.prepare(parameter)
            else:
                optimizer.state[parameter] = {
                    "step": torch.zeros((), device=parameter.device),
                    "exp_avg": torch.zeros_like(parameter),
                    "exp_avg_sq": torch.zeros_like(parameter),
                }


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
