"""The folder that the editor was started for: scenarios are loaded from it and saved in it, and nowhere else."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from drivesim.config import InputError, write_atomic
from drivesim.scenario.file import scenario_files
from drivesim.scenario.yaml_document import YamlDocument
from scenario_editor.document.yaml_text import read, rewrite
from scenario_editor.storage.sessions import Session
from scenario_editor.storage.uploads import (
    MAX_PHOTO_BYTES,
    MAX_YAML_BYTES,
    add_photo,
    photo_file,
    picture_size,
    read_upload,
    read_yaml_upload,
)

SAFE_NAME = re.compile(r"[A-Za-z0-9]+([_-][A-Za-z0-9]+)*")
MAX_NAME = 64
SUFFIXES = (".png", ".jpg", ".jpeg", ".webp")


class Workspace:
    """Scenario files by name. A name is only ever compared with what is in the folder, or made of safe letters."""

    def __init__(self, folder: Path, examples: Path) -> None:
        """InputError if `folder` is not there."""
        self.folder, self._examples = folder.resolve(), examples
        if not self.folder.is_dir():
            raise InputError(f"{folder}: no such folder; name one to save scenarios in")

    def names(self) -> list[str]:
        """Names of the scenario files in the folder, sorted."""
        return sorted(_files(self.folder))

    def examples(self) -> list[str]:
        """Names of the shipped scenarios, sorted."""
        return sorted(_files(self._examples))

    def load(self, name: str, session: Session, example: bool = False) -> Session:
        """The session with the scenario of that name, right or wrong, its photo copied; InputError if there is none.

        A photo that is not inside the folder is kept as an upload would be, and the text names that copy.
        """
        files = _files(self._examples if example else self.folder)
        if name not in files:
            raise InputError(f'there is no scenario "{name[:80]}" in the list; load another one')
        text = read_yaml_upload(read_upload(files[name], MAX_YAML_BYTES))
        return session.loaded(_with_photo(text, files[name].parent, session.folder), None if example else name, text)

    def save(self, session: Session, name: str, replace: bool = False) -> Session:
        """The session with its text saved as NAME.yaml in the folder, at once or not at all, its photo beside it.

        InputError if the text has faults, the name is not safe, or the file is there already and not to be replaced; the
        file that the session was loaded from is replaced without asking, if it still holds what was loaded.
        """
        if not SAFE_NAME.fullmatch(name) or len(name) > MAX_NAME:
            raise InputError(f'not saved: "{name[:80]}" is no name; use letters and digits, joined by _ or -')
        parsed = read(session.text, session.folder)
        if parsed.scenario is None or parsed.values is None:
            raise InputError(f"not saved: line {parsed.faults[0].line}: {parsed.faults[0].message}")
        file = self.folder / f"{name}.yaml"
        if file.is_symlink():
            raise InputError(f"not saved: {file.name} is a link to another place; choose another name")
        if file.exists() and not replace and not (name == session.name and _holds(file, session.saved)):
            raise InputError(f"not saved: {file.name} is there already; choose another name or have it replaced")
        try:
            if photo := parsed.values["photo"]:
                self._put_photo(photo, session.folder, replace)
            write_atomic(file, session.text)
        except OSError as error:
            raise InputError(f"not saved: {file} cannot be written ({error.strerror})") from error
        return session.marked_saved(name)

    def _put_photo(self, photo: str, folder: Path, replace: bool) -> None:
        source, target = photo_file(photo, folder), self.folder / photo
        if not target.resolve().is_relative_to(self.folder):
            raise InputError(f'not saved: the photo "{photo[:80]}" would be outside of the folder; upload it again')
        if target.is_file() and target.read_bytes() == source.read_bytes():
            return
        if target.exists() and not replace:
            raise InputError(f"not saved: another picture is there as {photo}; have it replaced or upload the photo again")
        target.parent.mkdir(parents=True, exist_ok=True)
        scratch = target.with_name(target.name + ".part")
        shutil.copyfile(source, scratch)
        scratch.replace(target)


def _files(folder: Path) -> dict[str, Path]:
    return {path.stem: path for path in scenario_files([folder]) if path.suffix == ".yaml"}


def _holds(file: Path, text: str) -> bool:
    try:
        return file.read_bytes().decode("utf-8-sig") == text
    except (OSError, UnicodeDecodeError):
        return False


def _with_photo(text: str, source: Path, folder: Path) -> str:
    """The text, after the photo that it names (relative to `source`) has been copied into the session's `folder`.

    What is no picture is not copied: parsed the text then says so.
    """
    values = YamlDocument(text, "").values
    photo = values.get("photo") if isinstance(values, dict) else None
    if not isinstance(photo, str) or "\0" in photo:
        return text
    target = folder / photo
    inside = target.suffix.lower() in SUFFIXES and target.resolve().is_relative_to(folder.resolve())
    try:
        data = read_upload(source / photo, MAX_PHOTO_BYTES)
        if not inside:
            return rewrite(text, {"photo": add_photo(data, folder)}).text
        picture_size(data)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
    except (InputError, OSError):
        pass
    return text
