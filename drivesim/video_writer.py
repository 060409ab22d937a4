"""Films written to disk: H.264 in MP4 (PyAV).

PyAV is imported where it is used: training runs on machines that do not have it.
"""

from __future__ import annotations

from contextlib import suppress
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np

from drivesim.checksums import settle
from drivesim.config import InputError

CRF = 18  # x264 constant rate factor: 37 dB on real footage, about 6 Mbit/s at 512x1024 and 30 fps
PRESET = "veryfast"  # a third of the time of "medium" (15 ms a frame of 512x1024), the same size, 0.7 dB less
_BT709 = 1  # the same number for matrix, primaries and transfer in H.264
_LIMITED_RANGE = 1


class VideoWriter:
    """Writes an MP4 that browsers play: H.264, yuv420p, BT.709, index at the front.

    The film stands at a temporary name until it is closed without an error, then takes its own: who finds `path` finds
    a whole film.
    """

    def __init__(self, path: Path | str, fps: Fraction | float, height: int, width: int, crf: int = CRF) -> None:
        """`height` and `width` even (yuv420p). InputError if the folder is not there, ValueError for odd sizes."""
        import av

        if height % 2 or width % 2 or min(height, width) < 2:
            raise ValueError(f"H.264 in yuv420p needs even sizes, got {height}x{width}")
        self.path = Path(path)
        self.shape = (height, width, 3)
        self.count = 0
        self._scratch = self.path.with_name(self.path.name + ".part")
        rate = Fraction(fps).limit_denominator(1001)
        if not self.path.parent.is_dir():
            raise InputError(f"{self.path}: cannot be written, its folder does not exist; create it first")
        self._container: Any = av.open(str(self._scratch), "w", format="mp4", options={"movflags": "+faststart"})
        self._stream: Any = self._container.add_stream("libx264", rate=rate, options={"crf": str(crf), "preset": PRESET})
        self._stream.height, self._stream.width, self._stream.pix_fmt = height, width, "yuv420p"
        context = self._stream.codec_context
        context.time_base = 1 / rate
        context.colorspace = context.color_primaries = context.color_trc = _BT709
        context.color_range = _LIMITED_RANGE

    def write(self, frames: np.ndarray) -> None:
        """Appends pictures uint8 [f h w 3]."""
        import av
        from av.video.reformatter import ColorRange, Colorspace

        if frames.dtype != np.uint8 or frames.shape[1:] != self.shape:
            raise ValueError(f"expected uint8 [f {self.shape}], got {frames.dtype} {frames.shape}")
        for frame in frames:
            picture = av.VideoFrame.from_ndarray(np.ascontiguousarray(frame), format="rgb24").reformat(
                format="yuv420p", dst_colorspace=Colorspace.ITU709, dst_color_range=ColorRange.MPEG
            )
            picture.pts, picture.time_base = self.count, self._stream.codec_context.time_base
            self._container.mux(self._stream.encode(picture))
            self.count += 1

    def close(self) -> None:
        """Writes what the encoder holds back, then gives the film its name; OSError if the disk is full."""
        try:
            self._container.mux(self._stream.encode())
            self._container.close()
            settle(self._scratch, self.path)
        except BaseException:
            self._drop()
            raise

    def _drop(self) -> None:
        with suppress(OSError):  # the end of the film, which a full disk has no place for
            self._container.close()
        self._scratch.unlink(missing_ok=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self.close()
        else:
            self._drop()
