"""Flow between neighbouring frames of a labelled clip."""

from __future__ import annotations

from collections.abc import Sequence

from drivesim.layout.flow import Flow, flow
from drivesim.layout.maps import LayoutMaps
from drivesim.layout.raster import layout_maps
from drivesim.layout.scene_at import SceneAt
from drivesim.scene.clip import ClipLabels


def labelled_flows(labels: ClipLabels, earlier: Sequence[int], height: int, width: int) -> tuple[list[Flow], list[LayoutMaps]]:
    """For each of the frames `earlier` of a clip whose labels tell of all: the flow from the next frame to it, and the maps of that
    next frame."""
    drawn: dict[int, tuple[SceneAt, LayoutMaps]] = {}
    for frame in sorted({*earlier, *(frame + 1 for frame in earlier)}):
        scene = SceneAt.labelled(labels, frame)
        drawn[frame] = scene, layout_maps(scene, height, width)
    return [flow(*drawn[frame + 1], *drawn[frame]) for frame in earlier], [drawn[frame + 1][1] for frame in earlier]
