"""Sums are those of sha256sum, and no damage to them or to the files goes unseen."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from drivesim.checksums import SUMS, faults, file_hash, read_sums, settle, write_safely, write_sums
from drivesim.config import InputError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "b").mkdir()
    sums = {name: write_safely(tmp_path / name, name.encode()) for name in ("a.txt", "b/c-00.bin")}
    write_sums(tmp_path / SUMS, sums)
    return tmp_path


def test_sha256sum_agrees(folder: Path) -> None:
    subprocess.run(["sha256sum", "--strict", "--quiet", "-c", SUMS], cwd=folder, check=True)
    made = subprocess.run(["sha256sum", "a.txt", "b/c-00.bin"], cwd=folder, check=True, capture_output=True).stdout
    assert (folder / SUMS).read_bytes() == made
    assert read_sums(folder / SUMS)["a.txt"] == file_hash(folder / "a.txt")


def test_faults(folder: Path) -> None:
    sums = read_sums(folder / SUMS)
    assert faults(folder, sums) == {}
    (folder / "a.txt").write_text("b.txt")
    (folder / "b" / "c-00.bin").unlink()
    assert faults(folder, sums) == {"a.txt": "is not what was written there (damaged or edited)", "b/c-00.bin": "is missing"}
    assert faults(folder, sums, ["b/c-00.bin"]).keys() == {"b/c-00.bin"}
    (folder / "a.txt").unlink()
    (folder / "a.txt").mkdir()
    assert faults(folder, sums, ["a.txt"]) == {"a.txt": "cannot be read (Is a directory)"}


def test_any_changed_byte_of_the_sums_is_seen(folder: Path) -> None:
    whole = (folder / SUMS).read_bytes()
    for i in range(len(whole)):
        for flip in (1, 32, 128):
            data = bytearray(whole)
            data[i] ^= flip
            (folder / SUMS).write_bytes(data)
            try:
                sums = read_sums(folder / SUMS)
            except InputError:
                continue
            assert faults(folder, sums), (i, flip)


@pytest.mark.parametrize("text", ["", "x", "0" * 64 + "  ../a\n", "0" * 64 + "  /etc/passwd\n", "0" * 64 + "  a"])
def test_other_files_are_no_sums(tmp_path: Path, text: str) -> None:
    (tmp_path / SUMS).write_text(text)
    if text:
        with pytest.raises(InputError, match="SHA256SUMS: damaged"):
            read_sums(tmp_path / SUMS)
    with pytest.raises(InputError, match="no such file"):
        read_sums(tmp_path / "none")


def test_a_file_that_cannot_be_written_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a").write_text("old")
    monkeypatch.setattr("drivesim.checksums._sync", lambda path: (_ for _ in ()).throw(OSError(28, "No space")))
    with pytest.raises(OSError, match="No space"):
        write_safely(tmp_path / "a", b"new")
    assert (tmp_path / "a").read_text() == "old" and len(list(tmp_path.iterdir())) == 1
    with pytest.raises(OSError, match="No space"):
        settle(tmp_path / "a", tmp_path / "b")
