"""Motion of a rollout's futures, read from its folder."""

from pathlib import Path

import numpy as np
import pytest
from films import write_video

from drivesim.config import InputError, shipped
from drivesim.evaluation.motion import rollout_motion


def test_every_future_and_the_worlds_are_measured(tmp_path: Path) -> None:
    (tmp_path / "scenario.yaml").write_text((shipped("scenarios") / "highway_day.yaml").read_text())
    still = np.random.default_rng(0).integers(0, 255, (1, 64, 128, 3), dtype=np.uint8).repeat(3, axis=0)
    for name in ("future-00", "future-01"):
        (tmp_path / name).mkdir()
        write_video(tmp_path / name / "video.mp4", still, 30)
    figures = rollout_motion(tmp_path, worlds=2)
    assert list(figures) == ["future-00", "future-01", "worlds"]
    assert abs(figures["future-00"].expansion) < 0.3
    assert figures["worlds"].expansion > 0.5
    assert figures["worlds"].outward > 0.6
    assert figures["worlds"].parallax > 0.2


def test_a_folder_without_films_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no finished future"):
        rollout_motion(tmp_path)
