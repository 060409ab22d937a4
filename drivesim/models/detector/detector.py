"""Vehicles found in frames: their boxes, kinds and paint; and features of frames, by which sets of them are compared."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
import torch
from torch import Tensor, nn

from drivesim.checkpoint import load_strictly, read_checkpoint
from drivesim.models.detector.looks import Looks
from drivesim.models.detector.network import STRIDES, Cells, DetectorConfig, DetectorNetwork
from drivesim.models.layers.blocks import channels_last
from drivesim.scene.boxes import Boxes, pairwise_iou
from drivesim.tensors import to_network

KIND = "detector"
MOST = 100  # detections of a frame, as in COCO's rules
_LEAST_SCORE = 0.02
SAME = 0.6  # intersection over union from which on two boxes are taken for one vehicle
_BATCH = 16


@dataclass(frozen=True)
class Detections:
    """The vehicles found in one frame, n rows each, the surest first.

    box float32 [n 4] (x1 y1 x2 y2, fractions of the frame, clipped to it, hidden parts included); score float32 [n] in [0, 1];
    kind int64 [n] (index into KINDS); paint float32 [n 3] (sRGB).
    """

    box: np.ndarray
    score: np.ndarray
    kind: np.ndarray
    paint: np.ndarray

    def __len__(self) -> int:
        return len(self.score)

    def take(self, index: np.ndarray) -> Detections:
        """The rows of `index`, an integer or boolean array."""
        return Detections(self.box[index], self.score[index], self.kind[index], self.paint[index])

    def boxes(self, least_score: float) -> Boxes:
        """Those of at least this score as boxes of tracks 0, 1, ...; nothing hides them, heading and place are not known."""
        sure = self.take(self.score >= least_score)
        count, unknown = len(sure), np.full((len(sure), 8), np.nan, np.float32)
        visible = np.ones(count, np.float32)
        return Boxes(np.arange(count), sure.kind, sure.box, unknown[:, 0], visible, unknown[:, 1:], sure.paint)


class Detector(nn.Module):
    """Finds vehicles in frames of any size that its strides divide; it was trained on frames of 128x256."""

    def __init__(self, config: DetectorConfig) -> None:
        super().__init__()
        self.config = config
        self.network = DetectorNetwork(config)
        self.looks = Looks(config.widths[1] + config.widths[2])

    @classmethod
    def load(cls, folder: Path) -> Self:
        """The detector of a checkpoint folder, in eval mode; InputError if it is missing, damaged or does not fit."""
        checkpoint, tensors = read_checkpoint(folder, KIND)
        config = DetectorConfig.parse(checkpoint.model, folder / "config.json")
        return channels_last(load_strictly(cls(config), tensors, folder).eval())

    def forward(self, frames: Tensor) -> Cells:
        """Frames [b 3 h w] in [-1, 1] to what every cell says."""
        cells: Cells = self.network(frames)
        return cells

    @torch.no_grad()
    def detect(self, frames: np.ndarray) -> list[Detections]:
        """The vehicles in each of the pictures uint8 [n h w 3]."""
        return [found for part in self._parts(frames) for found in self._found(self.network.trunk(part))]

    def features(self, frames: np.ndarray) -> np.ndarray:
        """One vector for each of the pictures uint8 [n h w 3]: the mean of its feature maps, float32 [n d]."""
        return np.asarray(self.feature_maps(frames).mean(axis=(1, 2)))

    @torch.no_grad()
    def feature_maps(self, frames: np.ndarray) -> np.ndarray:
        """What the trunk's two coarser levels see in pictures uint8 [n h w 3]: float32 [n h/16 w/16 d]."""
        return np.concatenate([_maps(self.network.trunk(part)) for part in self._parts(frames)])

    @torch.no_grad()
    def see(self, frames: np.ndarray) -> tuple[list[Detections], np.ndarray]:
        """Both `detect` and `features`, for the price of one."""
        trunks = [self.network.trunk(part) for part in self._parts(frames)]
        maps = np.concatenate([_maps(trunk) for trunk in trunks])
        return [found for trunk in trunks for found in self._found(trunk)], maps.mean(axis=(1, 2))

    def _found(self, trunk: list[Tensor]) -> list[Detections]:
        cells = self.network.cells(trunk)
        height, width = (STRIDES[0] * side for side in trunk[0].shape[-2:])
        size = torch.tensor([width, height] * 2, device=cells.box.device)
        columns = ((cells.box / size).clamp(0, 1), cells.score.sigmoid(), cells.kind.argmax(dim=-1), cells.paint)
        return [_distinct(Detections(*rows)) for rows in zip(*(x.float().cpu().numpy() for x in columns), strict=True)]

    def _parts(self, frames: np.ndarray) -> list[Tensor]:
        if frames.shape[1] % STRIDES[-1] or frames.shape[2] % STRIDES[-1]:
            raise ValueError(f"pictures of {frames.shape[1]}x{frames.shape[2]} are no multiples of {STRIDES[-1]} px")
        device = self.network.stem.weight.device
        parts = [to_network(frames[k : k + _BATCH]).to(device) for k in range(0, len(frames), _BATCH)]
        return [part.contiguous(memory_format=torch.channels_last) for part in parts]


def _maps(trunk: list[Tensor]) -> np.ndarray:
    """The trunk's two coarser levels as one map [b h/16 w/16 d]."""
    _, middle, coarse = trunk
    both = torch.cat([nn.functional.avg_pool2d(middle.float(), 2), coarse.float()], dim=1)
    return np.asarray(both.movedim(1, -1).cpu().numpy())


def _distinct(found: Detections) -> Detections:
    """Greedy non-maximum suppression: the surest box of each vehicle."""
    order = np.argsort(-found.score, kind="stable")
    found = found.take(order[found.score[order] >= _LEAST_SCORE][: 4 * MOST])
    kept: list[int] = []
    alone = np.ones(len(found), bool)
    for row in range(len(found)):
        if len(kept) < MOST and alone[row]:
            kept.append(row)
            alone &= pairwise_iou(found.box[row : row + 1], found.box)[0] <= SAME
    rows = found.take(np.array(kept, np.int64))
    return Detections(rows.box, rows.score, rows.kind.astype(np.int64), rows.paint)
