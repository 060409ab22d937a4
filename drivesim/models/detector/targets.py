"""What each cell of the network should say, and by how much it is wrong."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from drivesim.models.detector.network import STRIDES, Cells, cell_centres

NOBODY, EITHER_WAY = -1, -2
"""Owners of cells that show no vehicle, and of cells of which nothing is asked."""
LARGEST = (24.0, 56.0)  # px, root of the area, of boxes that are found on the first two levels
_RADIUS = 1.5  # strides from a box's centre within which cells are its own (FCOS, center sampling)


def owners(boxes: np.ndarray, certain: np.ndarray, nearness: np.ndarray, height: int, width: int) -> np.ndarray:
    """Which of the n boxes [n 4] (px) each cell should find: int64 [l], a row, NOBODY or EITHER_WAY.

    `certain` bool [n]: the others are neither asked for nor wrong to find, within their boxes. Of two whose cells are the same
    the one with more `nearness` [n] has them.
    """
    centres, strides = (x.numpy() for x in cell_centres(height, width))
    found = np.full(len(centres), NOBODY, np.int64)
    if not len(boxes):
        return found
    x, y = centres.T[:, :, None]
    inside = (x > boxes[:, 0]) & (x < boxes[:, 2]) & (y > boxes[:, 1]) & (y < boxes[:, 3])  # [l n]
    middle = (boxes[:, :2] + boxes[:, 2:]) / 2
    near = np.maximum(np.abs(x - middle[:, 0]), np.abs(y - middle[:, 1])) < _RADIUS * strides[:, None]
    size = np.sqrt(np.maximum(np.prod(boxes[:, 2:] - boxes[:, :2], axis=1), 0))
    level = np.array(STRIDES)[np.searchsorted(LARGEST, size)]
    own = inside & near & (level == strides[:, None]) & certain
    found[(inside & ~certain).any(axis=1)] = EITHER_WAY
    first = np.argmax(np.where(own, nearness, -np.inf), axis=1)
    return np.where(own.any(axis=1), first, found)


def iou(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    """Intersection over union of boxes [... 4] with boxes [... 4], pair by pair, and its generalisation (arXiv 1902.09630)."""
    low, high = torch.maximum(a[..., :2], b[..., :2]), torch.minimum(a[..., 2:], b[..., 2:])
    shared = (high - low).clamp(min=0).prod(dim=-1)
    areas = [(x[..., 2:] - x[..., :2]).clamp(min=0).prod(dim=-1) for x in (a, b)]
    union = areas[0] + areas[1] - shared
    hull = (torch.maximum(a[..., 2:], b[..., 2:]) - torch.minimum(a[..., :2], b[..., :2])).prod(dim=-1)
    share = shared / union.clamp(min=1e-6)
    return share, share - (hull - union) / hull.clamp(min=1e-6)


def detection_losses(cells: Cells, owner: Tensor, box: Tensor, kind: Tensor, paint: Tensor) -> dict[str, Tensor]:
    """Mean losses over the cells that have an owner: `score`, `box`, `kind` and `paint`.

    `owner` int64 [b l] as of `owners`; of the boxes [b n 4] (px) the `kind` int64 [b n] and `paint` [b n 3], NaN where unknown.
    The score learns how well the box fits, as intersection over union (quality focal loss, arXiv 2006.04388).
    """
    owned = owner >= 0
    rows = torch.nonzero(owned)[:, 0], owner[owned]
    share, generalised = iou(cells.box[owned], box[rows])
    target = torch.zeros_like(cells.score)
    target[owned] = share.detach()
    error = F.binary_cross_entropy_with_logits(cells.score, target, reduction="none")
    error = error * (cells.score.sigmoid().detach() - target).square() * (owner != EITHER_WAY)
    count = owned.sum().clamp(min=1)
    colour = paint[rows]
    known = torch.isfinite(colour)
    difference = (cells.paint[owned] - torch.where(known, colour, 0.0)).abs() * known
    return {
        "score": error.sum() / count,
        "box": (1 - generalised).sum() / count,
        "kind": F.cross_entropy(cells.kind[owned], kind[rows], reduction="sum") / count,
        "paint": difference.sum() / (3 * count),
    }
