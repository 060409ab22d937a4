"""Configuration at the borders: frozen pydantic models, and the two kinds of errors that end a command."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Self

import pydantic
import yaml

Say = Callable[[str], None]
"""Takes a line for the user."""
Real = Annotated[float, pydantic.Field(allow_inf_nan=False)]
MAX_DEPTH = 12  # levels of nesting in a YAML file: a scenario has four


class MachineError(Exception):
    """The machine failed: disk full, out of memory. One clear sentence as for InputError, but exit code 1."""


class InputError(Exception):
    """Something the user gave is wrong. The message is one clear sentence naming file, field and remedy (exit code 2)."""


def shortened(text: str, length: int = 40) -> str:
    """At most `length` characters of `text`, the last of them "..." where it is longer."""
    return text if len(text) <= length else f"{text[: length - 3]}..."


class Config(pydantic.BaseModel):
    """Base of every file-bound configuration: frozen, and an unknown key is an error."""

    model_config = pydantic.ConfigDict(frozen=True, extra="forbid")

    @classmethod
    def parse(cls, values: dict[str, Any], source: Path | str) -> Self:
        """Validates `values` read from `source`; raises InputError naming the source and every wrong field."""
        try:
            return cls.model_validate(values)
        except pydantic.ValidationError as error:
            faults = "; ".join(f"{'.'.join(map(str, e['loc'])) or 'file'}: {e['msg']}" for e in error.errors())
            raise InputError(f"{source}: {faults}") from error


class Section(Config):
    """Base of a scenario's sections: values are taken as they stand, so that "3" or true is no whole number."""

    model_config = pydantic.ConfigDict(strict=True)


def read_json(path: Path) -> dict[str, Any]:
    """Reads a JSON object; raises InputError if the file is missing, is no JSON or holds no object."""
    try:
        values = json.loads(_text(path))
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path}: not valid JSON ({error}); restore it or write it anew") from error
    if not isinstance(values, dict):
        raise InputError(f"{path}: expected a JSON object, found {type(values).__name__}")
    return values


class SafeTreeLoader(yaml.SafeLoader):
    """Reads YAML that is a plain tree: without aliases and tags, at most MAX_DEPTH deep; MarkedYAMLError otherwise."""

    depth = 0

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        event: Any = self.peek_event()
        problem = None
        if isinstance(event, yaml.AliasEvent):
            problem = "an alias (*) is not allowed; write the value out"
        elif getattr(event, "tag", None) is not None:
            problem = "a tag (!) is not allowed; remove it, and write text that looks like a number in quotes"
        elif self.depth > MAX_DEPTH:
            problem = "nested too deeply"
        if problem:
            raise yaml.MarkedYAMLError(problem=problem, problem_mark=event.start_mark)
        self.depth += 1
        node = super().compose_node(parent, index)
        self.depth -= 1
        return node


def read_yaml(path: Path) -> dict[str, Any]:
    """Reads a YAML mapping; raises InputError if the file is missing, is no YAML (see SafeTreeLoader) or holds no mapping."""
    try:
        values = yaml.load(_text(path), SafeTreeLoader)
    except (yaml.YAMLError, ValueError) as error:
        raise InputError(f"{path}: not valid YAML ({error})") from error
    if not isinstance(values, dict):
        raise InputError(f"{path}: expected a YAML mapping, found {type(values).__name__}")
    return values


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise InputError(f"{path}: no such file") from error
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); check path and permissions") from error


def write_atomic(path: Path, text: str) -> None:
    """Writes `text` so that a reader, or a crash, never sees half of it."""
    scratch = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        with scratch.open("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        scratch.replace(path)
    except OSError:
        scratch.unlink(missing_ok=True)
        raise


def shipped(name: str) -> Path:
    """Folder `name` ("scenarios" or "checkpoints") of the clone, or of the installed wheel."""
    package = Path(__file__).resolve().parent
    for folder in (package / "shipped" / name, package.parent / name):
        if folder.is_dir():
            return folder
    raise InputError(f"{name}: not found beside {package}; reinstall drivesim")
