"""What a clip store says of itself in HDF5 attributes, for readers who have h5py and not drivesim."""

from __future__ import annotations

from typing import NamedTuple

import h5py

from drivesim import __version__
from drivesim.dataset.label_tables import UNKNOWN
from drivesim.scene.boxes import UNKNOWN_LAMPS
from drivesim.traffic.vehicle_lamps import BRAKE, HEAD, LEFT, RIGHT, TAIL


class TableDescription(NamedTuple):
    """What a table holds; by name the unit, or the meaning, of each column."""

    text: str
    columns: dict[str, str] = {}  # noqa: RUF012, a default that nobody changes


ABOUT = (
    "Clips of driving with labels, frame after frame. Frames of clip i are rows clips[i-1]['end'] to clips[i]['end'] of frames, "
    "ego, labels, pose and box_end; boxes of frame j are rows box_end[j-1] to box_end[j] of boxes; counted from 0, the end left "
    "out. Boxes are FRACTIONS of the frame (rollout.h5 has pixels of 1024x512). Columns, and units in the same order, are "
    "attributes of each table. NaN: not known. What numbers stand for is in the attributes kinds, settings and times_of_day "
    "(JSON); recipe says how the clips were made; committed how many rows of each table count."
)
_WIDTH, _HEIGHT = "fraction of the frame's width, from the left", "fraction of the frame's height, from the top"
_LAMPS = f"{BRAKE} brake, {HEAD} head, {TAIL} tail, {LEFT} left and {RIGHT} right indicator"
_INDEX = {"kind": "index into kinds", "time_of_day": f"index into times_of_day; {UNKNOWN}: not known"}
TABLES: dict[str, TableDescription] = {
    "frames": TableDescription("Pictures, uint8 RGB [frame, row, column, channel]."),
    "depth": TableDescription("Distance along the camera's axis of what each pixel shows, in m: [frame, row, column]."),
    "ego": TableDescription(
        "How the ego moves, a row a frame.",
        {"speed": "m/s", "yaw_rate": "rad/s, positive to the left", "curvature": "1/m of its road, positive to the left",
         "along": "m along the road, from where a period of the dashes begins"},
    ),
    "boxes": TableDescription(
        "A row a vehicle and frame. Cuboids are in the ego's frame: x ahead, y left, z up, of the centre.",
        {"track": "identity within the clip", "kind": _INDEX["kind"], "x1": _WIDTH, "y1": _HEIGHT, "x2": _WIDTH, "y2": _HEIGHT,
         "heading": "rad in the ego's frame; 0 drives away, pi is oncoming", "visible": "share of the silhouette that is seen",
         "x": "m", "y": "m", "z": "m", "length": "m", "width": "m", "height": "m", "yaw": "rad",
         "red": "sRGB, 0 to 1", "green": "sRGB, 0 to 1", "blue": "sRGB, 0 to 1",
         "lamps": f"bits of what is lit: {_LAMPS}; {UNKNOWN_LAMPS}: not known"},
    ),
    "box_end": TableDescription("A number a frame: where its rows in boxes end."),
    "labels": TableDescription(
        "A row a frame.",
        {"boxes_known": "1 if its vehicles were labelled", "crowdedness": "vehicles at least 8 px high (of 128) and 30 % visible"},
    ),
    "pose": TableDescription(
        "Where the ego and its camera are, a row a frame.",
        {"x": "m in the plane of the road's alignment", "y": "m in it", "heading": "rad in it", "height": "m of the camera",
         "pitch": "degrees of the camera, positive looks up"},
    ),
    "roadsides": TableDescription(
        "What a clip's roadside follows from, a row a clip.",
        {"seed": "of its random numbers", "curvature": "1/m of the road at its origin", "lamp_posts": "1 if they stand there"},
    ),
    "clips": TableDescription(
        "A row a clip.",
        {"end": "where its rows in frames end", "source_end": "where its bytes in sources end", "fps": "frames a second",
         "time_of_day": _INDEX["time_of_day"], "setting": f"index into settings; {UNKNOWN}: road not known",
         "lanes": "in the direction of travel", "ego_lane": "of the ego, from the left, 1 the first",
         "curvature": "1/m of the road in the first frame, positive to the left", "height": "m of the camera above the road",
         "pitch": "degrees of the camera, positive looks up", "field_of_view": "degrees of the camera, horizontal"},
    ),
    "sources": TableDescription("UTF-8 bytes of what made each clip, one after the other."),
    "captions": TableDescription("UTF-8 bytes of what each clip shows, in words, one after the other; none where nobody said it."),
    "caption_end": TableDescription("A number a clip: where its bytes in captions end."),
}  # fmt: skip


def describe(file: h5py.File) -> None:
    """Writes the attributes of a new store: `about` and `written_by`, and `description`, `columns` and `units` of its tables."""
    file.attrs["about"], file.attrs["written_by"] = ABOUT, f"drivesim {__version__}"
    for name, (text, columns) in TABLES.items():
        if name in file:
            file[name].attrs["description"] = text
            if columns:
                file[name].attrs["columns"], file[name].attrs["units"] = list(columns), list(columns.values())
