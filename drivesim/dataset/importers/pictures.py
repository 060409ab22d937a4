"""Single pictures as clips of one frame, with one caption."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from drivesim.config import InputError
from drivesim.dataset.clips import ClipWriter
from drivesim.dataset.importers.unknown import unknown_labels
from drivesim.dataset.sheets import IMAGES
from drivesim.scene.clip import Clip
from drivesim.tensors import to_frame_size
from drivesim.video_format import FRAME_RATES
from drivesim.video_io import read_image


def import_pictures(out: Path, paths: Sequence[Path], height: int, caption: str) -> int:
    """Fills the store `out` with pictures, and all in folders, their middle cut to 1:2 and scaled; returns how many there are.

    All else than the caption is unknown. The same call again does nothing. InputError for no pictures, and for broken ones.
    """
    files = [file for path in paths for file in (sorted(path.rglob("*")) if path.is_dir() else [path])]
    pictures = [file for file in files if file.suffix.lower() in IMAGES or file in paths]
    if not pictures:
        raise InputError(f"{', '.join(map(str, paths))}: no picture ({' '.join(IMAGES)}) there")
    recipe = {"pictures": [picture.name for picture in pictures], "height": height, "caption": caption}
    with ClipWriter(out, recipe) as writer:
        for picture in pictures[len(writer) :]:
            frame = to_frame_size(read_image(picture), height, keep="middle")
            writer.append(Clip(frame[None], unknown_labels(1, FRAME_RATES[-1], picture.name, caption)))
        return len(writer)
