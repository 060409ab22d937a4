"""What a rollout tells of its frames: a row a vehicle and frame, and a row a frame of the ego and of its camera.

Columns are plain numbers, so that each table is a table to pandas, too. What a column is, and in which unit, stands here once,
and goes into the file.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import h5py
import numpy as np

from drivesim.metrics.label_trust import Trust
from drivesim.scene.boxes import UNKNOWN_LAMPS, Boxes
from drivesim.scene.camera import Camera
from drivesim.scene.geometry import Pose
from drivesim.scene.vehicles import KINDS
from drivesim.video_format import FRAME_HEIGHT, FRAME_WIDTH

Source = Literal["asked", "detected", "traffic", "stated"]
SOURCES: tuple[Source, ...] = get_args(Source)

BOX_COLUMNS = {
    "frame": "number of the frame, from 0",
    "track": "number of the vehicle within this future",
    "kind": f"body of the vehicle: {', '.join(f'{number} {kind}' for number, kind in enumerate(KINDS))}",
    "x1": "px of a frame of 1024x512: left edge of the whole extent, hidden parts included, clipped to the frame",
    "y1": "px: top edge",
    "x2": "px: right edge",
    "y2": "px: bottom edge",
    "x": "m: centre of the vehicle in the ego frame of this frame of the film, forward; NaN where it is not known",
    "y": "m: centre, to the left",
    "z": "m: centre, above the road",
    "length": "m",
    "width": "m",
    "height": "m",
    "yaw": "rad: heading in the ego frame, positive to the left; 0 drives away, pi comes towards the ego",
    "visible": "0 to 1: share of the outline within the frame that no nearer vehicle hides",
    "red": "0 to 1, sRGB: red of the paint; NaN where it is not known",
    "green": "0 to 1, sRGB: green",
    "blue": "0 to 1, sRGB: blue",
    "lamps": f"sum of what is lit: 1 brake, 2 head, 4 tail, 8 left and 16 right indicator; {UNKNOWN_LAMPS} where it is not known",
    "score": "0 to 1: how sure it is that the film shows it; 1 for what the networks were given, 0.5 where they were given boxes "
    "after the first frame, but no layout; NaN where nothing speaks for it",
    "source": "0 asked: of the scenario, and given to the networks; 1 detected: found in the film; 2 traffic: simulated, "
    "and given to the networks; 3 stated: of a scenario that begins with a photo, which need not show it",
    "trust": "0 unknown: too small or too much hidden, or nobody looked; 1 shown: a detector that looks at every fourth frame of "
    "the film or so finds it; 2 doubtful; 3 not shown",
}
DETECTED_COLUMNS = {
    "frame": "number of the frame, from 0: those that the detector looked at",
    "track": "number of the vehicle among the labels that it is taken for; -1 for none",
    **{name: BOX_COLUMNS[name] for name in ("kind", "x1", "y1", "x2", "y2", "red", "green", "blue")},
    "score": "0 to 1: how sure the detector is",
}
EGO_COLUMNS = {
    "frame": "number of the frame, from 0",
    "time_s": "s since the first frame",
    "x": "m: place of the ego in the ego frame of the first frame, forward",
    "y": "m: place, to the left",
    "yaw": "rad: heading, positive to the left of that in the first frame",
    "speed": "m/s",
    "yaw_rate": "rad/s, positive to the left",
    "curvature": "1/m: of the road at the ego, positive to the left",
}
CAMERA_COLUMNS = {
    "frame": "number of the frame, from 0",
    "time_s": "s since the first frame",
    "fx": "px of a frame of 1024x512: focal length, across",
    "fy": "px: focal length, down",
    "cx": "px from the left edge of the frame: where the optical axis meets it",
    "cy": "px from the top edge of the frame",
    "x": "m: place of the camera in the ego frame, forward",
    "y": "m: place, to the left",
    "z": "m: place, above the road",
    "roll": "rad, positive leans to the right",
    "pitch": "rad, positive looks up",
    "yaw": "rad, positive looks to the left",
}

_ENUMS = {
    "kind": h5py.enum_dtype({kind: i for i, kind in enumerate(KINDS)}, basetype="u1"),
    "source": h5py.enum_dtype({source: i for i, source in enumerate(SOURCES)}, basetype="u1"),
}
TRUSTS = {trust.name.lower(): int(trust) for trust in Trust}
_ENUMS["trust"] = h5py.enum_dtype(TRUSTS, basetype="u1")
_TYPES = {"frame": "i8", "track": "i8", "lamps": "u1", "time_s": "f8"} | _ENUMS
BOX_ROW = np.dtype([(name, _TYPES.get(name, "f4")) for name in BOX_COLUMNS])
DETECTED_ROW = np.dtype([(name, _TYPES.get(name, "f4")) for name in DETECTED_COLUMNS])
EGO_ROW = np.dtype([(name, _TYPES.get(name, "f8")) for name in EGO_COLUMNS])
CAMERA_ROW = np.dtype([(name, _TYPES.get(name, "f8")) for name in CAMERA_COLUMNS])


@dataclass(frozen=True)
class FrameLabels:
    """What is known of one frame at `time` (s): the `boxes` of its vehicles, with `source`, `score` and `trust` (Trust), one for
    all or one each; where the ego is (`pose`, in the ego frame of the first frame), its `speed` (m/s) and `yaw_rate` (rad/s),
    the road's `curvature` (1/m) there, and its camera.
    """

    time: float
    boxes: Boxes
    source: Source | Sequence[Source]
    score: float | np.ndarray
    pose: Pose[np.ndarray]
    speed: float
    yaw_rate: float
    curvature: float
    camera: Camera
    trust: np.ndarray | int = Trust.UNKNOWN


def box_rows(
    frame: int,
    boxes: Boxes,
    source: Source | Sequence[Source],
    score: np.ndarray | float = 1.0,
    trust: np.ndarray | int = Trust.UNKNOWN,
) -> np.ndarray:
    """The boxes of one frame as rows of BOX_ROW [n]; `source`, `score` and `trust` one or [n]."""
    rows = np.zeros(len(boxes), BOX_ROW)
    rows["frame"], rows["score"], rows["trust"] = frame, score, trust
    rows["source"] = SOURCES.index(source) if isinstance(source, str) else [SOURCES.index(one) for one in source]
    for name in ("track", "kind", "visible", "lamps"):
        rows[name] = getattr(boxes, name)
    for name, fractions, size in zip(("x1", "y1", "x2", "y2"), boxes.box.T, (FRAME_WIDTH, FRAME_HEIGHT) * 2, strict=True):
        rows[name] = fractions * size
    for name, values in zip(("x", "y", "z", "length", "width", "height", "yaw"), boxes.cuboid.T, strict=True):
        rows[name] = values
    for name, values in zip(("red", "green", "blue"), boxes.paint.T, strict=True):
        rows[name] = values
    return rows


def ego_row(frame: int, labels: FrameLabels) -> np.ndarray:
    """One frame's row of EGO_ROW [1]."""
    pose, rates = labels.pose, (labels.speed, labels.yaw_rate, labels.curvature)
    row = (frame, labels.time, float(pose.x), float(pose.y), float(pose.yaw), *rates)
    return np.array([row], EGO_ROW)


