"""Films as clips: cut into pieces of a length, at a rate that the networks know, with a caption where there is one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

import numpy as np

from drivesim.config import InputError, Say
from drivesim.dataset.clips import ClipWriter
from drivesim.dataset.importers.unknown import unknown_labels
from drivesim.dataset.sheets import FILMS
from drivesim.scene.clip import Clip
from drivesim.tensors import to_frame_size
from drivesim.video_format import FRAME_RATES
from drivesim.video_io import stream_video, video_info

NEAR = 1.01  # so much faster than a film its frames may be asked for: 30 of one with 29.97


def import_films(
    out: Path, paths: Sequence[Path], fps: float, seconds: float, height: int, caption: str | None, say: Say
) -> int:
    """Fills the store `out` with clips of films, and of all films in folders; returns how many clips it holds then.

    A clip is `seconds` long at `fps`, the last one of a film what is left; frames are cut to 1:2 from below and scaled to
    `height`. Its caption is the text of the file of the film's name with the suffix .txt, else `caption`; all else is unknown.
    The same call again goes on where it stopped. InputError for no films, broken or slower ones, and another rate than FRAME_RATES.
    """
    films = _films(paths)
    if fps not in FRAME_RATES:
        raise InputError(f"--fps {fps:g}: the networks know {', '.join(f'{rate:g}' for rate in FRAME_RATES)}")
    for film in films:
        own = float(video_info(film).fps)
        if own * NEAR < fps:
            slower = max((rate for rate in FRAME_RATES if rate <= own * NEAR), default=None)
            raise InputError(f"{film}: has {own:g} frames a second, fewer than --fps {fps:g}; "
                             + ("leave it out" if slower is None else f"give --fps {slower:g}"))  # fmt: skip
    recipe = {"films": [film.name for film in films], "fps": fps, "seconds": seconds, "height": height, "caption": caption}
    with ClipWriter(out, recipe) as writer:
        done = len(writer)
        for number, clip in enumerate(_clips(films, fps, seconds, height, caption)):
            if number >= done:
                writer.append(clip)
                say(f"{clip.labels.source}: {len(clip.frames)} frames, {clip.labels.caption or 'no caption'}")
        return len(writer)


def _films(paths: Sequence[Path]) -> list[Path]:
    """The films of files and folders, in order of name within a folder."""
    files = [file for path in paths for file in (sorted(path.rglob("*")) if path.is_dir() else [path])]
    films = [file for file in files if file.suffix.lower() in FILMS or file in paths]
    if not films:
        raise InputError(f"{', '.join(map(str, paths))}: no film ({' '.join(FILMS)}) there; pictures need --labels")
    return films


def _clips(films: Sequence[Path], fps: float, seconds: float, height: int, caption: str | None) -> Iterator[Clip]:
    """All clips, one after the other; of a film no more than one is in memory."""
    length = round(seconds * fps) + 1  # both ends: 5 s are 10 key frames and a bit
    for film in films:
        sidecar = film.with_suffix(".txt")
        text = sidecar.read_text(encoding="utf-8").strip() if sidecar.is_file() else caption
        frames = _at_rate(film, fps, height)
        first = 0
        while pictures := list(islice(frames, length)):
            yield Clip(np.stack(pictures), unknown_labels(len(pictures), fps, f"{film.name}, {first / fps:g} s", text or None))
            first += len(pictures)


def _at_rate(film: Path, fps: float, height: int) -> Iterator[np.ndarray]:
    """The frames of a film that are nearest in time to those of `fps` frames a second, scaled: uint8 [height 2 height 3]."""
    step, made = float(video_info(film).fps) / fps, 0
    for number, picture in enumerate(stream_video(film)):
        if number == round(made * step):
            yield to_frame_size(picture, height, keep="bottom")
            made += 1
            while round(made * step) <= number:  # a film a little slower than what is asked for
                made += 1
