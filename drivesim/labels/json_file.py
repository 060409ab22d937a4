"""JSON files with long lists, written value by value: memory does not grow with the length of the lists."""

from __future__ import annotations

import json
from pathlib import Path
from typing import IO, Any, Self


class JsonList:
    """A JSON list in a file of its own. Use as a context manager."""

    def __init__(self, path: Path) -> None:
        self._file: IO[str] = path.open("w", encoding="utf-8")
        self._count = 0

    def append(self, value: Any) -> None:
        """Writes one more value, on a line of its own; ValueError for numbers that JSON has not."""
        self._file.write(("[\n" if self._count == 0 else ",\n") + json.dumps(value, allow_nan=False, ensure_ascii=False))
        self._count += 1

    def __len__(self) -> int:
        return self._count

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.write("[]\n" if self._count == 0 else "\n]\n")
        self._file.close()


def join_json(path: Path, head: dict[str, Any], parts: dict[str, Path]) -> None:
    """Writes an object with the keys of `head`, and the values that stand in the files `parts`, which are removed."""
    with path.open("w", encoding="utf-8") as file:
        file.write("{")
        for key, value in head.items():
            file.write(f"\n{json.dumps(key)}: {json.dumps(value, allow_nan=False, ensure_ascii=False)},")
        for number, (key, part) in enumerate(parts.items()):
            file.write(f"{',' if number else ''}\n{json.dumps(key)}: ")
            with part.open(encoding="utf-8") as values:
                while block := values.read(1 << 20):
                    file.write(block)
            part.unlink()
        file.write("}\n")
