"""What several tests share."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import cache
from pathlib import Path

import hypothesis
import numpy as np
import pytest
import typer.testing
from tiny_backbone import write_backbone
from tiny_cascade import SCENARIO, load_cascade, write_cascade

from drivesim.engine.cascade import Cascade
from drivesim.rollout.request import Plan
from drivesim.scene.boxes import Boxes
from drivesim.scene.camera import Camera
from drivesim.scene.clip import Clip, ClipLabels, EgoMotion, EgoPose, RoadsideKey, crowdedness_of
from drivesim.scene.road import Road

# The same examples in every run, and no failure because another program has the processor.
hypothesis.settings.register_profile("drivesim", deadline=None, derandomize=True)
hypothesis.settings.load_profile("drivesim")

# No test cuts the power; to wait for the disk takes a tenth of the time of a tiny rollout.
os.fsync = lambda _: None

# The networks of a rollout are read once in a row: to read them takes a seventh of the time of a tiny rollout.
_read_networks, _networks = Plan.cascade, {}


def _networks_once(plan: Plan) -> Cascade:
    key = Cascade.load, plan.checkpoints, plan.device, plan.transfer, tuple(plan.job.weights.items())
    if key not in _networks:
        _networks.clear()
        _networks[key] = _read_networks(plan)
    _networks[key].check_height(plan.job.sampling.height)
    return _networks[key]


Plan.cascade = _networks_once  # type: ignore[method-assign]

# A runner builds all commands anew for each call, which takes forty times as long as most calls that are tested.
typer.testing._get_command = cache(typer.testing._get_command)

_LONGEST = ("test_killing.py", "test_browser.py", "test_job.py", "test_inputs.py", "test_stream.py", "test_windows.py",
            "test_run.py", "test_measure.py", "test_cascade.py", "test_extension.py", "test_backbone.py", "test_loop.py",
            "test_queue.py", "test_determinism.py", "test_keeping.py", "test_doctor.py", "test_folder.py", "test_yaml_text.py",
            "test_failures.py", "test_ablation.py", "test_driving.py", "test_long_runs.py", "test_text_to_video.py")  # fmt: skip


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The files that take longest come first, so that no worker has one left when the others are done."""
    rank = {name: place for place, name in enumerate(_LONGEST)}
    items.sort(key=lambda item: rank.get(item.path.name, len(rank)))


@pytest.fixture
def make_clip() -> Callable[..., Clip]:
    """generate_clip's signature without its world: random pictures and labels that the seed determines."""

    def make(seed: int, frames: int, fps: float, height: int, width: int, depth: bool = False, **_: object) -> Clip:
        rng = np.random.default_rng(seed)

        def boxes(n: int) -> Boxes:
            corners = np.sort(rng.random((n, 2, 2), np.float32), axis=1).reshape(n, 4)
            angles, shares, cuboids = (
                rng.random(n, np.float32),
                rng.random(n, np.float32),
                rng.random((n, 7), np.float32),
            )
            paint, lamps = rng.random((n, 3), np.float32), rng.integers(8, size=n).astype(np.uint8)
            return Boxes(np.arange(n), rng.integers(6, size=n), corners, angles, shares, cuboids, paint, lamps)

        pictures = rng.integers(256, size=(frames, height, width, 3), dtype=np.uint8)
        tables = tuple(boxes(int(n)) for n in rng.integers(4, size=frames))
        labels = ClipLabels(
            fps=fps,
            time_of_day="night" if seed % 2 else "day",
            road=Road("city", 3, 2, 0.01),
            camera=Camera(1.5, -2.0, 70.0),
            boxes=tables,
            crowdedness=crowdedness_of(tables),
            ego=EgoMotion(*rng.random((4, frames), np.float32)),
            source=f"fake, seed {seed}",
            pose=EgoPose(*rng.random((5, frames))),
            roadside=RoadsideKey(seed, 0.02, bool(seed % 2)),
            caption=f"a city, as seen on day {seed} — ünïcode",
        )
        return Clip(pictures, labels, rng.random((frames, height, width)).astype(np.float16) if depth else None)

    return make


@pytest.fixture(scope="session")
def checkpoints(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny cascade on disk."""
    return write_cascade(tmp_path_factory.mktemp("checkpoints"))


@pytest.fixture(scope="session")
def cascade(checkpoints: Path) -> Cascade:
    """The same in memory."""
    return load_cascade(checkpoints)


@pytest.fixture(scope="session")
def backbone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny Stable Diffusion folder, where there are the packages of the extra `text`."""
    pytest.importorskip("transformers")
    pytest.importorskip("diffusers")
    return write_backbone(tmp_path_factory.mktemp("backbone"))


@pytest.fixture
def scenario(tmp_path: Path) -> Path:
    """A scenario file for it."""
    (tmp_path / "tiny.yaml").write_text(SCENARIO)
    return tmp_path / "tiny.yaml"
