"""Configuration files: unknown keys and broken files are refused by name; writing is all or nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from drivesim.config import Config, InputError, read_json, read_yaml, shipped, write_atomic


class Size(Config):
    width: int
    height: int = 2


def test_unknown_and_wrong_fields_are_all_named_at_once() -> None:
    assert Size.parse({"width": 3}, "size.yaml") == Size(width=3)
    with pytest.raises(InputError, match=r"size\.yaml: .*width.*; .*depth"):
        Size.parse({"width": "wide", "depth": 1}, "size.yaml")


@pytest.mark.parametrize("read", [read_json, read_yaml])
def test_missing_broken_and_shapeless_files_are_refused(read: object, tmp_path: Path) -> None:
    path = tmp_path / "file"
    for text in (None, "{", "[1, 2]"):
        if text is not None:
            path.write_text(text)
        with pytest.raises(InputError, match=str(path)):
            read(path)  # type: ignore[operator]
    path.write_text('{"a": 1}')
    assert read(path) == {"a": 1}  # type: ignore[operator]


def test_atomic_write_replaces_and_leaves_nothing_behind(tmp_path: Path) -> None:
    for text in ("one", "two"):
        write_atomic(tmp_path / "file", text)
    assert [(p.name, p.read_text()) for p in tmp_path.iterdir()] == [("file", "two")]


def test_shipped_folders_are_found_from_anywhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert list(shipped("scenarios").glob("*.yaml"))
    with pytest.raises(InputError, match="nonsense"):
        shipped("nonsense")
