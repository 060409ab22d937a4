"""`drivesim doctor` says what is whole and what is not, by words and exit code."""

from __future__ import annotations

from pathlib import Path

import pytest

from tiny_rollout import drivesim  # isort: skip  (finds the next)
from tiny_cascade import SCENARIO, SETTINGS, write_cascade

from drivesim.engine.settings import SamplingSettings


def test_doctor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(SamplingSettings, "preset", classmethod(lambda cls, quality: SETTINGS))
    (tmp_path / "tiny.yaml").write_text(SCENARIO)
    weights = write_cascade(tmp_path / "weights")
    out = tmp_path / "out"
    short = ("--futures", "1", "--seconds", "1")
    drivesim("rollout", tmp_path / "tiny.yaml", "--out", out, "--checkpoints", weights, "--device", "cpu", *short)

    assert drivesim("doctor", weights)[0] == 0
    code, text = drivesim("doctor", out)
    assert code == 0 and "whole       future-00: 8 frames" in text and f"{out}: all is whole" in text
    film = out / "future-00" / "video.mp4"
    whole = film.read_bytes()
    film.write_bytes(whole[:-1] + b"?")
    code, text = drivesim("doctor", out)
    assert code == 1 and "DAMAGED     future-00/video.mp4: is not what was written" in text and "--repair" in text
    code, text = drivesim("doctor", out, "--repair", "--checkpoints", weights)
    assert code == 0 and "all is whole" in text and film.read_bytes() == whole
    code, text = drivesim("doctor", tmp_path / "nowhere")
    assert code == 2 and "nowhere: no such folder" in text
