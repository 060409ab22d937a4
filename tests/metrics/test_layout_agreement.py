from __future__ import annotations

import numpy as np
import pytest

from drivesim.layout.maps import LayoutMaps
from drivesim.metrics.layout_agreement import RenderedMaps, agreement_figures, compare_frame
from drivesim.scene.classes import SceneClass

NO_FLOW = np.full((64, 128), np.nan)


def pair() -> tuple[LayoutMaps, RenderedMaps]:
    """Sky over a road with a white line, and a vehicle 10 m ahead: the same from both sides."""
    classes, track = np.full((64, 128), SceneClass.SKY, np.uint8), np.full((64, 128), -1, np.int32)
    depth = np.full((64, 128), np.inf)
    classes[32:], depth[32:] = SceneClass.ROAD, np.linspace(100, 4, 32)[:, None]
    classes[32:, 60] = SceneClass.WHITE_MARKING
    classes[20:50, 80:100], track[20:50, 80:100], depth[20:50, 80:100] = SceneClass.VEHICLE, 3, 10.0
    maps = LayoutMaps.empty(64, 128)
    maps.scene_class[:], maps.track[:], maps.inverse_depth[:] = classes, track, 1 / depth
    return maps, RenderedMaps(classes.copy(), track.copy(), depth)


def figures_of(maps: LayoutMaps, rendered: RenderedMaps, flow_error: np.ndarray = NO_FLOW) -> dict[str, float]:
    return {name: figure.value for name, figure in agreement_figures([compare_frame(maps, rendered, flow_error)]).items()}


def test_what_is_the_same_agrees_wholly() -> None:
    figures = figures_of(*pair(), np.zeros((64, 128)))
    assert figures["vehicles_compared"] == 1 and figures["flow_error_median_px"] == 0
    assert {name for name in figures if name.startswith("iou")} == {"iou_sky", "iou_road", "iou_white_marking", "iou_vehicle"}
    assert all(value == pytest.approx(0.0 if "median" in name else 1.0, abs=1e-6) for name, value in figures.items())


def test_each_fault_lowers_its_own_figure() -> None:
    maps, rendered = pair()
    maps.track[20:35, 80:100], maps.scene_class[20:35, 80:100] = -1, SceneClass.BUILDING
    figures = figures_of(maps, rendered)
    assert figures["silhouette_iou"] == 0.5 and figures["silhouette_iou_from_0.85"] == 0
    assert figures["same_vehicle"] == figures["iou_vehicle"] == 0.5 and figures["same_road"] == 1
    maps, rendered = pair()
    maps.scene_class[50:, 60], maps.scene_class[50:, 61] = SceneClass.ROAD, SceneClass.WHITE_MARKING
    assert figures_of(maps, rendered)["markings_within_1_px"] == 1
    maps.scene_class[50:, 61], maps.scene_class[50:, 63] = SceneClass.ROAD, SceneClass.WHITE_MARKING
    assert figures_of(maps, rendered)["markings_within_1_px"] == pytest.approx(37 / 64)
    maps, rendered = pair()
    maps.inverse_depth[maps.track == 3] *= 1.05
    figures = figures_of(maps, rendered)
    assert (figures["vehicle_depth_within_2_percent"], figures["vehicle_depth_within_10_percent"]) == (0, 1)
    assert figures["ground_depth_within_2_percent"] == 1
    error = np.zeros((64, 128))
    error[20:50, 80:100] = 2
    figures = figures_of(*pair(), error)
    assert (figures["flow_within_0.5_px"], figures["vehicle_flow_within_0.5_px"]) == (pytest.approx(1 - 600 / 8192, abs=0.01), 0)
    assert figures["vehicle_flow_error_median_px"] == 2


def test_low_vehicles_are_not_compared_and_nothing_is_no_number() -> None:
    maps, rendered = pair()
    rendered.track[20:35] = -1
    rendered.track[35:50, 80:100] = 3  # 15 rows
    figures = figures_of(maps, rendered)
    assert figures["vehicles_compared"] == 0 and np.isnan(figures["silhouette_iou"]) and np.isnan(figures["flow_error_median_px"])
