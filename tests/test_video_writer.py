"""Films are whole or not there, and what is written is read again."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from films import write_video

from drivesim.config import InputError
from drivesim.video_io import read_video, video_info
from drivesim.video_writer import VideoWriter

COLOURS = np.array([[200, 30, 30], [30, 200, 30], [30, 30, 200], [128, 128, 128], [250, 240, 20]], np.uint8)


def film(count: int = 5, height: int = 64, width: int = 128) -> np.ndarray:
    """Pictures of one colour each [f h w 3]."""
    return np.ascontiguousarray(np.broadcast_to(COLOURS[np.arange(count) % 5, None, None], (count, height, width, 3)))


@pytest.mark.parametrize("fps", [1.875, 7.5, 30, Fraction(30000, 1001)])
@pytest.mark.parametrize("count", [1, 5])
def test_round_trip_keeps_count_rate_and_colours(tmp_path: Path, fps: float, count: int) -> None:
    path = tmp_path / "film.mp4"
    with VideoWriter(path, fps, 64, 128) as writer:
        writer.write(film(count)[:1])
        writer.write(film(count)[1:])
        assert not path.exists()
    frames, rate = read_video(path)
    assert rate == fps
    assert frames.shape == (count, 64, 128, 3)
    assert np.abs(frames.astype(int) - film(count)).max() <= 5
    assert list(tmp_path.iterdir()) == [path]


def test_browsers_can_play_it(tmp_path: Path) -> None:
    import av

    path = tmp_path / "film.mp4"
    write_video(path, film(), 30)
    with av.open(str(path)) as container:
        context = container.streams.video[0].codec_context
        assert (context.name, context.pix_fmt, context.colorspace, context.color_range) == ("h264", "yuv420p", 1, 1)
    data = path.read_bytes()
    assert 0 < data.index(b"moov") < data.index(b"mdat")
    assert (video_info(path).height, video_info(path).width, video_info(path).frames) == (64, 128, 5)


def test_a_failed_film_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError), VideoWriter(tmp_path / "film.mp4", 30, 64, 128) as writer:
        writer.write(film())
        raise RuntimeError
    assert not list(tmp_path.iterdir())


def test_wrong_sizes_and_places_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="nowhere"):
        VideoWriter(tmp_path / "nowhere" / "film.mp4", 30, 64, 128)
    with pytest.raises(ValueError, match="even"):
        VideoWriter(tmp_path / "film.mp4", 30, 63, 128)
