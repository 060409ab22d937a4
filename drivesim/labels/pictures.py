"""Pictures of an export. They are not made safe one by one, as those of a rollout are: `new_folder` does that for all at once."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np


def encoded(values: np.ndarray, suffix: str) -> bytes:
    """A picture, uint8 or uint16 [h w], or [h w 3] red first, as a file of the format that `suffix` names (.png, .jpg)."""
    _, coded = cv2.imencode(suffix, values if values.ndim == 2 else cv2.cvtColor(values, cv2.COLOR_RGB2BGR))
    return coded.tobytes()


def write_picture(path: Path, values: np.ndarray) -> None:
    """Writes a picture as `encoded` makes it."""
    path.write_bytes(encoded(values, path.suffix))
