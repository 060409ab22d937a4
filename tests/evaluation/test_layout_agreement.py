"""Held-out worlds as layout maps and as renders; how near they are to each other is tested in tests/layout."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from drivesim.evaluation import layout_agreement
from drivesim.evaluation.layout_agreement import measure_layout
from drivesim.layout.flow import Flow, flow
from drivesim.metrics.layout_agreement import agreement_figures


def test_frames_of_held_out_worlds_agree_and_a_wrong_flow_shows(monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    frames = measure_layout(2, seed=7, say=said.append)
    assert len(frames) == 2 and said[-1].startswith("layout beside renders, world 2 of 2")
    assert all(frame.pixels.sum() == 128 * 256 and len(frame.flow) > 100 for frame in frames)
    figures = agreement_figures(frames)
    assert figures["same_all"].value > 0.85 and figures["flow_error_median_px"].value < 0.5

    def off(*arguments: object) -> Flow:
        right = flow(*arguments)  # type: ignore[arg-type]
        return replace(right, right=right.right + np.float32(3))

    monkeypatch.setattr(layout_agreement, "flow", off)
    assert agreement_figures(measure_layout(1, seed=7))["flow_error_median_px"].value > 2.5
