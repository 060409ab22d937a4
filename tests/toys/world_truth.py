"""What the world's renderer sees, pixel by pixel: class, track and depth."""

from __future__ import annotations

import numpy as np

from drivesim.world.generator import SUPERSAMPLING, World
from drivesim.world.render.renderer import Rendered, render
from drivesim.world.state import Moment


def truth_of(
    world: World, moment: Moment, height: int, width: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray, Rendered]:
    """Class uint8, track int32 (-1 none), depth float32 [h w] of a moment, and the renderer's own result."""
    rendered = render(world.surroundings, moment, height, width, SUPERSAMPLING, ids=True)
    assert rendered.ids
    return rendered.ids.scene_class, rendered.ids.track, rendered.depth, rendered
