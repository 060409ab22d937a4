"""A stage small enough to know the answer: a linear map learned from noisy samples, with a second module beside it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from drivesim.training.stage import Batch, ModelDescription, Recipe
from drivesim.video_format import StageName

TRUTH = torch.tensor([[1.0, -2.0, 0.5], [0.0, 3.0, 1.0]])


class ToyStage:
    name: StageName = "autoencoder"

    def __init__(self, recipe: Recipe) -> None:
        self.recipe = recipe
        generator = torch.Generator().manual_seed(recipe.seed)
        self.model, other = nn.Linear(3, 2, bias=False), nn.Linear(2, 1)
        for parameter in (*self.model.parameters(), *other.parameters()):
            nn.init.normal_(parameter, generator=generator)
        self.modules: dict[str, nn.Module] = {"model": self.model, "other": other}
        self.networks = (self.model,)
        self.seen: list[int] = []

    def open(self, data: list[Path], held_out: list[Path]) -> None:
        pass

    def draw(self, step: int, index: range) -> Batch:
        x = np.stack([self.recipe.sample_rng("toy", i).standard_normal(3, np.float32) for i in index])
        return {"x": torch.from_numpy(x), "index": torch.tensor(list(index))}

    def losses(self, batch: Batch, samples: int) -> Iterator[tuple[str, Tensor, dict[str, Tensor]]]:
        self.seen += batch["index"].tolist()
        made = self.model(batch["x"])
        yield "model", (made - batch["x"] @ TRUTH.T).square().mean(), {}
        if samples >= self.recipe.samples // 2:
            yield "other", self.modules["other"](made.detach()).square().mean(), {}

    def evaluate(self) -> dict[str, float]:
        return {"error": float((self.model.weight.detach() - TRUTH).abs().max())}

    def preview(self) -> np.ndarray:
        return np.zeros((8, 16, 3), np.uint8)

    def finish(self) -> None:
        pass

    def description(self) -> ModelDescription:
        return ModelDescription({})
