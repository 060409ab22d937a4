"""Folders of labelled pictures as stores of clips, a frame each."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from drivesim.config import InputError, Say
from drivesim.dataset.clips import ClipWriter
from drivesim.dataset.importers.coco import read_coco
from drivesim.dataset.importers.kinds import kinds_of
from drivesim.dataset.importers.kitti import read_kitti
from drivesim.dataset.importers.labelled import LabelledPicture, Tally, clip_of
from drivesim.dataset.importers.nuscenes import read_nuscenes
from drivesim.dataset.importers.yolo import read_yolo
from drivesim.dataset.progress_line import ProgressLine
from drivesim.scene.vehicles import Kind

READERS: dict[str, Callable[[Path], list[LabelledPicture]]] = {
    "yolo": read_yolo, "coco": read_coco, "kitti": read_kitti, "nuscenes": read_nuscenes,
}  # fmt: skip


def import_labelled(
    out: Path, folder: Path, form: str, height: int, kinds: Mapping[str, Kind], caption: str | None, say: Say
) -> int:
    """Fills the store `out` with the pictures of a folder in the format `form` of READERS; returns how many it holds then.

    Each is a clip of one frame of `height`, with its vehicles; `kinds` says of classes which are vehicles beside those that are
    by their name. What nobody labelled stays unknown. The same call again goes on where it stopped. InputError for what is no
    such folder, or broken, naming file, line and field, and for pictures without any vehicle.
    """
    if form not in READERS:
        raise InputError(f"--labels {form}: give {', '.join(list(READERS)[:-1])} or {list(READERS)[-1]}")
    if not folder.exists():
        raise InputError(f"{folder}: no such folder; check the path")
    pictures = READERS[form](folder)
    classes = {thing.name for picture in pictures for thing in picture.objects or ()}
    known = kinds_of(classes, kinds, folder)
    names = [_source(picture.path, folder) for picture in pictures]
    tally = Tally()
    with ClipWriter(out, _recipe(form, names, height, known, caption)) as writer:
        done = len(writer)
        line = ProgressLine(f"{out.name}: picture", done, len(pictures), say)
        for number in range(done, len(pictures)):
            writer.append(clip_of(pictures[number], height, known, names[number], caption, tally))
            line(number + 1)
        if 0 < done < len(pictures):
            say(f"in the {len(pictures) - done:,} pictures that were still to be read:")
        for text in tally.lines() if done < len(pictures) else ():
            say(text)
        return len(writer)


def _source(path: Path, folder: Path) -> str:
    return path.relative_to(folder).as_posix() if path.is_relative_to(folder) else path.name


def _recipe(form: str, names: list[str], height: int, kinds: Mapping[str, Kind], caption: str | None) -> dict[str, Any]:
    """What a store is made of. A hash stands for the names of all pictures, which are too many to be told where they differ."""
    digest = hashlib.sha256("\n".join(names).encode()).hexdigest()[:16]
    return {"labels": form, "pictures": len(names), "names": digest, "height": height, "kinds": dict(kinds), "caption": caption}
