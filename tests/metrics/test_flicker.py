"""Steadiness of rendered clips, whole and spoiled."""

from __future__ import annotations

import numpy as np
import pytest
from spoiled import SPOILED, blurred, flickering, frozen, shuffled

from drivesim.layout.flow import Flow
from drivesim.metrics.flicker import Steadiness
from drivesim.metrics.flicker import steadiness as of_pairs
from drivesim.scene.clip import Clip


def steadiness(frames: np.ndarray, flows: list[Flow], looked_at: list[np.ndarray] | None = None) -> Steadiness:
    return of_pairs(frames[:-1], frames[1:], flows, looked_at)


def test_rendered_clips_move_as_their_layout_says(rendered: Clip, flows: list[Flow]) -> None:
    whole = steadiness(rendered.frames, flows)
    assert whole.motion_error < 0.5 and whole.flicker < 1.0 and whole.share > 0.1


@pytest.mark.parametrize("name", ["frozen", "zoomed", "shuffled", "flickering"])
def test_it_notices(name: str, rendered: Clip, flows: list[Flow]) -> None:
    whole, spoiled = steadiness(rendered.frames, flows), steadiness(SPOILED[name](rendered.frames), flows)
    assert spoiled.flicker > 1.4 * whole.flicker
    if name != "flickering":
        assert spoiled.motion_error > 2 * whole.motion_error


def test_softness_is_no_steadiness(rendered: Clip, flows: list[Flow]) -> None:
    """Blurring neither hides flicker nor makes up for it."""
    whole = steadiness(rendered.frames, flows)
    soft = steadiness(blurred(rendered.frames, 2.0), flows)
    assert soft.flicker == pytest.approx(whole.flicker, rel=0.5)
    assert steadiness(blurred(flickering(rendered.frames), 2.0), flows).flicker > 1.4 * soft.flicker
    assert steadiness(blurred(frozen(rendered.frames)), flows).flicker > 1.4 * soft.flicker


def test_only_the_pixels_that_are_looked_at_count(rendered: Clip, flows: list[Flow]) -> None:
    lower = np.zeros(rendered.frames.shape[1:3], bool)
    lower[80:] = True
    disturbed = rendered.frames.copy()
    disturbed[:, :80] = shuffled(rendered.frames)[:, :80]
    part = steadiness(disturbed, flows, [lower] * len(flows))
    assert part.flicker == pytest.approx(steadiness(rendered.frames, flows, [lower] * len(flows)).flicker, rel=0.15)
    nothing = steadiness(rendered.frames, flows, [lower & False] * len(flows))
    assert np.isnan(nothing.flicker) and np.isnan(nothing.motion_error) and nothing.share == 0


def test_a_bonnet_at_the_lower_edge_does_not_count(rendered: Clip, flows: list[Flow]) -> None:
    """It stands still before a road that moves, and no layout knows of it."""
    bonnet = rendered.frames.copy()
    bonnet[:, -14:] = bonnet[:1, -14:]
    whole, covered = steadiness(rendered.frames, flows), steadiness(bonnet, flows)
    assert covered.flicker == pytest.approx(whole.flicker, rel=0.05)
    assert covered.motion_error == pytest.approx(whole.motion_error, rel=0.1)
