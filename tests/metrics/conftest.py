from __future__ import annotations

import pytest

from drivesim.layout.flow import Flow, flow
from drivesim.layout.raster import layout_maps
from drivesim.layout.scene_at import SceneAt
from drivesim.scene.clip import Clip
from drivesim.world.generator import generate_clip


@pytest.fixture(scope="session")
def rendered() -> Clip:
    """Eight frames of a day on a highway, 15 a second, without noise."""
    return generate_clip(3, 8, 15.0, time_of_day="day", setting="highway", noise=False)


@pytest.fixture(scope="session")
def flows(rendered: Clip) -> list[Flow]:
    """The layout's flow from each frame but the first to the one before it."""
    scenes = [SceneAt.labelled(rendered.labels, frame) for frame in range(len(rendered.frames))]
    maps = [layout_maps(scene, *rendered.frames.shape[1:3]) for scene in scenes]
    return [flow(scenes[k], maps[k], scenes[k - 1], maps[k - 1]) for k in range(1, len(scenes))]
