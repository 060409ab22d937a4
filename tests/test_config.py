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


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: &a [1]\nb: *a", "an alias"),
        ("a: &a {b: 1}\nc: {<<: *a}", "an alias"),
        ("a: !!python/object/apply:os.system [ls]", "a tag"),
        ("a: " + "[" * 3000, "nested too deeply"),
        ("a: 2001-99-99", "month must be in"),
        ('a: "\\U00110000"', "chr"),
    ],
)
def test_yaml_is_a_plain_tree(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "a.yaml").write_text(text)
    with pytest.raises(InputError, match=message) as caught:
        read_yaml(tmp_path / "a.yaml")
    assert str(caught.value).startswith(f"{tmp_path}/a.yaml: not valid YAML (")


@pytest.mark.parametrize("text", ['{"a": ' + "[" * 100_000, '{"a": ' + "9" * 5000 + "}", "\0"])
def test_json_that_asks_too_much_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "a.json").write_text(text)
    with pytest.raises(InputError, match=r"a\.json: not valid JSON"):
        read_json(tmp_path / "a.json")


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    for read in (read_json, read_yaml):
        with pytest.raises(InputError, match="cannot be read \\(Is a directory\\)"):
            read(tmp_path)
