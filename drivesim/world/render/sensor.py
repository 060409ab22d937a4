"""From linear radiance to the picture a dash cam stores."""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np

from drivesim.world.light.lighting import Lighting

_LUMA = np.array([0.2126, 0.7152, 0.0722], np.float32)


def _tone(x: np.ndarray) -> np.ndarray:
    """Filmic curve (Narkowicz's fit of ACES), then the sRGB exponent."""
    square = x * x
    over = np.float32(2.43) * square
    over += np.float32(0.59) * x
    over += np.float32(0.14)
    square *= np.float32(2.51)
    square += np.float32(0.03) * x
    x = square / over
    return cv2.pow(np.minimum(x, 1), 1 / 2.2)


def develop(radiance: np.ndarray, lighting: Lighting, noise_seed: tuple[int, ...] | None) -> np.ndarray:
    """Radiance float32 [h w 3] to an sRGB picture uint8 [h w 3]; no noise where `noise_seed` is None."""
    height, width = radiance.shape[:2]
    sensor = lighting.sensor
    exposure = np.float32(sensor.exposure * metered_exposure(radiance, lighting))
    picture: np.ndarray = radiance * (sensor.balance * exposure)
    np.minimum(picture, np.float32(24.0 if lighting.night else 6.0), out=picture)
    picture += _bloom(picture, lighting)
    picture *= _vignette(height, width, sensor.vignette)
    if sensor.hood:
        _hood(picture, lighting)
    mixing = sensor.saturation * np.eye(3) + (1 - sensor.saturation) * _LUMA
    picture = np.asarray(cv2.transform(picture, mixing))
    picture = _tone(np.float32(0.18) * cv2.pow(np.maximum(picture, 0) * np.float32(1 / 0.18), sensor.contrast))
    sigma = float(np.hypot(0.26, 0.3 * sensor.softness * height / 128))
    picture = np.asarray(cv2.GaussianBlur(picture, (0, 0), sigma))
    if noise_seed is not None:
        rng = np.random.default_rng(noise_seed)
        grain = rng.standard_normal((height, width, 3), np.float32)
        picture += grain * (np.float32(sensor.noise) * (np.float32(1.4) - picture))
    return (np.clip(picture, 0, 1) * np.float32(255) + np.float32(0.5)).astype(np.uint8)


def metered_exposure(radiance: np.ndarray, lighting: Lighting) -> float:
    """Automatic exposure: how far a picture is from middling is made good in part (lower two thirds count)."""
    small = cv2.resize(radiance, (64, 32), interpolation=cv2.INTER_AREA)[10:] @ _LUMA
    level = float(np.exp(np.log(small + (1e-3 if lighting.night else 1e-2)).mean()))
    target, strength = (0.012, 0.2) if lighting.night else (0.15, 0.5)
    return float(np.clip((target / level) ** strength, 0.6, 1.8))


def _bloom(picture: np.ndarray, lighting: Lighting) -> np.ndarray:
    """Glare: light scattered in the lens, wide and faint; stronger around lamps at night."""
    height, width = picture.shape[:2]
    bright = np.maximum(picture - np.float32(0.8 if lighting.night else 1.2), 0)
    small = cv2.resize(bright, (128, 64), interpolation=cv2.INTER_AREA)
    tight, wide = cv2.GaussianBlur(small, (0, 0), 0.8), cv2.GaussianBlur(small, (0, 0), 4.0)
    veil = (np.float32(0.22) * tight + np.float32(0.10) * wide) if lighting.night else np.float32(0.05) * wide
    if lighting.night:
        veil += np.float32(0.05) * cv2.GaussianBlur(small, (0, 0), 12.0)
    return cv2.resize(veil, (width, height), interpolation=cv2.INTER_LINEAR)


@lru_cache(maxsize=64)
def _vignette(height: int, width: int, strength: float) -> np.ndarray:
    """Light left toward the corners [height width 3]."""
    y, x = np.linspace(-0.5, 0.5, height, dtype=np.float32)[:, None], np.linspace(-1, 1, width, dtype=np.float32)[None]
    falloff = 1 - np.float32(strength) * np.minimum((x * x + y * y) / np.float32(1.25), 1) ** np.float32(1.3)
    return np.ascontiguousarray(np.broadcast_to(falloff[..., None], (height, width, 3)))


def _hood(picture: np.ndarray, lighting: Lighting) -> None:
    """The ego's own bonnet along the lower edge, mirroring the sky a little."""
    height, width = picture.shape[:2]
    x = np.linspace(-1, 1, width, dtype=np.float32)
    edge = (1 - lighting.sensor.hood * (1 - 0.35 * x * x)) * height
    rows = np.arange(int(edge.min()), height, dtype=np.float32)[:, None] + 0.5
    cover = np.clip((rows - edge) / (height / 128) + 0.5, 0, 1)[..., None]
    depth = np.clip((rows - edge) / (0.08 * height), 0, 1)[..., None]
    shine = lighting.horizon * lighting.sensor.exposure * (np.float32(0.10) - np.float32(0.07) * depth)
    if lighting.night:
        shine = shine * np.float32(0.8)
    part = picture[int(edge.min()) :]
    part += cover * (shine - part)
