"""A rollout with a detector beside its weights reports on itself; without one it is the film and labels alone."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from films import write_video
from tiny_cascade import SECONDS, SETTINGS
from tiny_detector import write_detector

from drivesim.checksums import file_hash
from drivesim.engine.timeline import Timeline
from drivesim.metrics.reconstruction import gradient_energy
from drivesim.models.detector.detector import Detections
from drivesim.rollout.judgement.watch import watch
from drivesim.rollout.labels.file import read_rollout
from drivesim.rollout.request import Request
from drivesim.rollout.run import roll_out
from drivesim.world.generator import render_clip, sample_world


@pytest.fixture
def weights(checkpoints: Path, tmp_path: Path) -> Path:
    """The tiny cascade with a detector beside it."""
    shutil.copytree(checkpoints, tmp_path / "weights")
    write_detector(tmp_path / "weights" / "detector")
    return tmp_path / "weights"


def test_a_rollout_reports_on_itself(scenario: Path, weights: Path, checkpoints: Path, tmp_path: Path) -> None:
    films = []
    for name, folder in (("judged", weights), ("alone", checkpoints)):
        out = tmp_path / name
        roll_out(Request(scenario, SECONDS, device="cpu", settings=SETTINGS, checkpoints=folder, futures=1), out)
        films.append(file_hash(out / "future-00" / "video.mp4"))
    assert films[0] == films[1]
    record, without = (
        json.loads((tmp_path / name / "manifest.json").read_text())["futures"]["future-00"] for name in ("judged", "alone")
    )
    assert without["figures"] == {} and 0 <= record["figures"]["vehicles_not_shown"] <= 1
    judged, alone = (read_rollout(tmp_path / name / "future-00" / "rollout.h5") for name in ("judged", "alone"))
    assert set(judged.boxes["trust"]) > {0} and set(alone.boxes["trust"]) == {0} and not len(alone.detected)
    same = [name for name in judged.boxes.dtype.names if name != "trust"]
    for name in same:
        np.testing.assert_array_equal(judged.boxes[name], alone.boxes[name])


class Stranger:
    """A detector that finds nothing and thinks the brighter the stranger."""

    looks = SimpleNamespace(strangeness=lambda features: features[:, 0])

    def see(self, frames: np.ndarray) -> tuple[list[Detections], np.ndarray]:
        nothing = np.zeros(0, np.float32)
        return [Detections(nothing.reshape(0, 4), nothing, nothing.astype(int), nothing.reshape(0, 3)) for _ in frames], (
            frames.mean(axis=(1, 2, 3))[:, None]
        )


def by_night(frames: int, fps: float) -> SimpleNamespace:
    prompt = SimpleNamespace(photo=None, scenario=SimpleNamespace(look=SimpleNamespace(time_of_day="night")))
    return SimpleNamespace(timeline=Timeline.of(frames / fps, fps), is_free=False, prompt=prompt)


@pytest.mark.parametrize(("fps", "numbers"), [(30, [0, 4, 8]), (7.5, list(range(10)))])
def test_a_film_is_looked_at_so_often_a_second(tmp_path: Path, fps: float, numbers: list[int]) -> None:
    film = np.arange(10, dtype=np.uint8)[:, None, None, None].repeat(64, 1).repeat(128, 2).repeat(3, 3) * 20
    write_video(tmp_path / "film.mp4", film, fps)
    seen = watch(tmp_path / "film.mp4", by_night(10, fps), Stranger())  # type: ignore[arg-type]
    assert seen.numbers.tolist() == numbers and len(seen.found) == len(numbers)
    np.testing.assert_allclose(seen.strangeness, 20 * np.array(numbers), atol=3)
    assert np.isnan(seen.flicker)


def test_the_detail_of_large_films_is_told_as_small_renders_have_it(tmp_path: Path) -> None:
    ratios = []
    for seed in (900_100, 900_103):
        world = sample_world(seed)
        small, large = (render_clip(world, 1, 30.0, height, 2 * height, noise=False).frames for height in (128, 512))
        write_video(tmp_path / "film.mp4", large.repeat(2, axis=0), 30)
        seen = watch(tmp_path / "film.mp4", by_night(2, 30), Stranger())  # type: ignore[arg-type]
        ratios.append(float(seen.energy[0] / gradient_energy(small[0])))
    assert 0.85 < np.mean(ratios) < 1.15