def camera_row(frame: int, labels: FrameLabels) -> np.ndarray:
    """One frame's row of CAMERA_ROW [1]."""
    camera = labels.camera
    focal = camera.focal * FRAME_WIDTH
    inner = (focal, focal, FRAME_WIDTH / 2, FRAME_HEIGHT / 2)
    return np.array([(frame, labels.time, *inner, 0.0, 0.0, camera.height, 0.0, np.radians(camera.pitch), 0.0)], CAMERA_ROW)


def detected_rows(frame: int, boxes: Boxes, score: np.ndarray) -> np.ndarray:
    """What was found in one frame as rows of DETECTED_ROW [n]; `track` of `boxes` is -1 for what no label is for."""
    rows = box_rows(frame, boxes, "detected", score)
    return rows[list(DETECTED_COLUMNS)].astype(DETECTED_ROW)


def rows_of_earlier_versions(rows: np.ndarray) -> np.ndarray:
    """Rows of BOX_ROW [n] of those of earlier versions: the first had neither cuboid nor visible share, paint and lamps, and both
    no trust."""
    unknown = {"lamps": UNKNOWN_LAMPS, "trust": Trust.UNKNOWN}
    made = np.zeros(len(rows), BOX_ROW)
    for name in BOX_COLUMNS:
        made[name] = rows[name] if name in (rows.dtype.names or ()) else unknown.get(name, np.nan)
    return made
