"""How well layout maps agree with what a renderer says of the same moment."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import cv2
import numpy as np

from drivesim.layout.maps import LayoutMaps
from drivesim.metrics.intervals import Figures, Interval, bootstrap
from drivesim.scene.classes import CLASS_NAMES, SceneClass

MIN_HEIGHT = 16  # rows that a vehicle must show to be compared
LEAST_IOU = 0.85  # of the silhouette of a vehicle that counts as well placed
_MARKINGS = (SceneClass.WHITE_MARKING, SceneClass.YELLOW_MARKING)
_GROUND = (SceneClass.ROAD, SceneClass.GROUND, *_MARKINGS)
_EVERY = 17  # of the pixels whose depth and motion are kept
_DRAWS = 200  # of the intervals
_CLASSES = len(SceneClass)


@dataclass(frozen=True, eq=False)
class RenderedMaps:
    """What a renderer shows: scene_class uint8, track int32 (-1 no vehicle), depth float32 (m, inf in the sky) [h w]."""

    scene_class: np.ndarray
    track: np.ndarray
    depth: np.ndarray


@dataclass(frozen=True, eq=False)
class LayoutComparison:
    """Of one frame: `pixels` int64 [classes classes], the layout's class by the renderer's; `silhouettes` float64 [n], of each
    vehicle of at least MIN_HEIGHT rows the intersection over union of its pixels; `markings` int64 [2], pixels that either side
    marks, and how many of them the other marks within one pixel. Of some pixels: relative errors of depth where both see the
    ground (`ground_depth`) and the same vehicle (`vehicle_depth`); errors of motion in px, of all (`flow`) and of the latter
    (`vehicle_flow`)."""

    pixels: np.ndarray
    silhouettes: np.ndarray
    markings: np.ndarray
    ground_depth: np.ndarray
    vehicle_depth: np.ndarray
    flow: np.ndarray
    vehicle_flow: np.ndarray


def compare_frame(maps: LayoutMaps, rendered: RenderedMaps, flow_error: np.ndarray) -> LayoutComparison:
    """One frame; `flow_error` [h w] in px, NaN where there is none to compare."""
    both = maps.scene_class.astype(np.int64) * _CLASSES + rendered.scene_class
    pixels = np.bincount(both.ravel(), minlength=_CLASSES**2).reshape(_CLASSES, _CLASSES)
    depth = np.where(np.isfinite(rendered.depth), rendered.depth, 1.0)
    error = np.abs(1 / np.maximum(maps.inverse_depth, 1e-6) - depth) / depth
    ground = np.isin(maps.scene_class, _GROUND) & np.isin(rendered.scene_class, _GROUND)
    vehicle = (maps.track == rendered.track) & (rendered.track >= 0)
    return LayoutComparison(
        pixels, _silhouettes(maps.track, rendered.track), _markings(maps.scene_class, rendered.scene_class, ground),
        error[ground][::_EVERY], error[vehicle][::_EVERY],
        flow_error[np.isfinite(flow_error)][::_EVERY], flow_error[vehicle & np.isfinite(flow_error)][::_EVERY],
    )  # fmt: skip


def _silhouettes(drawn: np.ndarray, true: np.ndarray) -> np.ndarray:
    """Intersection over union of the tracks that show MIN_HEIGHT rows in `true` [n]."""
    values = []
    for one in np.unique(true[true >= 0]):
        theirs, ours = true == one, drawn == one
        if np.ptp(np.flatnonzero(theirs.any(axis=1))) + 1 >= MIN_HEIGHT:
            values.append((theirs & ours).sum() / (theirs | ours).sum())
    return np.array(values, np.float64)


def _markings(drawn: np.ndarray, true: np.ndarray, ground: np.ndarray) -> np.ndarray:
    """Marked pixels of both sides and those near the other's [2]; where something of one side covers the `ground`, the other's
    paint is no error of the markings."""
    near, counts = np.ones((3, 3), np.uint8), np.zeros(2, np.int64)
    for kind in _MARKINGS:
        ours, theirs = ((classes == kind).astype(np.uint8) for classes in (drawn, true))
        for one, other in ((ours, theirs), (theirs, ours)):
            counted = (one > 0) & ground
            counts += [int(counted.sum()), int((counted & (cv2.dilate(other, near) > 0)).sum())]
    return counts


def agreement_figures(frames: Sequence[LayoutComparison]) -> Figures:
    """Figures of frames of as many worlds, each with its interval over them; NaN where nothing was compared.

    `iou_CLASS`: intersection over union of its pixels; `same_CLASS`: share of the renderer's pixels of it that the layout has as
    that class, too; only of classes that the renderer shows.
    """
    pixels = np.stack([frame.pixels for frame in frames])
    markings = np.stack([frame.markings for frame in frames])
    silhouettes = [frame.silhouettes for frame in frames]
    statistics: dict[str, Callable[[np.ndarray], float]] = {}
    for member in SceneClass:
        if pixels[:, :, member].any():
            name = CLASS_NAMES[member].replace(" ", "_")
            statistics[f"iou_{name}"] = partial(_iou, pixels, member)
            statistics[f"same_{name}"] = partial(_same, pixels, member)
    statistics |= {
        "same_all": lambda rows: _share(np.trace(pixels[rows].sum(axis=0)), pixels[rows].sum()),
        "silhouette_iou": partial(_of_all, silhouettes, np.mean),
        "silhouette_iou_lowest_tenth": partial(_of_all, silhouettes, partial(np.quantile, q=0.1)),
        f"silhouette_iou_from_{LEAST_IOU}": partial(_of_all, silhouettes, lambda values: (values >= LEAST_IOU).mean()),
        "markings_within_1_px": lambda rows: _share(*markings[rows].sum(axis=0)[::-1]),
    }
    ground, vehicle = [frame.ground_depth for frame in frames], [frame.vehicle_depth for frame in frames]
    for name, errors in (("ground_depth", ground), ("vehicle_depth", vehicle)):
        statistics[f"{name}_error_median"] = partial(_of_all, errors, np.median)
        statistics[f"{name}_within_2_percent"] = partial(_of_all, errors, lambda values: (values < 0.02).mean())
        statistics[f"{name}_within_10_percent"] = partial(_of_all, errors, lambda values: (values < 0.1).mean())
    flow, vehicle_flow = [frame.flow for frame in frames], [frame.vehicle_flow for frame in frames]
    for name, errors in (("flow", flow), ("vehicle_flow", vehicle_flow)):
        statistics[f"{name}_error_median_px"] = partial(_of_all, errors, np.median)
        statistics[f"{name}_within_0.5_px"] = partial(_of_all, errors, lambda values: (values < 0.5).mean())
    figures = {name: bootstrap(statistic, len(frames), draws=_DRAWS) for name, statistic in statistics.items()}
    return {"vehicles_compared": Interval(float(sum(map(len, silhouettes))), np.nan, np.nan)} | figures


def _of_all(values: Sequence[np.ndarray], statistic: Callable[[np.ndarray], Any], rows: np.ndarray) -> float:
    """The statistic of the values of some frames together."""
    some = np.concatenate([values[row] for row in rows])
    return float(statistic(some)) if len(some) else np.nan


def _share(part: float, whole: float) -> float:
    return float(part / whole) if whole else np.nan


def _iou(pixels: np.ndarray, member: SceneClass, rows: np.ndarray) -> float:
    some = pixels[rows].sum(axis=0)
    return _share(some[member, member], some[member].sum() + some[:, member].sum() - some[member, member])


def _same(pixels: np.ndarray, member: SceneClass, rows: np.ndarray) -> float:
    some = pixels[rows].sum(axis=0)
    return _share(some[member, member], some[:, member].sum())
