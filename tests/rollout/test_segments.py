from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from drivesim.config import InputError
from drivesim.rollout.segments import frames_at, join_segments
from drivesim.video_io import read_video
from drivesim.video_writer import VideoWriter


def film(frames: int) -> np.ndarray:
    shade = np.arange(frames, dtype=np.uint8)[:, None, None, None] * 5 + 20
    return np.broadcast_to(shade, (frames, 32, 64, 3)).copy()


@pytest.mark.parametrize("fps", [Fraction(15, 8), Fraction(15, 2), Fraction(30)])
def test_joined_segments_play_as_one_film(tmp_path: Path, fps: Fraction) -> None:
    frames = np.concatenate([film(19), film(1), np.random.default_rng(0).integers(0, 255, (25, 32, 64, 3), np.uint8)])
    parts = []
    for i, part in enumerate((frames[:19], frames[19:20], frames[20:])):
        parts.append(tmp_path / f"{i}.mp4")
        with VideoWriter(parts[-1], fps, 32, 64) as writer:
            writer.write(part)
    join_segments(parts, tmp_path / "film.mp4", fps)
    read, rate = read_video(tmp_path / "film.mp4")
    assert rate == fps
    np.testing.assert_array_equal(read, np.concatenate([read_video(part)[0] for part in parts]))
    assert np.abs(read[:20].astype(int) - frames[:20]).max() <= 3
    with av.open(str(tmp_path / "film.mp4")) as film_:
        stream = film_.streams.video[0]
        times = [frame.pts * stream.time_base for frame in film_.decode(stream)]
    assert times == [i / fps for i in range(45)]
    assert not list(tmp_path.glob("*.part"))


def test_lost_and_damaged_segments_are_named(tmp_path: Path) -> None:
    parts = [tmp_path / "0.mp4", tmp_path / "1.mp4"]
    for part in parts:
        with VideoWriter(part, 30, 32, 64) as writer:
            writer.write(np.random.default_rng(0).integers(0, 255, (9, 32, 64, 3), np.uint8))
    whole = parts[1].read_bytes()
    for kept in (0, 100, len(whole) // 2, len(whole) - 40):
        parts[1].write_bytes(whole[:kept])
        with pytest.raises(InputError, match=r"1\.mp4: .*damaged.*--fresh"):
            join_segments(parts, tmp_path / "film.mp4", Fraction(30))
    parts[1].unlink()
    with pytest.raises(InputError, match=r"1\.mp4: lost.*--fresh"):
        join_segments(parts, tmp_path / "film.mp4", Fraction(30))
    assert not (tmp_path / "film.mp4").exists()


def test_pictures_are_found_by_number(tmp_path: Path) -> None:
    frames = film(40)
    with VideoWriter(tmp_path / "film.mp4", 30, 32, 64) as writer:
        writer.write(frames)
    found = frames_at(tmp_path / "film.mp4", [0, 17, 39, 3])
    assert np.abs(found.astype(int) - frames[[0, 17, 39, 3]]).max() <= 3
