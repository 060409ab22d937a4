"""Contact sheets of stores, of the world and of real footage, to be judged by eye."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import islice
from pathlib import Path

import cv2
import numpy as np

from drivesim.config import InputError
from drivesim.dataset.clips import ClipStore
from drivesim.dataset.synthesis import fresh_clips
from drivesim.scene.boxes import Boxes
from drivesim.scene.clip import Clip
from drivesim.scene.vehicles import KIND_COLOURS, KINDS
from drivesim.tensors import numpy_stream, to_frame_size
from drivesim.video_format import NETWORK_WIDTH
from drivesim.video_io import contact_sheet, read_image, stream_video, video_info

FILMS, IMAGES = (".mp4", ".mov", ".avi", ".mkv", ".webm"), (".png", ".jpg", ".jpeg", ".webp")
COLUMNS = 4


def store_clips(store: ClipStore, count: int, frames: int, seed: int) -> list[Clip]:
    """`frames` successive frames from a random place of each of `count` random clips (as many as there are)."""
    rng = numpy_stream(seed, "show")
    clips = []
    for i in rng.permutation(len(store))[:count].tolist():
        start = int(rng.integers(max(1, store.frames(i) - frames + 1)))
        clips.append(store.read(i, start, min(start + frames, store.frames(i))))
    return clips


def world_clips(count: int, frames: int, fps: float, height: int, width: int, seed: int) -> list[Clip]:
    """`count` fresh clips of the world."""
    return list(islice(fresh_clips(seed, frames, (fps,), height, width, workers=0), count))


def real_pictures(paths: Sequence[Path], count: int, height: int, seed: int) -> np.ndarray:
    """Random pictures of films, images and folders of them, cropped to the lower 2:1 and scaled: uint8 [n h 2h 3].

    Raises InputError if there are none, or one cannot be decoded.
    """
    known = FILMS + IMAGES
    files = [f for path in paths for f in (sorted(path.rglob("*")) if path.is_dir() else [path])]
    files = [f for f in files if f.suffix.lower() in known or f in paths]
    if not files:
        raise InputError(
            f"{', '.join(map(str, paths))}: no film ({' '.join(FILMS)}) or image ({' '.join(IMAGES)}) there"
        )
    rng = numpy_stream(seed, "real")
    chosen = rng.choice(len(files), size=count, replace=len(files) < count)
    pictures = []
    for i, asked in zip(*np.unique(chosen, return_counts=True), strict=True):
        pictures += _pictures_of(files[i], int(asked), rng)
    scaled = [to_frame_size(picture, height, keep="bottom") for picture in pictures]
    return np.stack(scaled)[rng.permutation(len(scaled))]


def _pictures_of(file: Path, count: int, rng: np.random.Generator) -> list[np.ndarray]:
    if file.suffix.lower() in IMAGES:
        return [read_image(file)] * count
    numbers = set(rng.choice(max(count, video_info(file).frames), size=count, replace=False).tolist())
    found = [picture for k, picture in enumerate(islice(stream_video(file), max(numbers) + 1)) if k in numbers]
    if not found:
        raise InputError(f"{file}: holds no picture")
    return found + found[-1:] * (count - len(found))  # fewer than the container declares


def draw_boxes(frame: np.ndarray, boxes: Boxes) -> np.ndarray:
    """The picture [h w 3] with the boxes on it: colour and letter of the kind, thin where a vehicle does not count."""
    drawn = np.array(frame, order="C")
    size = np.array([frame.shape[1], frame.shape[0]] * 2)
    for kind, box, counts in zip(boxes.kind, boxes.box, boxes.counted, strict=True):
        if not np.isfinite(box).all():
            continue
        x1, y1, x2, y2 = np.round(box * size - 0.5).astype(int).tolist()
        cv2.rectangle(drawn, (x1, y1), (x2, y2), KIND_COLOURS[KINDS[kind]], 2 if counts else 1)
        if counts:
            place = (x1, max(8, y1 - 3))
            cv2.putText(drawn, KINDS[kind], place, cv2.FONT_HERSHEY_SIMPLEX, 0.33, KIND_COLOURS[KINDS[kind]], 1, cv2.LINE_AA)
    return drawn


def sheet(
    parts: Sequence[tuple[str, Iterable[Clip] | np.ndarray]], boxes: bool = False, width: int = NETWORK_WIDTH
) -> np.ndarray:
    """One sheet [H W 3] of named parts, clips or pictures [n h w 3]: single frames four in a row, longer clips one a row."""
    rows, labels = [], []
    for name, part in parts:
        if isinstance(part, np.ndarray):
            strips = [_scaled(part, width)]
        else:
            strips = [_clip_strip(clip, boxes, width) for clip in part]
        if all(len(strip) == 1 for strip in strips) or isinstance(part, np.ndarray):
            pictures = np.concatenate(strips)
            strips = [pictures[k : k + COLUMNS] for k in range(0, len(pictures), COLUMNS)]
        rows += strips
        labels += [name] + [""] * (len(strips) - 1)
    return contact_sheet(rows, labels)


def _scaled(pictures: np.ndarray, width: int) -> np.ndarray:
    size = (width, round(pictures.shape[1] * width / pictures.shape[2]))
    way = cv2.INTER_AREA if width < pictures.shape[2] else cv2.INTER_CUBIC
    return np.stack([cv2.resize(picture, size, interpolation=way) for picture in pictures])


def _clip_strip(clip: Clip, boxes: bool, width: int) -> np.ndarray:
    pictures = _scaled(clip.frames, width)
    if not boxes:
        return pictures
    return np.stack([
        picture if table is None else draw_boxes(picture, table)
        for picture, table in zip(pictures, clip.labels.boxes, strict=True)
    ])  # fmt: skip
