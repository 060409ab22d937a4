"""Every thing beside the road has a class, the same one that its coarse solids have."""

from __future__ import annotations

from typing import get_args

import numpy as np

from drivesim.roadside import things
from drivesim.roadside.furnish import furnished
from drivesim.roadside.roadside import Roadside
from drivesim.roadside.solids import cell_solids
from drivesim.roadside.things import Slope, class_of
from drivesim.scene.classes import SceneClass
from drivesim.scene.road import SETTINGS, Road


def test_solids_have_the_class_of_their_thing() -> None:
    seen = set()
    for seed in range(12):
        roadside = Roadside.of(seed, Road(SETTINGS[seed % 4], 2, 1, 0.0), True)
        for index in range(3):
            expected = {SceneClass.VEGETATION, SceneClass.GROUND}
            for standing in furnished(roadside, index).standing:
                if not isinstance(standing, Slope):
                    expected.add(class_of(standing.thing))
                    seen.add(type(standing.thing))
            assert set(np.unique(cell_solids(roadside, index).what)) <= expected
    assert len(seen) > 0.6 * len(get_args(things.Thing))
