"""The shipped detector as a user's detector would be: a function, and an ONNX file that is made on demand."""

from __future__ import annotations

import warnings
from functools import cache
from pathlib import Path

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from einops import rearrange
from torch import Tensor, nn

from drivesim.config import InputError, shipped
from drivesim.models.detector.detector import MOST, SAME, Detector
from drivesim.scene.vehicles import KINDS
from drivesim.video_format import FRAME_HEIGHT, FRAME_WIDTH, NETWORK_HEIGHT, NETWORK_WIDTH

_ROUNDS = 16  # of suppression: a box is let go by one that is kept itself, in chains that are hardly ever longer


@cache
def _detector() -> Detector:
    return Detector.load(shipped("checkpoints") / "detector")


def find_vehicles(picture: np.ndarray) -> list[tuple[float, float, float, float, float, str]]:
    """Vehicles in a picture uint8 RGB [h w 3] as rows x1, y1, x2, y2, score, class."""
    small = cv2.resize(picture, (NETWORK_WIDTH, NETWORK_HEIGHT), interpolation=cv2.INTER_AREA)
    (found,) = _detector().detect(small[None])
    scale = np.array([picture.shape[1], picture.shape[0]] * 2)
    rows = zip(found.box * scale, found.score, found.kind, strict=True)
    return [(*box.tolist(), float(score), KINDS[kind]) for box, score, kind in rows]


class PictureToRows(nn.Module):
    """A detector from a picture uint8 [h w 3] to rows float32 [100 6], of which those with score 0 are none; what ONNX can say.

    Height and width are whole multiples of 128 and 256 px.
    """

    def __init__(self, detector: Detector, height: int, width: int) -> None:
        super().__init__()
        self.network, self.height, self.width = detector.network, height, width

    def forward(self, picture: Tensor) -> Tensor:
        """See the class."""
        frames = rearrange(picture.float() / 127.5 - 1, "h w c -> 1 c h w")
        cells = self.network(F.avg_pool2d(frames, (self.height // NETWORK_HEIGHT, self.width // NETWORK_WIDTH)))
        score, order = cells.score[0].sigmoid().topk(MOST)
        box = (cells.box[0][order] / torch.tensor([NETWORK_WIDTH, NETWORK_HEIGHT] * 2)).clamp(0, 1)
        kind = cells.kind[0][order].argmax(dim=-1)
        score = score * _kept(box)
        size = torch.tensor([self.width, self.height] * 2)
        return torch.cat([box * size, score[:, None], kind[:, None].float()], dim=1)


def _kept(box: Tensor) -> Tensor:
    """Greedy suppression of boxes [n 4], the surest first, without a loop over them: 1 for what is kept, 0 for the rest [n]."""
    low, high = torch.maximum(box[:, None, :2], box[None, :, :2]), torch.minimum(box[:, None, 2:], box[None, :, 2:])
    shared = (high - low).clamp(min=0).prod(dim=-1)
    area = (box[:, 2:] - box[:, :2]).prod(dim=-1)
    same = (shared / (area[:, None] + area[None] - shared).clamp(min=1e-12) > SAME).float().triu(diagonal=1)
    kept = torch.ones(len(box))
    for _ in range(_ROUNDS):
        kept = 1.0 - (kept[:, None] * same).amax(dim=0)
    return kept


def write_onnx(path: Path | str, detector: Detector | None = None, size: tuple[int, int] = (FRAME_HEIGHT, FRAME_WIDTH)) -> Path:
    """Writes a detector, the shipped one by default, as an ONNX file for pictures of `size` (height, width): its path.

    Needs the package onnx, of the extra `onnx`. InputError without it, or for a size that is no multiple of 128x256.
    """
    path, (height, width) = Path(path), size
    if height % NETWORK_HEIGHT or width % NETWORK_WIDTH:
        raise InputError(f"{path}: {height}x{width} is no multiple of {NETWORK_HEIGHT}x{NETWORK_WIDTH}")
    try:
        import onnx  # noqa: F401
    except ImportError as error:
        raise InputError(f"{path}: the package onnx is not installed; pip install 'drivesim[onnx]'") from error
    model = PictureToRows(detector or _detector(), height, width).eval()
    picture = torch.zeros(height, width, 3, dtype=torch.uint8)
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")  # of the exporter by tracing, which is older, but needs a second and one file
        torch.onnx.export(model, (picture,), str(path), input_names=["picture"], output_names=["rows"], dynamo=False)
    return path
