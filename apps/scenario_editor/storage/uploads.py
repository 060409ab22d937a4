"""What browsers send: limited in size, judged by content, and kept under a name of our own."""

from __future__ import annotations

import hashlib
import os
import threading
from pathlib import Path

import cv2

from drivesim.config import InputError
from drivesim.video_format import FRAME_WIDTH
from drivesim.video_io import image_size, read_image, write_image

MAX_PHOTO_BYTES = 20 * 1024 * 1024
MAX_YAML_BYTES = 256 * 1024
MAX_PIXELS = 50_000_000
MAX_PHOTO_SIDE = 12_000  # px
MIN_PHOTO_SIDE = 64  # px
KEPT_PHOTO_SIDE = 2 * FRAME_WIDTH  # px
MAX_PHOTOS = 100  # in one session
PHOTOS = "photos"


def read_upload(path: Path, limit: int) -> bytes:
    """The bytes of a file that the server has received; InputError if there are more than `limit`."""
    try:
        with path.open("rb") as file:
            data = file.read(limit + 1)
    except OSError as error:
        raise InputError(f"the upload cannot be read ({error.strerror}); send it again") from error
    _check_size(data, limit)
    return data


def read_yaml_upload(data: bytes) -> str:
    """The text of a YAML file; InputError if it is too large or no UTF-8 text. What is wrong in it is not looked for."""
    _check_size(data, MAX_YAML_BYTES)
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise InputError(f"line {line} of the upload is not UTF-8 text; send a YAML file saved as UTF-8") from error
    if "\0" in text:
        raise InputError("the upload is not a text file; send a YAML file")
    return text


def add_photo(data: bytes, folder: Path) -> str:
    """Keeps a photo in `folder`, at most 2048 px a side: "photos/<hash>.png", as a scenario names it.

    InputError if it is too large, not a PNG, JPEG or WebP picture whatever its name says, or cannot be decoded.
    """
    _check_size(data, MAX_PHOTO_BYTES)
    width, height = picture_size(data)
    if max(width, height) > MAX_PHOTO_SIDE or width * height > MAX_PIXELS:
        raise InputError(f"the photo has {width}x{height} pixels; send one of at most {MAX_PIXELS // 10**6} megapixels")
    if min(width, height) < MIN_PHOTO_SIDE:
        raise InputError(f"the photo has {width}x{height} pixels; send one of at least {MIN_PHOTO_SIDE}x{MIN_PHOTO_SIDE}")
    photos = folder / PHOTOS
    name = f"{hashlib.sha256(data).hexdigest()[:32]}.png"
    if (photos / name).is_file():
        return f"{PHOTOS}/{name}"
    received = photos / f"{name}.{threading.get_ident()}.received"
    try:
        photos.mkdir(parents=True, exist_ok=True)
        if sum(1 for _ in photos.iterdir()) >= MAX_PHOTOS:
            raise InputError(f"{MAX_PHOTOS} photos are kept here already; remove this session's photos or begin a new one")
        received.write_bytes(data)
        try:
            picture = read_image(received)
        except (InputError, cv2.error) as error:
            raise InputError("the photo cannot be decoded; send a PNG, JPEG or WebP picture that is whole") from error
        scale = KEPT_PHOTO_SIDE / max(picture.shape[:2])
        if scale < 1:
            picture = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        write_image(photos / name, picture)
    except OSError as error:
        raise InputError(f"the photo cannot be kept ({error.strerror}); free some space on the server") from error
    finally:
        received.unlink(missing_ok=True)
    return f"{PHOTOS}/{name}"


def photo_file(name: str, folder: Path) -> Path:
    """The file that a scenario in `folder` names as its photo; InputError unless it is there and inside the folder."""
    try:
        file = Path(os.path.normpath(folder / name)).resolve()
        if file.is_relative_to(folder.resolve()) and file.is_file():
            return file
    except (OSError, ValueError):
        pass
    raise InputError(f'the photo "{name[:80]}" is not among the photos of this scenario; upload it')


def picture_size(data: bytes) -> tuple[int, int]:
    """Width and height that a PNG, JPEG or WebP file declares; InputError for any other content, whatever it is called."""
    size = image_size(data)
    if size is None:
        raise InputError("the upload is no PNG, JPEG or WebP picture that is whole; send one, whatever it is called")
    return size[1], size[0]


def _check_size(data: bytes, limit: int) -> None:
    if len(data) > limit:
        size = f"{limit // 2**20} MB" if limit >= 2**20 else f"{limit // 2**10} KB"
        raise InputError(f"the upload is larger than {size}; send a smaller file")
