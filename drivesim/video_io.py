"""Pictures on disk (OpenCV), films read from disk (PyAV), contact sheets. Pictures are RGB uint8; `video_writer` writes films.

PyAV is imported where it is used: training runs on machines that do not have it.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from drivesim.checksums import check_writable, unwritable, write_safely
from drivesim.config import InputError, shortened

MAX_IMAGE = 2**26  # bytes of an image file, and pixels of the image: a file of a kilobyte can declare more than memory holds


@dataclass(frozen=True)
class VideoInfo:
    """`frames` is what the container declares (0 where it declares nothing); `fps` is exact."""

    frames: int
    fps: Fraction
    height: int
    width: int


def _open_video(path: Path) -> Any:
    """An open PyAV container that has a video stream; InputError naming the file otherwise."""
    import av

    if not path.is_file():
        raise InputError(f"{path}: no such file")
    try:
        container = av.open(str(path))
    except (av.error.FFmpegError, OSError) as error:
        raise InputError(f"{path}: not a video that can be decoded ({error}); is the file whole?") from error
    if not container.streams.video:
        container.close()
        raise InputError(f"{path}: holds no video stream")
    return container


def video_info(path: Path | str) -> VideoInfo:
    """Size and rate of a film without decoding it; InputError if it is missing or no film."""
    with _open_video(Path(path)) as container:
        stream = container.streams.video[0]
        fps = stream.average_rate or stream.guessed_rate
        if not fps or not stream.width:
            raise InputError(f"{path}: declares no frame rate or size")
        return VideoInfo(stream.frames, Fraction(fps), stream.height, stream.width)


def stream_video(path: Path | str, wanted: Callable[[int], bool] = lambda number: True) -> Iterator[np.ndarray]:
    """Pictures uint8 [h w 3] one after the other, memory independent of the length; InputError as `video_info`.

    Of frames whose number is not `wanted` no picture is made, which is a third of the work.
    """
    import av
    from av.video.reformatter import ColorRange

    with _open_video(Path(path)) as container:
        container.streams.video[0].thread_type = "AUTO"
        try:
            for number, frame in enumerate(container.decode(video=0)):
                if wanted(number):
                    yield frame.reformat(format="rgb24", dst_color_range=ColorRange.JPEG).to_ndarray()
        except (av.error.FFmpegError, OSError) as error:
            raise InputError(f"{path}: breaks off while decoding ({error}); is the file whole?") from error


def read_video(path: Path | str) -> tuple[np.ndarray, Fraction]:
    """All pictures uint8 [f h w 3] and the frame rate; InputError if it is missing, empty or no film."""
    info = video_info(path)
    frames = list(stream_video(path))
    if not frames:
        raise InputError(f"{path}: holds no picture")
    return np.stack(frames), info.fps


def check_image_path(path: Path) -> None:
    """InputError if `write_image` could not write there: before the work that makes the picture."""
    if not path.suffix or not cv2.haveImageWriter(f"picture{path.suffix}"):
        raise InputError(f"{path}: no image format for the suffix {path.suffix!r}; use .png, .jpg or .webp")
    check_writable(path)


def write_image(path: Path | str, frame: np.ndarray) -> None:
    """Writes a picture uint8 [h w 3] in the format of the suffix (.png, .jpg, .webp), whole or not at all."""
    path = Path(path)
    try:
        done, coded = cv2.imencode(path.suffix, cv2.cvtColor(frame, cv2.COLOR_RGB2BGR))
    except cv2.error:
        done = False
    if not done:
        raise InputError(f"{path}: no image format for the suffix {path.suffix!r}; use .png, .jpg or .webp")
    try:
        write_safely(path, coded.tobytes())
    except (FileNotFoundError, NotADirectoryError, PermissionError, IsADirectoryError) as error:
        raise unwritable(path, error) from error


def read_image(path: Path | str) -> np.ndarray:
    """A picture uint8 [h w 3] of a PNG, JPEG or WebP file; InputError if it is missing, damaged or too large."""
    path = Path(path)
    if not os.path.isfile(path):  # noqa: PTH113, Path.is_file raises where the name is too long
        raise InputError(f"{shortened(str(path), 200)}: no such file; check the path")
    try:
        with path.open("rb") as file:
            data = file.read(MAX_IMAGE + 1)
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); check its permissions") from error
    if len(data) > MAX_IMAGE:
        raise InputError(f"{path}: larger than {MAX_IMAGE >> 20} MiB; scale it down")
    size = image_size(data)
    if size is None:
        raise InputError(f"{path}: not a whole PNG, JPEG or WebP image; save or download it again")
    if size[0] * size[1] > MAX_IMAGE:
        raise InputError(f"{path}: too large, {size[1]}x{size[0]}; scale it down to at most {MAX_IMAGE >> 20} million pixels")
    try:
        picture = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    except cv2.error:
        picture = None
    if picture is None:
        raise InputError(f"{path}: damaged, the image cannot be decoded; save or download it again")
    return cv2.cvtColor(picture, cv2.COLOR_BGR2RGB)


def image_size(data: bytes) -> tuple[int, int] | None:
    """Height and width that a PNG, JPEG or WebP file declares, None if it is none or has no end (decoders may not mind)."""
    if data.startswith(b"\x89PNG\r\n\x1a\n") and data[12:16] == b"IHDR" and len(data) > 24:
        width, height = struct.unpack_from(">II", data, 16)
        return height, width
    if data.startswith(b"RIFF") and data[8:12] == b"WEBP" and len(data) > 30:
        match data[12:16]:
            case b"VP8 ":
                width, height = (side & 0x3FFF for side in struct.unpack_from("<HH", data, 26))
            case b"VP8L":
                (bits,) = struct.unpack_from("<I", data, 21)
                width, height = (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
            case _:
                width, height = (int.from_bytes(data[at : at + 3], "little") + 1 for at in (24, 27))
        return height, width
    return _jpeg_size(data) if data.startswith(b"\xff\xd8") else None


def _jpeg_size(data: bytes) -> tuple[int, int] | None:
    """Height and width from the frame header among the segments before the pixels, see `image_size`."""
    at = 2
    while at + 9 <= len(data) and data[at] == 0xFF:
        marker, length = data[at + 1], int.from_bytes(data[at + 2 : at + 4], "big")
        if marker == 0xFF:  # a fill byte
            at += 1
        elif 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            height, width = struct.unpack_from(">HH", data, at + 5)
            return (height, width) if b"\xff\xd9" in data[at + 2 + length :] else None
        else:
            at += 2 + length
    return None


def contact_sheet(
    rows: Sequence[np.ndarray], labels: Sequence[str] | None = None, width: int | None = None, gap: int = 4
) -> np.ndarray:
    """Rows of pictures, each uint8 [f h w 3], on one sheet [H W 3], each under its label, if any (one a row, "" is none).

    `width` scales every picture to that many pixels; shorter rows are filled up with dark grey.
    """
    strips = []
    for i, row in enumerate(rows):
        pictures = list(row)
        if width is not None:
            size = (width, round(row.shape[1] * width / row.shape[2]))
            pictures = [cv2.resize(picture, size, interpolation=cv2.INTER_AREA) for picture in pictures]
        framed = [np.pad(p, ((0, gap), (0, gap), (0, 0)), constant_values=32) for p in pictures]
        strip = np.concatenate(framed, axis=1)
        if labels is not None and labels[i]:
            line = np.full((18, strip.shape[1], 3), 32, np.uint8)
            cv2.putText(line, labels[i], (4, 13), cv2.FONT_HERSHEY_SIMPLEX, 0.42, (235,) * 3, 1, cv2.LINE_AA)
            strip = np.concatenate([line, strip])
        strips.append(strip)
    full = max(strip.shape[1] for strip in strips)
    return np.concatenate([np.pad(s, ((0, 0), (0, full - s.shape[1]), (0, 0)), constant_values=32) for s in strips])
