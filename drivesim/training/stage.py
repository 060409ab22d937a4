"""What the training loop knows of a stage: modules, samples, losses. Everything else is the stage's own."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple, Protocol

import numpy as np
import torch
from pydantic import ConfigDict, Field
from torch import Tensor, nn

from drivesim.config import Config
from drivesim.tensors import numpy_stream
from drivesim.video_format import TrainedName

Batch = dict[str, Tensor]
Chance = Annotated[float, Field(ge=0, le=1)]


class Recipe(Config):
    """How long and how hard a stage trains. Every length is counted in samples seen, so that the batch size is free.

    `batch` samples a step over all processes; `learning_rate` after `warmup` samples, falling to zero along a half cosine
    over the last `cooldown` share of `samples`; `ema` half-life in samples; `clip` bounds the gradient norm.
    `held_out_batches`: how much the held-out figures are measured on, in batches of the stage's own size. `optimizer`: see
    optim.make_optimizers. `compile` compiles the stage's networks. `bf16`: in bfloat16, where the device computes with it.

    Samples are drawn from random numbers of the seed `stream`; none is `seed`. A run that goes on from other weights has a
    stream of its own, or it would see once more what these have seen.
    """

    model_config = ConfigDict(allow_inf_nan=False)

    seed: int = 0
    stream: int | None = None
    batch: int = Field(16, ge=1)
    samples: int = Field(100_000, ge=1)
    learning_rate: float = Field(3e-4, gt=0)
    warmup: int = Field(2_000, ge=0)
    cooldown: float = Field(0.5, ge=0, le=1)
    weight_decay: float = Field(0.0, ge=0)
    betas: tuple[float, float] = (0.9, 0.99)
    clip: float = Field(1.0, gt=0)
    ema: float = Field(5_000, gt=0)
    evaluate_every: int = Field(20_000, ge=1)
    save_every: int = Field(10_000, ge=1)
    held_out_batches: int = Field(8, ge=1)
    bf16: bool = True
    compile: bool = False
    optimizer: Literal["adamw", "muon"] = "adamw"

    @property
    def origin(self) -> TrainedName | None:
        """The checkpoint that a run goes on from where it is told of no other; None starts afresh."""
        return None

    def sample_rng(self, *key: int | str) -> np.random.Generator:
        """The random numbers of the sample, or step, `key`."""
        return numpy_stream(self.seed if self.stream is None else self.stream, *key)


class ModelDescription(NamedTuple):
    """A model's configuration, and the hashes of what it was trained on top of: see checkpoint.Checkpoint."""

    model: dict[str, Any]
    base: str | None = None
    decoder: str | None = None


class Stage(Protocol):
    """One trainable part of the cascade. Its randomness lies in `draw` alone; `losses` is deterministic in the batch.

    Its networks are there before its data are, so that what does not fit is found before data are rendered.
    """

    modules: dict[str, nn.Module]
    """What is trained, by name; `modules["model"]` is what gets exported. Parameters that need no gradient stay as they are."""

    @property
    def name(self) -> TrainedName:
        """Which stage it is."""

    @property
    def networks(self) -> tuple[nn.Module, ...]:
        """Where the work is done: calls of these are what `recipe.compile` compiles."""

    @property
    def recipe(self) -> Recipe:
        """How long and how hard it trains."""

    def open(self, data: list[Path], held_out: list[Path]) -> None:
        """Opens the stores to learn from and to be measured on; once, before all that follows."""

    def draw(self, step: int, index: range) -> Batch:
        """The samples numbered `index` of the step that begins at sample `step`: a pure function of seed and numbers."""

    def losses(self, batch: Batch, samples: int) -> Iterator[tuple[str, Tensor, dict[str, Tensor]]]:
        """Yields (module name, scalar loss, figures to log); the loop steps that module before it asks for the next."""

    def evaluate(self) -> dict[str, float]:
        """Held-out figures with the weights that the modules hold now."""

    def preview(self) -> np.ndarray:
        """A picture uint8 [h w 3] that shows at a glance how far training has come."""

    def finish(self) -> None:
        """Settles what is measured after training (a latent scale, say), on the weights that will be exported."""

    def description(self) -> ModelDescription:
        """What config.json says of the model."""


def chances(usual: dict[str, float], wanted: dict[str, float]) -> dict[str, float]:
    """The usual chances, by name, with those that are wanted otherwise; ValueError for a name that has none."""
    if unknown := wanted.keys() - usual.keys():
        raise ValueError(f"no chance of {', '.join(sorted(unknown))} is drawn here; there are {', '.join(usual)}")
    return usual | wanted


def mean_figures(parts: Sequence[dict[str, float]]) -> dict[str, float]:
    """The mean of each figure over the parts of what is held out."""
    return {name: sum(part[name] for part in parts) / len(parts) for name in parts[0]}


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Within it torch's initialisers draw from `seed`; the state of the global generator is as before afterwards."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        yield
