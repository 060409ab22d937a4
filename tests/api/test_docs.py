"""The examples of docs/python.md run, one after the other, on a tiny cascade."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from tiny_cascade import SETTINGS

from drivesim.engine.settings import SamplingSettings

TEXT = (Path(__file__).parents[2] / "docs" / "python.md").read_text(encoding="utf-8")


def test_examples_run(tmp_path: Path, checkpoints: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(SamplingSettings, "preset", classmethod(lambda cls, quality: SETTINGS))
    for user in ("request", "run"):
        monkeypatch.setattr(f"drivesim.rollout.{user}.shipped", lambda name: checkpoints)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "out").mkdir()
    blocks = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)
    assert len(blocks) >= 6
    names: dict[str, object] = {}
    for block in blocks:
        exec(compile(block, "docs/python.md", "exec"), names)
    assert (tmp_path / "out" / "coco" / "annotations.json").is_file() and (tmp_path / "out" / "close_van" / "preview.png").is_file()
