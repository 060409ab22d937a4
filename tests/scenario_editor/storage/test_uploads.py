from __future__ import annotations

import struct
import tracemalloc
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scenario_editor.storage.uploads import (
    MAX_PHOTO_BYTES,
    MAX_YAML_BYTES,
    add_photo,
    photo_file,
    picture_size,
    read_upload,
    read_yaml_upload,
)

from drivesim.config import InputError
from drivesim.video_io import read_image

PICTURE = np.random.default_rng(0).integers(0, 255, (80, 150, 3), np.uint8)


def coded(suffix: str, picture: np.ndarray = PICTURE, *options: int) -> bytes:
    return cv2.imencode(suffix, cv2.cvtColor(picture, cv2.COLOR_RGB2BGR), list(options))[1].tobytes()


def png_that_claims(width: int, height: int) -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0" * 10**6)) + chunk(b"IEND", b"")


FORMATS = {
    "png": coded(".png"),
    "jpg": coded(".jpg"),
    "progressive": coded(".jpg", PICTURE, cv2.IMWRITE_JPEG_PROGRESSIVE, 1),
    "webp": coded(".webp", PICTURE, cv2.IMWRITE_WEBP_QUALITY, 80),
    "lossless webp": coded(".webp", PICTURE, cv2.IMWRITE_WEBP_QUALITY, 101),
}


@pytest.mark.parametrize("name", FORMATS)
def test_a_photo_is_kept_under_a_name_of_our_own(name: str, tmp_path: Path) -> None:
    assert picture_size(FORMATS[name]) == (150, 80)
    kept = add_photo(FORMATS[name], tmp_path)
    assert kept == add_photo(FORMATS[name], tmp_path) and len(list((tmp_path / "photos").iterdir())) == 1
    file = photo_file(kept, tmp_path)
    assert file == (tmp_path / kept).resolve() and file.suffix == ".png"
    assert (read_image(file) == cv2.cvtColor(cv2.imdecode(np.frombuffer(FORMATS[name], np.uint8), 1), cv2.COLOR_BGR2RGB)).all()


def test_a_large_photo_is_made_smaller(tmp_path: Path) -> None:
    photo = add_photo(coded(".jpg", np.zeros((1500, 4096, 3), np.uint8)), tmp_path)
    assert read_image(tmp_path / photo).shape == (750, 2048, 3)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"this is a text file named photo.png", "no PNG, JPEG or WebP"),
        (b"", "no PNG, JPEG or WebP"),
        (coded(".bmp"), "no PNG, JPEG or WebP"),
        (b"<svg xmlns='http://www.w3.org/2000/svg' onload='x()'/>", "no PNG, JPEG or WebP"),
        (b"\xff\xd8\xff", "no PNG, JPEG or WebP"),
        (b"\x89PNG\r\n\x1a\n", "no PNG, JPEG or WebP"),
        (FORMATS["png"][:60], "cannot be decoded"),
        (png_that_claims(200, 100)[:60], "cannot be decoded"),
        (png_that_claims(100_000, 100_000), "100000x100000 pixels; send one of at most 50 megapixels"),
        (png_that_claims(12_000, 11_000), "at most 50 megapixels"),
        (coded(".png", PICTURE[:40]), "at least 64x64"),
        (b"\0" * (MAX_PHOTO_BYTES + 1), "larger than 20 MB"),
    ],
)  # fmt: skip
def test_what_is_no_photo_is_refused_and_leaves_nothing(data: bytes, message: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=message):
        add_photo(data, tmp_path)
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_a_decompression_bomb_is_refused_before_it_is_unpacked(tmp_path: Path) -> None:
    bomb = png_that_claims(60_000, 60_000)
    tracemalloc.start()
    with pytest.raises(InputError):
        add_photo(bomb, tmp_path)
    assert tracemalloc.get_traced_memory()[1] < 10**6
    tracemalloc.stop()


@settings(max_examples=200, deadline=None, database=None, derandomize=True)
@given(st.sampled_from(sorted(FORMATS)), st.data())
def test_a_damaged_header_is_never_more_than_refused(name: str, data: st.DataObject) -> None:
    damaged = bytearray(FORMATS[name][: data.draw(st.integers(0, 400))])
    for _ in range(data.draw(st.integers(0, 4))):
        if damaged:
            damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    try:
        assert len(picture_size(bytes(damaged))) == 2
    except InputError as error:
        assert "no PNG, JPEG or WebP" in str(error)


def test_only_photos_of_the_folder_are_found(tmp_path: Path) -> None:
    folder = tmp_path / "session"
    kept = add_photo(FORMATS["png"], folder)
    (tmp_path / "secret.png").write_bytes(FORMATS["png"])
    (folder / "link.png").symlink_to(tmp_path / "secret.png")
    for name in ("../secret.png", str(tmp_path / "secret.png"), "link.png", "photos", "", "a\0b", "/etc/passwd", "x" * 5000):
        with pytest.raises(InputError, match="not among the photos"):
            photo_file(name, folder)
    assert photo_file(kept, folder).is_file()


def test_yaml_uploads_are_text_and_small(tmp_path: Path) -> None:
    assert read_yaml_upload("\ufeffname: é\r\n".encode()) == "name: é\r\n"
    for data, message in (
        (b"name: a\nlook: \xff", "line 2 of the upload is not UTF-8"),
        (b"name: \0", "not a text file"),
        (b"#" * (MAX_YAML_BYTES + 1), "larger than 256 KB"),
    ):
        with pytest.raises(InputError, match=message):
            read_yaml_upload(data)
    (tmp_path / "big").write_bytes(b"x" * 1000)
    assert len(read_upload(tmp_path / "big", 1000)) == 1000
    with pytest.raises(InputError, match="larger than"):
        read_upload(tmp_path / "big", 999)
    with pytest.raises(InputError, match="send it again"):
        read_upload(tmp_path / "none", 999)
