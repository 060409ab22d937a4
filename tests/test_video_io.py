"""Films and pictures survive the disk; broken files are refused by name."""

from __future__ import annotations

import re
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from films import write_video

from drivesim.config import InputError
from drivesim.video_io import (
    contact_sheet,
    read_image,
    read_video,
    stream_video,
    write_image,
)

COLOURS = np.array([[200, 30, 30], [30, 200, 30], [30, 30, 200], [128, 128, 128], [250, 240, 20]], np.uint8)


def film(count: int = 5, height: int = 64, width: int = 128) -> np.ndarray:
    """Pictures of one colour each [f h w 3]."""
    return np.ascontiguousarray(np.broadcast_to(COLOURS[np.arange(count) % 5, None, None], (count, height, width, 3)))


def test_streaming_stops_early(tmp_path: Path) -> None:
    write_video(tmp_path / "film.mp4", film(), 30)
    first = next(iter(stream_video(tmp_path / "film.mp4")))
    assert first.shape == (64, 128, 3) and first.dtype == np.uint8


def test_wrong_input_is_named(tmp_path: Path) -> None:
    path = tmp_path / "broken.mp4"
    with pytest.raises(InputError, match=r"broken\.mp4: no such file"):
        read_video(path)
    path.write_bytes(b"no film at all" * 100)
    with pytest.raises(InputError, match=r"broken\.mp4"):
        read_video(path)
    write_video(path, film(), 30)
    path.write_bytes(path.read_bytes()[:600])
    with pytest.raises(InputError, match=r"broken\.mp4"):
        read_video(path)


def test_images_are_rgb_on_both_sides(tmp_path: Path) -> None:
    frame = film(1, 8, 16)[0]
    write_image(tmp_path / "a.png", frame)
    np.testing.assert_array_equal(read_image(tmp_path / "a.png"), frame)
    assert list(tmp_path.iterdir()) == [tmp_path / "a.png"]
    (tmp_path / "b.png").write_bytes(b"")
    for name in ("b.png", "c.png"):
        with pytest.raises(InputError, match=name):
            read_image(tmp_path / name)
    with pytest.raises(InputError, match="suffix"):
        write_image(tmp_path / "a.xyz", frame)


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp"])
@pytest.mark.parametrize("share", [0.02, 0.5, 0.98])
def test_half_an_image_is_refused(tmp_path: Path, suffix: str, share: float) -> None:
    path = tmp_path / f"a{suffix}"
    write_image(path, np.random.default_rng(0).integers(0, 255, (64, 128, 3), np.uint8))
    assert read_image(path).shape == (64, 128, 3)
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])
    with pytest.raises(InputError, match=re.escape(f"{path}: ") + "(not a whole|damaged)"):
        read_image(path)


def test_an_image_that_would_fill_the_memory_is_refused_before_it_does(tmp_path: Path) -> None:
    for suffix, form, size in ((".png", ">II", (16, 8)), (".jpg", ">HH", (8, 16))):
        path = tmp_path / f"bomb{suffix}"
        write_image(path, film(1, 8, 16)[0])
        data = bytearray(path.read_bytes())
        struct.pack_into(form, data, data.index(struct.pack(form, *size)), 30_000, 30_000)
        path.write_bytes(data)
        with pytest.raises(InputError, match="too large, 30000x30000; scale it down to at most 64 million pixels"):
            read_image(path)


def test_contact_sheet_holds_every_picture() -> None:
    sheet = contact_sheet([film(3, 8, 16), film(1, 8, 16)], gap=2)
    assert sheet.shape == (20, 54, 3)
    np.testing.assert_array_equal(sheet[3, [3, 21, 39]], COLOURS[:3])
    assert contact_sheet([film(2, 64, 128)], ["two"], width=32, gap=0).shape == (18 + 16, 64, 3)


def test_training_machines_need_no_av() -> None:
    code = "import sys; sys.modules['av'] = None; import drivesim.video_io"
    subprocess.run([sys.executable, "-c", code], check=True)
