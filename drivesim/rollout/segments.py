"""Films made in segments, one a window, and joined without encoding again: a crash costs one window, never the film."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np

from drivesim.checksums import settle
from drivesim.config import InputError


def join_segments(segments: Sequence[Path], path: Path, fps: Fraction) -> int:
    """Joins MP4 films of the same size, rate and encoder into `path` by copying their packets: the number of frames.

    Without segments there is none. The film stands at a temporary name until it is whole. Raises InputError naming a
    segment that is lost or damaged.
    """
    if not segments:
        return 0
    scratch = path.with_name(path.name + ".part")
    try:
        frames = _copy_packets(segments, scratch, fps)
        settle(scratch, path)
    finally:
        scratch.unlink(missing_ok=True)
    return frames


def _copy_packets(segments: Sequence[Path], path: Path, fps: Fraction) -> int:
    """Writes the packets of all segments into one film: the number of frames."""
    delay = max(_decoding_ahead(segment, fps) for segment in segments)
    frames = 0
    with av.open(str(path), "w", format="mp4", options={"movflags": "+faststart"}) as joined:
        stream: Any = None
        for segment in segments:
            with _packets(segment) as (template, packets):
                if stream is None:
                    stream = joined.add_stream_from_template(template)
                for number, packet in enumerate(packets, start=frames):
                    packet.pts += round(frames / fps / template.time_base)
                    packet.dts = round((number - delay) / fps / template.time_base)
                    packet.stream = stream
                    joined.mux(packet)
                frames += len(packets)
    return frames


def _decoding_ahead(segment: Path, fps: Fraction) -> int:
    """Frames by which the decoding of a film runs ahead of its showing: short films need less than the encoder allows."""
    with _packets(segment) as (_, packets):
        return round(-packets[0].dts * packets[0].time_base * fps)


@contextmanager
def split_film(path: Path, fps: Fraction) -> Iterator[Callable[[Path, int], None]]:
    """Undoes `join_segments`: gives a function that copies the next so many frames of a film into a film of their own.

    They must be the segments of which the film was joined, from the first on. InputError if the film is damaged.
    """
    try:
        with av.open(str(path)) as source:
            template: Any = source.streams.video[0]
            packets: Iterator[Any] = (packet for packet in source.demux(template) if packet.pts is not None)
            first, delay = 0, None

            def copy(segment: Path, frames: int) -> None:
                nonlocal first, delay
                with av.open(str(segment), "w", format="mp4", options={"movflags": "+faststart"}) as film:
                    stream: Any = film.add_stream_from_template(template)
                    for number in range(frames):
                        packet = next(packets)
                        delay = -packet.dts if delay is None else delay
                        packet.pts -= round(first / fps / template.time_base)
                        packet.dts = round(number / fps / template.time_base) - delay
                        packet.stream = stream
                        film.mux(packet)
                first += frames

            yield copy
    except (av.FFmpegError, StopIteration) as error:
        raise InputError(f"{path}: damaged, it breaks off ({error}); start anew with --fresh") from error


@contextmanager
def _packets(segment: Path) -> Iterator[tuple[Any, list[Any]]]:
    """The open stream of a film and all its packets; InputError if the film is lost, damaged or empty."""
    with ExitStack() as opened:
        try:
            source = opened.enter_context(av.open(str(segment)))
            packets = [packet for packet in source.demux(source.streams.video[0]) if packet.pts is not None]
        except (av.FFmpegError, IndexError) as error:
            raise InputError(f"{segment}: lost or damaged ({error}); start anew with --fresh") from error
        if not packets or any(packet.is_corrupt for packet in packets):
            raise InputError(f"{segment}: damaged, it breaks off; start anew with --fresh")
        yield source.streams.video[0], packets


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
