"""What a rollout is made from, read once, and kept in its folder: the scenario's text and the photo, byte by byte.

    DIR/scenario.yaml   the text, as it was read; manifest.json has the values, and the sum of the text
    DIR/photo.png       the photo, if there is one, with the suffix that it had: a folder needs nothing from outside

Files that change meanwhile, and pipes, which can be read once only, are what they were when they were read.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

from pydantic import ValidationError

from drivesim.config import InputError
from drivesim.rollout.manifest import MANIFEST, PHOTO, Manifest, read_manifest
from drivesim.scenario.file import read_scenario
from drivesim.scenario.scenario import Scenario
from drivesim.scenario.yaml_document import yaml_text
from drivesim.video_io import read_image

TEXT = "scenario.yaml"


@dataclass(frozen=True)
class Inputs:
    """A scenario, the name and the bytes (`text`) of its file, and the bytes of its photo, if there is one."""

    scenario: Scenario
    file: str
    text: bytes
    photo: bytes | None = None

    @classmethod
    def read(cls, file: Path) -> Self:
        """What a scenario file says; InputError if it or its photo is missing or wrong.

        Of the text in a rollout's folder the photo is the copy beside it, wherever the photo was.
        """
        if file.name == TEXT and (file.parent / MANIFEST).is_file():
            manifest = read_manifest(file.parent)
            if manifest.job.photo is not None and _first([file], {manifest.files.get(TEXT)}) is not None:
                kept = cls.kept(file.parent, manifest)
                if kept.photo is not None:
                    return replace(kept, file=str(file))
        scenario, text = read_scenario(file)
        return cls(scenario, str(file), text, None if scenario.photo is None else _picture_bytes(scenario.photo))

    @classmethod
    def of(cls, scenario: Scenario) -> Self:
        """Those of a scenario that was built by a program: its text is its values. InputError if its photo is missing or wrong."""
        photo = None if scenario.photo is None else _picture_bytes(scenario.photo)
        return cls(scenario, "(a program)", _values_text(scenario), photo)

    @classmethod
    def kept(cls, folder: Path, manifest: Manifest) -> Self:
        """What the rollout in `folder` was made from, as far as it is still there, first within it, then where it was read.

        A text that is lost is written anew from the values in the manifest: it means the same. A photo that is lost is None.
        InputError for values that this version does not read.
        """
        scenario, file = kept_scenario(folder, manifest), str(manifest.scenario.get("file"))
        sums = {manifest.job.scenario, manifest.files.get(TEXT)}
        text = _first([folder / TEXT, Path(file)], sums) or _values_text(scenario)
        places = [*folder.glob(f"{PHOTO}.*"), Path(str(manifest.scenario.get("photo")))]
        return cls(scenario, file, text, None if manifest.job.photo is None else _first(places, {manifest.job.photo}))

    @property
    def text_hash(self) -> str:
        """sha256 of the text."""
        return hashlib.sha256(self.text).hexdigest()

    @property
    def photo_hash(self) -> str | None:
        """sha256 of the photo, if there is one."""
        return None if self.photo is None else hashlib.sha256(self.photo).hexdigest()

    @property
    def photo_name(self) -> str:
        """Name of the photo in a rollout's folder."""
        suffix = self.scenario.photo.suffix.lower() if self.scenario.photo else ""
        return f"{PHOTO}{suffix if suffix[1:].isalnum() else '.image'}"

    def values(self) -> dict[str, Any]:
        """For the manifest: the scenario's values, and where they were read."""
        return {"file": self.file, **self.scenario.model_dump(mode="json")}


def kept_scenario(folder: Path, manifest: Manifest) -> Scenario:
    """The scenario of a rollout, by its manifest; the photo is the copy in its folder, if there is one."""
    values = {key: value for key, value in manifest.scenario.items() if key != "file"}
    try:
        scenario = Scenario.model_validate_json(json.dumps(values))
    except ValidationError as error:
        fault = error.errors()[0]
        raise InputError(
            f"{folder / MANIFEST}: this version reads the scenario no more ({'.'.join(map(str, fault['loc']))}: {fault['msg']}); "
            "go on with the version that began it, or start anew with --fresh"
        ) from error
    copy = next((name for name in manifest.files if name.startswith(f"{PHOTO}.")), None)
    return scenario if copy is None else scenario.model_copy(update={"photo": folder / copy})


def scenario_of(folder: Path) -> Scenario:
    """The scenario of a rollout, or of a folder that holds no more of one than films and the text; InputError if it has neither."""
    if (folder / MANIFEST).is_file():
        return kept_scenario(folder, read_manifest(folder))
    return read_scenario(folder / TEXT)[0]


def _values_text(scenario: Scenario) -> bytes:
    """A text that means the scenario."""
    return yaml_text(scenario.model_dump(mode="json", exclude_none=True)).encode()


def _picture_bytes(path: Path) -> bytes:
    """The bytes of a picture; InputError if it is missing or damaged."""
    read_image(path)
    return path.read_bytes()


def _first(places: list[Path], sums: set[str | None]) -> bytes | None:
    """The contents of the first of these files that has one of these sums."""
    for place in places:
        try:
            if place.is_file() and hashlib.sha256(data := place.read_bytes()).hexdigest() in sums:
                return data
        except OSError:
            continue
    return None
