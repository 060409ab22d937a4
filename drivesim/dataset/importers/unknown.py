"""Labels of footage of which nobody said anything."""

from __future__ import annotations

import numpy as np

from drivesim.scene.clip import ClipLabels, EgoMotion


def unknown_labels(frames: int, fps: float, source: str, caption: str | None) -> ClipLabels:
    """Nothing is known but the rate, where the clip comes from, and perhaps a caption."""
    unknown = np.full(frames, np.nan, np.float32)
    ego = EgoMotion(unknown, unknown.copy(), unknown.copy(), unknown.copy())
    return ClipLabels(fps, None, None, None, (None,) * frames, unknown.copy(), ego, source, caption=caption)
