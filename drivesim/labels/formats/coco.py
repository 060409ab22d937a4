"""COCO: one annotations.json of all futures, with the pictures beside it.

Boxes are [x, y, width, height] in pixels, the first of which ends at 1, as COCO has them. What COCO knows no name for stands
where its tools look past it: tracks and further values in `attributes`, futures as `videos`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import drivesim
from drivesim.labels.attributes import attributes_of, cuboid_of
from drivesim.labels.json_file import JsonList, join_json
from drivesim.labels.labelled_frame import LabelledFrame
from drivesim.labels.pictures import write_picture
from drivesim.labels.selection import Selection
from drivesim.scene.vehicles import KINDS

ANNOTATIONS, IMAGES = "annotations.json", "images"


def write_coco(selection: Selection, folder: Path) -> None:
    """Writes annotations.json and images/future-00/000000.jpg, ... into a folder."""
    lists = {name: folder / f"{name}.part" for name in ("images", "annotations")}
    tracks: dict[tuple[int, int], int] = {}
    with JsonList(lists["images"]) as images, JsonList(lists["annotations"]) as annotations:
        for future in selection.futures:
            (folder / IMAGES / future.name).mkdir(parents=True)
            for frame in selection.labelled_frames(future):
                name = f"{future.name}/{frame.number:06d}.jpg"
                assert frame.picture is not None
                write_picture(folder / IMAGES / name, frame.picture)
                image = len(images) + 1
                images.append(_image(image, name, future.number, frame))
                for row in range(len(frame.boxes)):
                    key = (future.number, int(frame.boxes[row]["track"]))
                    track = tracks.setdefault(key, len(tracks) + 1)
                    annotations.append(_annotation(len(annotations) + 1, image, track, frame, row))
    join_json(folder / ANNOTATIONS, _head(selection), lists)


def _head(selection: Selection) -> dict[str, Any]:
    scenario = selection.rollout.scenario
    return {
        "info": {"description": f"drivesim rollout of {scenario.name}", "version": drivesim.__version__},
        "licenses": [],
        "categories": [{"id": number, "name": kind, "supercategory": "vehicle"} for number, kind in enumerate(KINDS, start=1)],
        "videos": [
            {"id": future.number + 1, "name": future.name, "width": future.film.width, "height": future.film.height}
            for future in selection.futures
        ],
    }


def _image(number: int, name: str, future: int, frame: LabelledFrame) -> dict[str, Any]:
    assert frame.picture is not None
    height, width = frame.picture.shape[:2]
    return {
        "id": number,
        "file_name": name,
        "width": width,
        "height": height,
        "video_id": future + 1,
        "frame_index": frame.number,
        "time_s": frame.time,
    }


def _annotation(number: int, image: int, track: int, frame: LabelledFrame, row: int) -> dict[str, Any]:
    x1, y1, x2, y2 = (round(float(value), 3) for value in frame.pixels[row])
    vehicle = frame.boxes[row]
    attributes = attributes_of(vehicle, frame.truncated[row]) | {"track_id": track}
    if (cuboid := cuboid_of(vehicle)) is not None:
        attributes["cuboid"] = [round(value, 4) for value in cuboid]
    return {
        "id": number,
        "image_id": image,
        "category_id": int(vehicle["kind"]) + 1,
        "bbox": [x1, y1, round(x2 - x1, 3), round(y2 - y1, 3)],
        "area": round((x2 - x1) * (y2 - y1), 3),
        "iscrowd": 0,
        "track_id": track,
        "attributes": attributes,
    }
