"""Pictures of an export. They are not made safe one by one, as those of a rollout are: `new_folder` does that for all at once."""

from __future__ import annotations

from base64 import b64encode
from pathlib import Path

import cv2
import numpy as np

_NOTEBOOK_WIDTH, _NOTEBOOK_HEIGHT = 720, 720  # px


def encoded(values: np.ndarray, suffix: str, quality: int = 95) -> bytes:
    """A picture, uint8 or uint16 [h w], or [h w 3] red first, as a file of the format that `suffix` names (.png, .jpg).

    `quality` is that of JPEG, to 100.
    """
    options = [cv2.IMWRITE_JPEG_QUALITY, quality] if suffix == ".jpg" else []
    _, coded = cv2.imencode(suffix, values if values.ndim == 2 else cv2.cvtColor(values, cv2.COLOR_RGB2BGR), options)
    return coded.tobytes()


def html_picture(picture: np.ndarray) -> str:
    """A picture uint8 [h w 3] as HTML for a notebook, some dozen kilobytes: scaled down, and cut at the bottom if it is tall."""
    height, width = picture.shape[:2]
    if width > _NOTEBOOK_WIDTH:
        size = (_NOTEBOOK_WIDTH, max(1, round(height * _NOTEBOOK_WIDTH / width)))
        picture = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
    code = b64encode(encoded(np.ascontiguousarray(picture[:_NOTEBOOK_HEIGHT]), ".jpg", 80)).decode()
    return f'<img src="data:image/jpeg;base64,{code}">'


def write_picture(path: Path, values: np.ndarray) -> None:
    """Writes a picture as `encoded` makes it."""
    path.write_bytes(encoded(values, path.suffix))
