"""Ground motion: a plane that is driven over, a still, noise."""

import cv2
import numpy as np
import pytest

from drivesim.metrics.motion import ground_motion
from drivesim.scene.camera import Camera
from drivesim.scene.geometry import pixel_centres

CAMERA = Camera()


def road(forward: float, frames: int = 4) -> np.ndarray:
    """Pictures uint8 [f 128 256 3] of a chequered plane, `forward` metres a frame."""
    x, y, depth = CAMERA.pinhole.ground(*pixel_centres(128, 256, like=CAMERA.pinhole.height))
    below = np.broadcast_to(depth < CAMERA.height / 1e-3, y.shape)
    made = []
    for frame in range(frames):
        texture = np.sin(2.1 * (x + forward * frame)) * np.sin(2.7 * y) + 0.5 * np.sin(0.9 * (x + forward * frame) + y)
        fade = np.clip(20 / np.maximum(x, 1), 0, 1)
        grey = np.where(below, 120 + 60 * fade * texture, 200)
        made.append(np.repeat(grey[..., None], 3, axis=-1).clip(0, 255).astype(np.uint8))
    return np.stack(made)


def test_a_road_that_is_driven_over_expands_outward_and_faster_driving_more() -> None:
    slow, fast, back = (ground_motion(road(speed), CAMERA.horizon) for speed in (0.1, 0.2, -0.1))
    assert slow.outward > 0.8
    assert fast.outward > 0.8
    assert fast.expansion > 1.4 * slow.expansion > 0.5
    assert back.expansion < 0
    assert back.outward < 0.2


def test_a_still_does_not_move_and_noise_moves_nowhere_in_particular() -> None:
    still = ground_motion(road(0.0), CAMERA.horizon)
    assert abs(still.expansion) < 0.01
    assert np.isnan(still.outward)
    noise = np.random.default_rng(0).integers(0, 255, (6, 128, 256, 3), dtype=np.uint8)
    random = ground_motion(noise, CAMERA.horizon)
    assert 0.1 < random.outward < 0.4


def test_zooming_into_a_still_has_no_parallax() -> None:
    middle, still = (128.0, 128 * CAMERA.horizon), road(0.0, frames=1)[0]
    still[:64] = still[:63:-1]  # clouds
    zoomed = [cv2.warpAffine(still, cv2.getRotationMatrix2D(middle, 0, 1.015**k), (256, 128)) for k in range(4)]
    under_clouds = road(0.15)
    under_clouds[:, :64] = still[:64]
    zoom, driven = (ground_motion(frames, CAMERA.horizon) for frames in (np.stack(zoomed), under_clouds))
    assert abs(zoom.parallax) < 0.25
    assert driven.parallax > 0.8
    assert np.isnan(ground_motion(road(0.0), CAMERA.horizon).parallax)


def test_size_of_the_pictures_does_not_matter() -> None:
    small = road(0.15)
    large = small.repeat(2, axis=1).repeat(2, axis=2)
    a, b = ground_motion(small, CAMERA.horizon), ground_motion(large, CAMERA.horizon)
    assert a.expansion == pytest.approx(b.expansion, rel=0.1)


def test_one_picture_has_no_motion() -> None:
    with pytest.raises(ValueError, match="two pictures"):
        ground_motion(road(0.1, frames=1), 0.5)
