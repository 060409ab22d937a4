"""The labels of a clip, stored and read again, give the layout that the world's own moment gives."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from drivesim.dataset.clips import ClipStore, ClipWriter
from drivesim.evaluation.layout_agreement import scene_of
from drivesim.layout.raster import layout_maps
from drivesim.layout.scene_at import SceneAt
from drivesim.scene.road import SETTINGS
from drivesim.world.generator import moments, render_clip, sample_world


def test_a_store_tells_what_stands_and_moves(tmp_path: Path) -> None:
    worlds = [sample_world(20 + k, None, setting).after(4.0) for k, setting in enumerate(SETTINGS)]
    with ClipWriter(tmp_path / "clips.h5") as writer:
        for world in worlds:
            writer.append(render_clip(world, 3, 0.5, 64, 128))
    store = ClipStore(tmp_path / "clips.h5")
    for i, world in enumerate(worlds):
        labels = store.labels(i)
        for frame, (moment, _) in enumerate(moments(world, 3, 0.5)):
            told = layout_maps(SceneAt.labelled(labels, frame), 64, 128)
            true = layout_maps(scene_of(world, moment), 64, 128)
            assert (told.scene_class == true.scene_class).mean() > 0.995
            assert np.isclose(told.inverse_depth, true.inverse_depth, atol=1e-3).mean() > 0.995
    assert labels.roadside is not None and labels.roadside.seed == worlds[-1].seed


def test_labels_that_do_not_know_make_no_layout() -> None:
    labels = render_clip(sample_world(1), 1, 1.0, 64, 128).labels
    for gap in ({"pose": None}, {"roadside": None}, {"road": None}, {"boxes": (None,)}):
        with pytest.raises(ValueError, match="seed 1: the labels do not know"):
            SceneAt.labelled(replace(labels, **gap), 0)
