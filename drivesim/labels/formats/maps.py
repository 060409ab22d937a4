"""Maps of the layout beside every frame, as PNG: class, instance, inverse depth, and flow to the next exported frame.

    maps.json               what the numbers mean
    future-00/image/        000000.png, ... the frames
    future-00/class/        8 bits: SceneClass
    future-00/instance/     16 bits: 1 + track of a labelled vehicle, 0 elsewhere
    future-00/inverse_depth/    16 bits: 16384 / m along the camera's axis, 0 in the sky
    future-00/flow/         3 x 16 bits, as in KITTI: 64 times pixels to the right and down, plus 32768; 1 where it is seen there

They are what the networks were asked to show: exact in themselves, not measured in the film.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from drivesim.config import InputError
from drivesim.engine.moments import Moments, ticks
from drivesim.labels.finished_rollout import FinishedFuture, FinishedRollout
from drivesim.labels.generated_frames import MappedFrame
from drivesim.labels.labelled_frame import LabelledFrame, cuboids
from drivesim.labels.pictures import write_picture
from drivesim.labels.selection import Selection
from drivesim.layout.flow import Flow, flow
from drivesim.layout.raster import layout_maps
from drivesim.layout.scene_at import SceneAt
from drivesim.scene.classes import CLASS_NAMES

NEARNESS_SCALE, FLOW_SCALE, FLOW_ZERO, LARGEST = 16384.0, 64.0, 32768, 65535
_SAME_PLACE = 0.01  # m and rad by which the traffic of this version may differ from the labels
_KINDS = "image", "class", "instance", "inverse_depth", "flow"


def write_maps(selection: Selection, folder: Path) -> None:
    """Writes maps.json and the folders of the maps of every future."""
    for future in selection.futures:
        place = folder / future.name
        for kind in _KINDS:
            (place / kind).mkdir(parents=True)
        earlier = None
        for mapped in exported_maps(selection, future):
            _write_frame(place, mapped)
            if earlier is not None:
                moved = flow(earlier.scene, earlier.maps, mapped.scene, mapped.maps)
                write_picture(place / "flow" / f"{earlier.frame.number:06d}.png", flow_picture(moved))
            earlier = mapped
    (folder / "maps.json").write_text(json.dumps(_about(), indent=2) + "\n", encoding="utf-8")


def exported_maps(selection: Selection, future: FinishedFuture) -> Iterator[MappedFrame]:
    """The frames of a selection with their maps; InputError where the layout is not known any more."""
    rollout = selection.rollout
    if rollout.scenario.photo is not None:
        raise InputError(f"{rollout.folder}: begins with a photo, whose layout nobody knows; export another format")
    job = rollout.manifest.job
    moments, level = Moments(rollout.scenario, job.seed, future.number), job.timeline.level
    for frame in selection.labelled_frames(future):
        (tick,) = ticks(range(frame.number, frame.number + 1), level)
        scene = moments[tick]
        _check_same(rollout, future, frame, scene)
        yield MappedFrame(frame, scene, layout_maps(scene, future.film.height, future.film.width))


def _check_same(rollout: FinishedRollout, future: FinishedFuture, frame: LabelledFrame, scene: SceneAt) -> None:
    """InputError unless the vehicles of the moment are where the labels say: an earlier version may have driven otherwise."""
    row = {int(track): place for place, track in enumerate(scene.vehicles.track)}
    for track, cuboid in zip(frame.boxes["track"], cuboids(frame.boxes), strict=True):
        there = scene.vehicles.cuboid[row[int(track)]] if int(track) in row else np.full(7, np.inf)
        if not np.allclose(there, cuboid, rtol=1e-4, atol=_SAME_PLACE):
            raise InputError(
                f"{rollout.folder / future.name}: another version of drivesim made it, whose traffic drives otherwise (frame "
                f"{frame.number}, vehicle {track}); make it anew to export maps"
            )


def instances(mapped: MappedFrame) -> np.ndarray:
    """uint16 [h w]: 1 + track of each vehicle that is labelled."""
    track = mapped.maps.track
    if track.max(initial=0) >= LARGEST:
        raise InputError(f"frame {mapped.frame.number}: has more vehicles than a map of 16 bits can tell apart")
    return np.where(np.isin(track, mapped.frame.boxes["track"]), track + 1, 0).astype(np.uint16)


def _write_frame(place: Path, mapped: MappedFrame) -> None:
    name = f"{mapped.frame.number:06d}.png"
    assert mapped.frame.picture is not None
    nearness = np.minimum(np.round(mapped.maps.inverse_depth * NEARNESS_SCALE), LARGEST).astype(np.uint16)
    write_picture(place / "image" / name, mapped.frame.picture)
    write_picture(place / "class" / name, mapped.maps.scene_class)
    write_picture(place / "instance" / name, instances(mapped))
    write_picture(place / "inverse_depth" / name, nearness)


def flow_picture(moved: Flow) -> np.ndarray:
    """uint16 [h w 3]: right, down and whether it is seen there, as in KITTI's flow; what moves too far counts as not seen."""
    shift = np.round(np.stack([moved.right, moved.down], axis=-1).astype(np.float64) * FLOW_SCALE + FLOW_ZERO)
    seen = moved.seen & (shift >= 0).all(axis=-1) & (shift <= LARGEST).all(axis=-1)
    return np.where(seen[..., None], np.concatenate([shift, np.ones((*seen.shape, 1))], axis=-1), 0).astype(np.uint16)


def _about() -> dict[str, Any]:
    return {
        "class": dict(enumerate(CLASS_NAMES)),
        "instance": "1 + track of a labelled vehicle, as track_id in no other future; 0 elsewhere",
        "inverse_depth": {"unit": "1/m along the camera's axis, 0 is the sky", "divide_by": NEARNESS_SCALE},
        "flow": {
            "unit": "pixels, from a frame to the next one in the folder; red right, green down, blue 1 where it is seen there",
            "subtract": FLOW_ZERO,
            "divide_by": FLOW_SCALE,
        },
    }
