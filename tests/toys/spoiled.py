"""Clips that are spoiled in one way each: what an instrument has to notice."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np


def frozen(frames: np.ndarray) -> np.ndarray:
    return np.repeat(frames[:1], len(frames), axis=0)


def zoomed(frames: np.ndarray, rate: float = 1.02) -> np.ndarray:
    """A still that is zoomed into."""
    height, width = frames.shape[1:3]
    turns = [cv2.getRotationMatrix2D((width / 2, height / 2), 0, rate**k) for k in range(len(frames))]
    return np.stack([cv2.warpAffine(frames[0], turn, (width, height), borderMode=cv2.BORDER_REFLECT) for turn in turns])


def blurred(frames: np.ndarray, sigma: float = 1.5) -> np.ndarray:
    return np.stack([cv2.GaussianBlur(frame, (0, 0), sigma) for frame in frames])


def shuffled(frames: np.ndarray) -> np.ndarray:
    return frames[np.random.default_rng(1).permutation(len(frames))]


def drifting(frames: np.ndarray) -> np.ndarray:
    """Redder and brighter with every frame."""
    gain = 1 + np.linspace(0, 1, len(frames))[:, None, None, None] * [0.8, 0.1, 0.0]
    return (frames * gain).clip(0, 255).astype(np.uint8)


def flickering(frames: np.ndarray, strength: float = 12.0) -> np.ndarray:
    """Blotches that are others in every frame."""
    rng = np.random.default_rng(2)
    coarse = rng.normal(0, strength, (len(frames), frames.shape[1] // 8, frames.shape[2] // 8)).astype(np.float32)
    blotches = np.stack([cv2.resize(one, frames.shape[2:0:-1], interpolation=cv2.INTER_CUBIC) for one in coarse])
    return (frames + blotches[..., None]).clip(0, 255).astype(np.uint8)


SPOILED: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "frozen": frozen, "zoomed": zoomed, "blurred": blurred, "shuffled": shuffled, "drifting": drifting, "flickering": flickering,
}  # fmt: skip
