"""A detector of random weights, as a checkpoint folder."""

from __future__ import annotations

from pathlib import Path

import torch

from drivesim.checkpoint import FORMAT, Checkpoint, write_checkpoint
from drivesim.models.detector.detector import Detector
from drivesim.models.detector.network import DetectorConfig


def write_detector(folder: Path) -> Path:
    config = DetectorConfig(widths=(16, 16, 16), blocks=(1, 1, 1), head_width=16)
    torch.manual_seed(0)
    made = Checkpoint(format=FORMAT, kind="detector", model=config.model_dump(mode="json"), training={})
    write_checkpoint(folder, made, Detector(config).state_dict(), {})
    return folder
