"""Labels as rows of the tables of a clip store, and back."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import numpy as np

from drivesim.scene.boxes import Boxes
from drivesim.scene.camera import Camera
from drivesim.scene.clip import TIMES_OF_DAY, ClipLabels, EgoMotion, EgoPose, RoadsideKey, crowdedness_of
from drivesim.scene.road import SETTINGS, Road
from drivesim.scene.vehicles import KINDS

NAMES = {"kinds": KINDS, "settings": SETTINGS, "times_of_day": TIMES_OF_DAY}  # what the numbers in the tables mean
UNKNOWN = 255  # time_of_day or setting of a clip; a road that is not known has no setting, a camera no (NaN) height
BOX_ROW = np.dtype(
    [("track", "i8"), ("kind", "u1"), ("box", "f4", 4), ("heading", "f4"), ("visible", "f4"), ("cuboid", "f4", 7),
     ("paint", "f4", 3), ("lamps", "u1")]
)  # fmt: skip
BOX_COLUMNS = np.dtype(
    [("track", "i8"), ("kind", "u1"), *((name, "f4") for name in ("x1", "y1", "x2", "y2", "heading", "visible")),
     *((name, "f4") for name in ("x", "y", "z", "length", "width", "height", "yaw", "red", "green", "blue")), ("lamps", "u1")]
)  # fmt: skip
"""The same bytes as BOX_ROW with a name for every number, as stores have them: any reader opens it as a table."""
FRAME_ROW = np.dtype([("boxes_known", "u1"), ("crowdedness", "f4")])
ROADSIDE_ROW = np.dtype([("seed", "i8"), ("curvature", "f8"), ("lamp_posts", "u1")])
CLIP_ROW = np.dtype(
    [("end", "i8"), ("source_end", "i8"), ("fps", "f8"), ("time_of_day", "u1"), ("setting", "u1"), ("lanes", "u1"),
     ("ego_lane", "u1"), ("curvature", "f8"), ("height", "f8"), ("pitch", "f8"), ("field_of_view", "f8")]
)  # fmt: skip
POSE_FIELDS = tuple(f.name for f in fields(EgoPose))
_NO_CAMERA = Camera(np.nan, np.nan, np.nan)
_NO_ROADSIDE = RoadsideKey(0, np.nan, False)


def clip_row(labels: ClipLabels, end: int, source_end: int) -> np.ndarray:
    """The row [1] of a clip whose frames end at `end` and whose source ends at `source_end` of their tables."""
    road, camera = labels.road or Road(curvature=np.nan), labels.camera or _NO_CAMERA
    time_of_day = UNKNOWN if labels.time_of_day is None else TIMES_OF_DAY.index(labels.time_of_day)
    setting = UNKNOWN if labels.road is None else SETTINGS.index(road.setting)
    row = (end, source_end, labels.fps, time_of_day, setting, road.lanes, road.ego_lane, road.curvature,
           camera.height, camera.pitch, camera.field_of_view)  # fmt: skip
    return np.array([row], CLIP_ROW)


def box_rows(boxes: tuple[Boxes | None, ...], row: np.dtype[np.void] = BOX_COLUMNS) -> np.ndarray:
    """One row a vehicle and frame, of the type `row` (another in format 2, see `grouped`); none for frames without a table."""
    tables = [table for table in boxes if table is not None]
    rows = np.zeros(sum(map(len, tables)), grouped(row))
    for name in rows.dtype.names or ():
        if tables:
            rows[name] = np.concatenate([getattr(table, name) for table in tables])
    return rows.view(row)


def grouped(row: np.dtype[np.void]) -> np.dtype[np.void]:
    """The type of rows with boxes and cuboids in one piece each; format 2 has such (without paint and lamps) in its files."""
    return row if "box" in (row.names or ()) else BOX_ROW


def frame_rows(labels: ClipLabels) -> np.ndarray:
    """One row a frame."""
    rows = np.zeros(len(labels), FRAME_ROW)
    rows["boxes_known"] = [table is not None for table in labels.boxes]
    rows["crowdedness"] = labels.crowdedness
    return rows


def ego_rows(ego: EgoMotion) -> np.ndarray:
    """The fields of EgoMotion, float32 [f 4]."""
    return np.stack([getattr(ego, f.name) for f in fields(EgoMotion)], axis=1).astype(np.float32)


def pose_rows(labels: ClipLabels) -> np.ndarray:
    """The fields of EgoPose, float64 [f 5]; NaN where they are not known."""
    if labels.pose is None:
        return np.full((len(labels), len(POSE_FIELDS)), np.nan)
    return np.stack([getattr(labels.pose, name) for name in POSE_FIELDS], axis=1).astype(np.float64)


def pose_of(rows: np.ndarray) -> EgoPose | None:
    """The poses of frames from rows of `pose_rows`; None if one is not known."""
    return None if np.isnan(rows).any() else EgoPose(*(column.copy() for column in rows.T))


def roadside_row(labels: ClipLabels) -> np.ndarray:
    """The row [1] of what the clip's roadside follows from; NaN where it is not known."""
    key = labels.roadside or _NO_ROADSIDE
    return np.array([(key.seed, key.curvature, key.lamp_posts)], ROADSIDE_ROW)


def roadside_of(row: Any) -> RoadsideKey | None:
    """The key from a row of `roadside_row`; None if it is not known."""
    known = not np.isnan(row["curvature"])
    return RoadsideKey(int(row["seed"]), float(row["curvature"]), bool(row["lamp_posts"])) if known else None


def follows_from_boxes(labels: ClipLabels) -> bool:
    """Whether a store of format 2 can hold them: all is known, and crowdedness is what the boxes say."""
    whole = None not in (labels.time_of_day, labels.road, labels.camera, *labels.boxes)
    return whole and np.array_equal(labels.crowdedness, crowdedness_of(labels.boxes))


def labels_of(
    row: Any, step: int, boxes: list[np.ndarray], frames: np.ndarray | None, ego: np.ndarray, source: str
) -> ClipLabels:
    """Labels of every `step`-th frame of a window of the clip of `row`.

    `boxes`: the rows of each frame; `frames` the rows of `frame_rows`, None where a store of format 2 has none; `ego` [f 4].
    """
    tables = tuple(_boxes(rows) for rows in boxes)
    known = tables if frames is None else tuple(
        table if known else None for table, known in zip(tables, frames["boxes_known"], strict=True)
    )  # fmt: skip
    camera = Camera(float(row["height"]), float(row["pitch"]), float(row["field_of_view"]))
    return ClipLabels(
        fps=float(row["fps"]) / step,
        time_of_day=None if row["time_of_day"] == UNKNOWN else TIMES_OF_DAY[row["time_of_day"]],
        road=_road(row, float(row["curvature"])),
        camera=None if np.isnan(camera.height) else camera,
        boxes=known,
        crowdedness=crowdedness_of(known) if frames is None else frames["crowdedness"].copy(),
        ego=EgoMotion(*(column.copy() for column in ego.T)),
        source=source,
    )


def _road(row: Any, curvature: float) -> Road | None:
    if row["setting"] == UNKNOWN:
        return None
    return Road(SETTINGS[row["setting"]], int(row["lanes"]), int(row["ego_lane"]), curvature)


def _boxes(rows: np.ndarray) -> Boxes:
    rows = rows.view(grouped(rows.dtype))
    names = [name for name in rows.dtype.names or () if name not in ("track", "kind")]
    columns = {name: np.ascontiguousarray(rows[name]) for name in names}
    return Boxes(track=rows["track"].copy(), kind=rows["kind"].astype(np.int64), **columns)
