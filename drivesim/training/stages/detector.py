"""The vehicle detector, on rendered frames alone: what judges generated pictures must not have learned from any."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import torch
from pydantic import Field
from torch import Tensor, nn

from drivesim.config import InputError
from drivesim.dataset.batches import ClipWindows
from drivesim.dataset.sheets import draw_boxes
from drivesim.metrics.average_precision import IOU_THRESHOLDS, average_precision, match_vehicles
from drivesim.metrics.reconstruction import gradient_energy
from drivesim.models.detector.detector import Detector
from drivesim.models.detector.network import DetectorConfig
from drivesim.models.detector.targets import detection_losses, owners
from drivesim.scene.boxes import Boxes
from drivesim.tensors import numpy_stream, to_network
from drivesim.training.stage import Batch, Chance, ModelDescription, Recipe, seeded
from drivesim.video_format import TrainedName

_ROWS = 40  # boxes of a frame that are learned from, the nearest ones
_LEAST_SIDE, _LEAST_VISIBLE = 5.0, 0.2  # px and share from which on a vehicle is asked for; figures count from more on
_SHOWN_SCORE = 0.35
_LOOKED_AT = 1536  # frames on which it is measured what days and nights look like


class DetectorRecipe(Recipe):
    """Weights of the losses, and how frames are changed before they are learned from, so that neither soft nor grainy pictures are
    flattered: mirrored with a chance, scaled by up to a factor `zoom` about a random place, gains and offset of the colours off by
    up to `colour`, blurred by up to `blur` px and with noise of up to `noise` levels, each of the last two by a chance `spoil`."""

    model: DetectorConfig = DetectorConfig()
    box_weight: float = Field(2.0, ge=0)
    kind_weight: float = Field(0.3, ge=0)
    paint_weight: float = Field(1.0, ge=0)
    mirror: Chance = 0.5
    zoom: float = Field(1.3, ge=1)
    colour: float = Field(0.12, ge=0, lt=1)
    blur: float = Field(0.8, ge=0)
    noise: float = Field(8.0, ge=0)
    spoil: Chance = 0.5


def spoiled(frame: np.ndarray, rng: np.random.Generator, recipe: DetectorRecipe) -> np.ndarray:
    """The picture uint8 [h w 3] with colours off, and perhaps blurred and noisy."""
    gains = 1 + rng.uniform(-recipe.colour, recipe.colour, 3) / 2 + rng.uniform(-recipe.colour, recipe.colour)
    made: np.ndarray = frame.astype(np.float32) * gains.astype(np.float32) + np.float32(rng.uniform(-255, 255) * recipe.colour / 3)
    sigma, deviation = rng.uniform(0, recipe.blur), rng.uniform(0, recipe.noise)
    if rng.random() < recipe.spoil and sigma > 0.2:
        made = cv2.GaussianBlur(made, (0, 0), sigma)
    if rng.random() < recipe.spoil:
        made += np.float32(deviation) * rng.standard_normal(made.shape, np.float32)
    return made.round().clip(0, 255).astype(np.uint8)


def framed(
    frame: np.ndarray, box: np.ndarray, rng: np.random.Generator, recipe: DetectorRecipe
) -> tuple[np.ndarray, np.ndarray]:
    """The picture uint8 [h w 3] scaled about a random place, perhaps mirrored, and its boxes [n 4] in px, clipped to it."""
    height, width = frame.shape[:2]
    size = np.array([width, height], np.float64)
    scale = recipe.zoom ** rng.uniform(-1, 1)
    shift = rng.uniform(0.0, 1.0, 2) * size * (1.0 - scale)
    mirror = rng.random() < recipe.mirror
    across = (-scale, width - shift[0]) if mirror else (scale, shift[0])
    turn = np.array([[across[0], 0.0, across[1]], [0.0, scale, shift[1]]])
    centred = turn + np.outer(turn[:, :2].sum(axis=1) / 2 - 0.5, [0, 0, 1])  # of pixels whose centres are whole numbers
    border = rng.integers(0, 256, 3).tolist()
    made = cv2.warpAffine(frame, centred, (width, height), flags=cv2.INTER_LINEAR, borderValue=border)
    corners = (box.reshape(-1, 2, 2) * size) @ turn[:, :2].T + turn[:, 2]
    moved = np.concatenate([corners.min(axis=1), corners.max(axis=1)], axis=1)
    return made, np.clip(moved, 0.0, np.tile(size, 2))


def _filled(rows: np.ndarray) -> Tensor:
    """`rows` [n ...] with zeros after them, as many as every frame has."""
    return torch.from_numpy(np.concatenate([rows, np.zeros((_ROWS - len(rows), *rows.shape[1:]), rows.dtype)]))


class DetectorStage:
    """Trains the Detector on single frames with boxes."""

    name: TrainedName = "detector"

    def __init__(self, recipe: DetectorRecipe) -> None:
        self.recipe = recipe
        with seeded(recipe.seed):
            self.model = Detector(recipe.model)
        self.modules: dict[str, nn.Module] = {"model": self.model}
        self.networks = (self.model.network,)

    def open(self, data: list[Path], held_out: list[Path]) -> None:
        """Frames of the stores."""
        self.windows, self.held_out = ClipWindows(data, 1), ClipWindows(held_out, 1)

    def draw(self, step: int, index: range) -> Batch:
        """frames [b 3 h w]; owner int64 [b l] of every cell; of the vehicles box [b n 4] (px), kind int64 [b n], paint [b n 3]."""
        samples = [self._sample(i) for i in index]
        return {name: torch.stack([sample[name] for sample in samples]) for name in samples[0]}

    def _sample(self, i: int) -> Batch:
        rng = self.recipe.sample_rng(self.name, i)
        batch = self.windows.batch(rng, 1)
        boxes = batch.labels[0].boxes[0]
        if batch.frames is None or boxes is None:
            raise InputError(f"{batch.labels[0].source}: nobody has labelled its vehicles; give stores with boxes")
        order = np.argsort(np.hypot(boxes.cuboid[:, 0], boxes.cuboid[:, 1]), kind="stable")[:_ROWS]
        boxes = boxes.take(order)
        frame, box = framed(batch.frames[0, 0], boxes.box, rng, self.recipe)
        certain = (np.min(box[:, 2:] - box[:, :2], axis=1) >= _LEAST_SIDE) & boxes.visible_by(_LEAST_VISIBLE)
        nearness = -np.arange(len(boxes), dtype=np.float64)
        return {
            "frames": to_network(spoiled(frame, rng, self.recipe)),
            "owner": torch.from_numpy(owners(box, certain, nearness, *frame.shape[:2])),
            "box": _filled(box.astype(np.float32)),
            "kind": _filled(boxes.kind),
            "paint": _filled(boxes.paint),
        }

    def losses(self, batch: Batch, samples: int) -> Iterator[tuple[str, Tensor, dict[str, Tensor]]]:
        """The weighted sum of the losses of targets.detection_losses."""
        recipe = self.recipe
        frames = batch["frames"].contiguous(memory_format=torch.channels_last)
        parts = detection_losses(self.model(frames), *(batch[name] for name in ("owner", "box", "kind", "paint")))
        loss = parts["score"] + recipe.box_weight * parts["box"]
        loss = loss + recipe.kind_weight * parts["kind"] + recipe.paint_weight * parts["paint"]
        yield "model", loss, {name: value.detach() for name, value in parts.items()}

    def _held_out(self, count: int) -> tuple[np.ndarray, list[Boxes]]:
        """Frames uint8 [n h w 3] of the held-out stores, as they are, and their vehicles."""
        rng = numpy_stream(0, "held-out")
        batch = self.held_out.batch(rng, count)
        assert batch.frames is not None
        return batch.frames[:, 0], [labels.boxes[0] or Boxes.none() for labels in batch.labels]

    def evaluate(self) -> dict[str, float]:
        """Average precision by the rules of COCO of vehicles that count (Boxes.counted): at an IoU of 0.5, and over 0.5 to 0.95."""
        frames, boxes = self._held_out(self.recipe.held_out_batches * self.recipe.batch)
        found = self.model.detect(frames)
        pairs = list(zip(found, boxes, strict=True))
        each = []
        for least in IOU_THRESHOLDS:
            each.append(average_precision([match_vehicles(one.box, one.score, truth, least) for one, truth in pairs]))
        return {"ap50": each[0], "ap": float(np.mean(each))}

    def preview(self) -> np.ndarray:
        """Held-out frames with what is found in them, beside those with what is there."""
        frames, boxes = self._held_out(6)
        shown = [draw_boxes(frame, one.boxes(_SHOWN_SCORE)) for frame, one in zip(frames, self.model.detect(frames), strict=True)]
        truth = [draw_boxes(frame, table.take(table.counted)) for frame, table in zip(frames, boxes, strict=True)]
        rows = [np.concatenate(pair, axis=1) for pair in zip(shown, truth, strict=True)]
        return np.concatenate([np.concatenate(rows[k : k + 2], axis=1) for k in range(0, len(rows), 2)], axis=0)

    def finish(self) -> None:
        """Measures what rendered days and nights look like, on frames as they are."""
        features, energy, night = [], [], []
        rng = numpy_stream(0, "looks")
        for _ in range(-(-_LOOKED_AT // self.recipe.batch)):
            batch = self.windows.batch(rng, self.recipe.batch)
            assert batch.frames is not None
            features.append(self.model.features(batch.frames[:, 0]))
            energy.append(gradient_energy(batch.frames[:, 0]))
            night += [labels.time_of_day == "night" for labels in batch.labels]
        self.model.looks.fit(np.concatenate(features), np.concatenate(energy), np.array(night))

    def description(self) -> ModelDescription:
        """The detector's configuration; it stands alone."""
        return ModelDescription(self.recipe.model.model_dump(mode="json"))
