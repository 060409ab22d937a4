"""Films made in segments, one a window, and joined without encoding again: a crash costs one window, never the film."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np


def join_segments(segments: Sequence[Path], path: Path, fps: Fraction) -> int:
    """Joins MP4 films of the same size, rate and encoder into `path` by copying their packets: the number of frames.

    The film stands at a temporary name until it is whole.
    """
    delay = max(_decoding_ahead(segment, fps) for segment in segments)
    scratch = path.with_name(path.name + ".part")
    with av.open(str(scratch), "w", format="mp4", options={"movflags": "+faststart"}) as joined:
        stream: Any = None
        frames = 0
        for segment in segments:
            with av.open(str(segment)) as source:
                template: Any = source.streams.video[0]
                if stream is None:
                    stream = joined.add_stream_from_template(template)
                packets = [packet for packet in source.demux(template) if packet.pts is not None]
                for number, packet in enumerate(packets, start=frames):
                    packet.pts += round(frames / fps / template.time_base)
                    packet.dts = round((number - delay) / fps / template.time_base)
                    packet.stream = stream
                    joined.mux(packet)
                frames += len(packets)
    scratch.replace(path)
    return frames


def _decoding_ahead(segment: Path, fps: Fraction) -> int:
    """Frames by which the decoding of a film runs ahead of its showing: short films need less than the encoder allows."""
    with av.open(str(segment)) as source:
        first: Any = next(source.demux(source.streams.video[0]))
        return round(-first.dts * first.time_base * fps)


def frames_at(path: Path, numbers: Sequence[int]) -> np.ndarray:
    """The pictures of a film with these frame numbers, uint8 [n h w 3], found by seeking."""
    pictures = []
    with av.open(str(path)) as film:
        stream = film.streams.video[0]
        assert stream.average_rate is not None and stream.time_base is not None
        for number in numbers:
            wanted = round(number / stream.average_rate / stream.time_base)
            film.seek(wanted, stream=stream)
            picture = next(frame for frame in film.decode(stream) if frame.pts is not None and frame.pts >= wanted)
            pictures.append(picture.to_ndarray(format="rgb24"))
    return np.stack(pictures)
