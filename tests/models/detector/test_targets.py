"""Which cell finds which vehicle, and what being wrong costs."""

from __future__ import annotations

import numpy as np
import torch

from drivesim.models.detector.network import Cells, cell_centres
from drivesim.models.detector.targets import EITHER_WAY, NOBODY, detection_losses, iou, owners

SIZE = 128, 256
CENTRES, CELL_STRIDES = (x.numpy() for x in cell_centres(*SIZE))
SMALL, LARGE, WIDE = [20.0, 60.0, 32.0, 70.0], [100.0, 40.0, 140.0, 80.0], [0.0, 0.0, 256.0, 128.0]


def owned_by(boxes: list[list[float]], certain: list[bool] | None = None) -> np.ndarray:
    table = np.array(boxes).reshape(-1, 4)
    sure = np.array(certain if certain is not None else [True] * len(table), bool)
    return owners(table, sure, -np.arange(len(table), dtype=float), *SIZE)


def test_a_box_is_found_near_its_centre_on_the_level_of_its_size() -> None:
    found = owned_by([SMALL, LARGE, WIDE])
    for row, stride in enumerate((4, 8, 16)):
        own = found == row
        assert own.any() and (CELL_STRIDES[own] == stride).all()
        x1, y1, x2, y2 = [SMALL, LARGE, WIDE][row]
        offset = np.abs(CENTRES[own] - [(x1 + x2) / 2, (y1 + y2) / 2])
        assert (offset < 1.5 * stride).all()
    assert (found == NOBODY).mean() > 0.9 and (owned_by([]) == NOBODY).all()


def test_the_nearer_vehicle_has_the_cells_and_uncertain_ones_are_asked_of_nobody() -> None:
    shifted = [value + 3 for value in SMALL]
    assert (owned_by([SMALL, shifted]) == 0).sum() == (owned_by([SMALL]) == 0).sum()
    unsure = owned_by([SMALL], [False])
    x, y = CENTRES[unsure == EITHER_WAY].T
    assert len(x) and ((x > 20) & (x < 32) & (y > 60) & (y < 70)).all()


def test_overlap_of_known_boxes() -> None:
    a = torch.tensor([[0.0, 0, 10, 10], [0, 0, 10, 10], [0, 0, 10, 10]])
    b = torch.tensor([[0.0, 0, 10, 10], [5, 0, 15, 10], [20, 0, 30, 10]])
    share, generalised = iou(a, b)
    torch.testing.assert_close(share, torch.tensor([1.0, 1 / 3, 0.0]))
    torch.testing.assert_close(generalised, torch.tensor([1.0, 1 / 3, -1 / 3]))


def test_right_answers_cost_little_and_unknown_paint_nothing() -> None:
    owner = torch.from_numpy(owned_by([SMALL, LARGE]))[None]
    box, kind = torch.tensor([[SMALL, LARGE]]), torch.tensor([[2, 4]])
    paint = torch.tensor([[[0.1, 0.2, 0.3], [torch.nan] * 3]])
    rows = owner.clamp(min=0)[0]
    right = Cells(
        torch.where(owner >= 0, 8.0, -8.0),
        box[:, rows],
        20.0 * torch.nn.functional.one_hot(kind[:, rows], 6).float(),
        paint[:, rows].nan_to_num(0.9),
    )
    losses = detection_losses(right, owner, box, kind, paint)
    assert all(float(value) < 1e-3 for value in losses.values())
    wrong = right._replace(score=-right.score, box=right.box + 9, kind=-right.kind, paint=1 - right.paint)
    costs = detection_losses(wrong, owner, box, kind, paint)
    assert all(float(value) > 0.1 for value in costs.values())
