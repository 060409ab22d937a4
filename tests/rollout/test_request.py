"""Requests that make no sense are refused before anything is written."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from rollouts import with_

from drivesim.config import InputError
from drivesim.rollout.request import Request
from drivesim.rollout.run import roll_out


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"only": 1, "futures": 2}, "--only and --futures"),
        ({"only": -1}, "--only -1"),
        ({"futures": 0}, "--futures 0"),
        ({"fps": 25.0}, "fps"),
        ({"seconds": 0.0}, "seconds"),
    ],
)
def test_senseless_requests_are_refused_before_anything_is_written(
    request_: Request, tmp_path: Path, changes: dict[str, object], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        roll_out(with_(request_, **changes), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_missing_weights_are_named(request_: Request, checkpoints: Path, tmp_path: Path) -> None:
    shutil.copytree(checkpoints, tmp_path / "weights")
    shutil.rmtree(tmp_path / "weights" / "video-ldm")
    with pytest.raises(InputError, match="video-ldm"):
        roll_out(with_(request_, checkpoints=tmp_path / "weights"), tmp_path / "out")
    assert not (tmp_path / "out").exists()
