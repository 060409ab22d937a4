"""JSON files with long lists and objects, written value by value: memory does not grow with their length."""

from __future__ import annotations

import json
from pathlib import Path
from typing import IO, Any, Self


def json_text(value: Any) -> str:
    """A value as JSON on one line; ValueError for numbers that JSON has not."""
    return json.dumps(value, allow_nan=False, ensure_ascii=False)


class _Collection:
    """A JSON list or object in a file of its own. Use as a context manager."""

    brackets = "[]"

    def __init__(self, path: Path) -> None:
        self._file: IO[str] = path.open("w", encoding="utf-8")
        self._count = 0

    def _write(self, text: str) -> None:
        self._file.write((f"{self.brackets[0]}\n" if self._count == 0 else ",\n") + text)
        self._count += 1

    def __len__(self) -> int:
        return self._count

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.write(f"{self.brackets}\n" if self._count == 0 else f"\n{self.brackets[1]}\n")
        self._file.close()


class JsonList(_Collection):
    """A list, a value a line."""

    def append(self, value: Any) -> None:
        """Writes one more value."""
        self._write(json_text(value))


class JsonObject(_Collection):
    """An object, a key a line."""

    brackets = "{}"

    def add(self, key: str, value: Any) -> None:
        """Writes one more key and its value."""
        self._write(f"{json_text(key)}: {json_text(value)}")


def join_json(path: Path, head: dict[str, Any], parts: dict[str, Path], root: str | None = None) -> None:
    """Writes an object with the keys of `head`, and the values that stand in the files `parts`, which are removed.

    With a `root` the object is the value of that one key of the file.
    """
    with path.open("w", encoding="utf-8") as file:
        file.write("{" if root is None else f"{{{json_text(root)}: {{")
        for key, value in head.items():
            file.write(f"\n{json_text(key)}: {json_text(value)},")
        for number, (key, part) in enumerate(parts.items()):
            file.write(f"{',' if number else ''}\n{json_text(key)}: ")
            with part.open(encoding="utf-8") as values:
                while block := values.read(1 << 16):
                    file.write(block)
            part.unlink()
        file.write("}\n" if root is None else "}}\n")
