"""How close pictures are to their originals, and how much detail they hold. Pictures are uint8 RGB [... h w 3]."""

from __future__ import annotations

import cv2
import numpy as np

_LUMA = np.array([0.299, 0.587, 0.114])
_SSIM_WINDOW = 11
_SSIM_SIGMA = 1.5


def luma(frames: np.ndarray) -> np.ndarray:
    """Brightness (ITU-R BT.601) of pictures [... h w 3]: float64 [... h w], 0 to 255."""
    return frames.astype(np.float64) @ _LUMA


def psnr(frames: np.ndarray, originals: np.ndarray) -> np.ndarray:
    """Peak signal-to-noise ratio of each picture in dB: float64 [...]; infinite where it equals its original.

    Raises ValueError if the shapes differ.
    """
    _same_shape(frames, originals)
    error = np.square(frames.astype(np.float64) - originals.astype(np.float64)).mean(axis=(-3, -2, -1))
    with np.errstate(divide="ignore"):
        return np.asarray(10.0 * np.log10(255.0**2 / error))


def gradient_energy(frames: np.ndarray) -> np.ndarray:
    """Mean squared difference of brightness between neighbouring pixels, across plus down: float64 [...].

    The amount of detail in each picture [... h w 3], noise included, in squared levels of 0 to 255.
    """
    grey = luma(frames)
    across = np.square(np.diff(grey, axis=-1)).mean(axis=(-2, -1))
    down = np.square(np.diff(grey, axis=-2)).mean(axis=(-2, -1))
    return np.asarray(across + down)


def ssim(frames: np.ndarray, originals: np.ndarray) -> np.ndarray:
    """Structural similarity (Wang et al. 2004) of the brightness of each picture: float64 [...], 1 where it is equal.

    Gaussian window of 11 pixels, sigma 1.5, no padding. Raises ValueError if shapes differ or pictures are smaller.
    """
    _same_shape(frames, originals)
    if min(frames.shape[-3:-1]) < _SSIM_WINDOW:
        raise ValueError(f"SSIM needs {_SSIM_WINDOW} pixels a side, got {frames.shape[-3]}x{frames.shape[-2]}")
    shape = frames.shape[:-3]
    x, y = (luma(pictures).reshape(-1, *pictures.shape[-3:-1]) for pictures in (frames, originals))
    return np.array([_ssim(a, b) for a, b in zip(x, y, strict=True)]).reshape(shape)


def detail(frames: np.ndarray) -> float:
    """Mean absolute difference of neighbouring pixels of pictures uint8 [n h w 3]."""
    return float(np.abs(np.diff(frames.astype(np.int16), axis=2)).mean())


def _ssim(x: np.ndarray, y: np.ndarray) -> float:
    edge = _SSIM_WINDOW // 2

    def blur(z: np.ndarray) -> np.ndarray:
        return cv2.GaussianBlur(z, (_SSIM_WINDOW, _SSIM_WINDOW), _SSIM_SIGMA)[edge:-edge, edge:-edge]

    mean_x, mean_y = blur(x), blur(y)
    variances = blur(x * x) - mean_x**2 + blur(y * y) - mean_y**2
    covariance = blur(x * y) - mean_x * mean_y
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    similarity = (2 * mean_x * mean_y + c1) * (2 * covariance + c2)
    return float((similarity / ((mean_x**2 + mean_y**2 + c1) * (variances + c2))).mean())


def _same_shape(frames: np.ndarray, originals: np.ndarray) -> None:
    if frames.shape != originals.shape:
        raise ValueError(f"pictures of shape {frames.shape} cannot be compared with {originals.shape}")
