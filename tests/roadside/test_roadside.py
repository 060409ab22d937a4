"""The roadside is a pure function of seed and road; cells do not depend on the order in which they are asked for."""

from __future__ import annotations

from dataclasses import fields, replace

import numpy as np
import pytest

from drivesim.roadside.furnish import furnished
from drivesim.roadside.pavement import Pavement, patches, strips
from drivesim.roadside.roadside import CELL, Roadside
from drivesim.roadside.solids import RoadsideSolids, Shape, cell_solids, solids
from drivesim.roadside.style import Style
from drivesim.roadside.things import Building, House, Slope
from drivesim.scene.classes import SceneClass
from drivesim.scene.road import SETTINGS, Road, Setting

LANES: dict[Setting, int] = {"highway": 3, "city": 2, "residential": 1, "rural": 1}


def roadside(setting: Setting, seed: int = 3, curvature: float = 0.001) -> Roadside:
    return Roadside.of(seed, Road(setting, LANES[setting], 1, curvature), True)


def assert_same(one: RoadsideSolids, two: RoadsideSolids) -> None:
    for field in fields(RoadsideSolids):
        np.testing.assert_array_equal(getattr(one, field.name), getattr(two, field.name))


@pytest.mark.parametrize("setting", SETTINGS)
def test_cells_are_the_same_in_any_order(setting: Setting) -> None:
    forth, back = roadside(setting), roadside(setting)
    for index in range(4):
        furnished(forth, index)
    for index in reversed(range(4)):
        furnished(back, index)
    for index in range(4):
        one, two = furnished(forth, index), furnished(back, index)
        assert one.standing == two.standing and one.plants == two.plants
    other = roadside(setting, seed=4)
    assert any(furnished(other, i).plants != furnished(forth, i).plants for i in range(4))


@pytest.mark.parametrize("setting", SETTINGS)
def test_futures_have_the_same_as_far_as_one_sees_at_first_and_their_own_beyond(setting: Setting) -> None:
    alone = roadside(setting)
    futures = [replace(alone, future=number) for number in (0, 0, 1)]
    end = int(alone.common / CELL)
    assert alone.cells(0.0).stop == end and alone.common >= 40.0 + alone.reach
    for index in (-1, 0, end - 1):
        for one in futures:
            assert_same(cell_solids(alone, index), cell_solids(one, index))
    for index in (end, end + 1, end + 20):
        first, again, other = (cell_solids(one, index) for one in futures)
        assert_same(first, again)
        for two in (other, cell_solids(alone, index)):
            assert len(first) != len(two) or not np.array_equal(first.place, two.place)
    plans = [one.stretch_generator(alone.common, 320.0, 1).random() for one in (alone, *futures)]
    assert plans[0] != plans[1] == plans[2] != plans[3]
    assert alone.junctions(0.0, 2000.0) == futures[0].junctions(0.0, 2000.0)
    assert strips(alone) == strips(futures[2])


@pytest.mark.parametrize("setting", SETTINGS)
def test_solids_are_those_of_the_cells(setting: Setting) -> None:
    place = roadside(setting)
    whole = solids(place, 0.0, 4 * CELL - 1)
    assert_same(whole, solids(roadside(setting), 0.0, 4 * CELL - 1))
    assert len(whole) > 10
    assert (whole.size > 0).all() and np.isfinite(whole.place).all()
    assert set(whole.shape.tolist()) <= set(Shape) and set(whole.what.tolist()) <= set(SceneClass)
    x, y, _ = place.alignment.to_world(whole.s, whole.d)
    posts = np.isin(whole.shape, [Shape.CROWN, Shape.CONE, Shape.MOUND])
    np.testing.assert_allclose(whole.place[posts, :2], np.stack([x, y], axis=1)[posts], atol=1e-6)


def test_everything_stands_beside_the_lanes() -> None:
    for setting in SETTINGS:
        for seed in range(6):
            place = roadside(setting, seed)
            section = place.section
            for index in range(3):
                for standing in furnished(place, index).standing:
                    if isinstance(standing, Slope) or isinstance(standing.thing, Building | House):
                        d = standing.foot if isinstance(standing, Slope) else standing.d
                        assert d < section.edge_right or d > section.edge_left


def test_a_building_is_its_cuboid() -> None:
    place = roadside("city", curvature=0.0)
    found = [row for row in furnished(place, 0).standing if isinstance(getattr(row, "thing", None), Building)]
    assert found
    table = solids(place, 0.0, 1.0)
    for standing in found:
        assert not isinstance(standing, Slope) and isinstance(standing.thing, Building)
        rows = (table.s == standing.s) & (table.d == standing.d) & (table.what == SceneClass.BUILDING)
        size = table.size[rows][0]
        np.testing.assert_allclose(size, [standing.thing.width - 0.05, standing.thing.depth, standing.thing.height])


def test_style_names_are_the_draws_in_order() -> None:
    np.testing.assert_array_equal(
        [getattr(Style.of(5), field.name) for field in fields(Style)], np.random.default_rng([5, 21]).random(16)
    )
    posts = [Style.of(seed).has_lamp_posts("highway", False, False) for seed in range(300)]
    assert 0.25 < np.mean(posts) < 0.45
    assert Style.of(0).has_lamp_posts("rural", True, True) and not Style.of(0).has_lamp_posts("city", True, False)


@pytest.mark.parametrize("setting", SETTINGS)
def test_strips_follow_the_cross_section(setting: Setting) -> None:
    for seed in range(8):
        place = roadside(setting, seed)
        section, (rows, (dash, period)) = place.section, strips(place)
        assert rows[0].what == SceneClass.ROAD and (rows[0].low, rows[0].high) == (
            section.edge_right,
            section.edge_left,
        )
        assert 0 < dash < period
        white = [row for row in rows if row.what == SceneClass.WHITE_MARKING and row.dashed]
        assert len(white) == section.lanes - 1 + max(section.oncoming_lanes - 1, 0)
        middles = sorted((row.low + row.high) / 2 for row in white)
        inner = [section.left - k * section.lane_width for k in range(1, section.lanes)]
        assert all(np.abs(np.array(middles) - d).min() < 1e-9 for d in inner)
        assert Pavement.of(place) == Pavement.of(roadside(setting, seed))


def test_crossings_lie_at_junctions_with_signals() -> None:
    place = next(
        r for r in (roadside("city", seed) for seed in range(9)) if any(j.signals for j in r.junctions(0, 400))
    )
    rows = patches(place, 0.0, 400.0)
    for junction in place.junctions(0.0, 400.0):
        street = [row for row in rows if row.start == junction.s - junction.half]
        assert street and street[0].what == SceneClass.ROAD
        near = [
            row
            for row in rows
            if abs(row.start - junction.s) < junction.half + 6 and row.what == SceneClass.WHITE_MARKING
        ]
        assert bool(near) == junction.signals
