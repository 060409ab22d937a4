"""Sizes of the rooms: files, functions and folders stay small enough to be read at once, and there is no drawer for odds and ends.

Tests are exempt.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
PLACES = (ROOT / "drivesim", ROOT / "apps" / "scenario_editor")
FILE_LINES, FUNCTION_LINES, FOLDER_MODULES = 350, 60, 12


def modules() -> Iterator[tuple[str, Path]]:
    """Every module by its path from the root."""
    for place in PLACES:
        for path in sorted(place.rglob("*.py")):
            yield path.relative_to(ROOT).as_posix(), path


def functions(node: ast.AST, within: str = "") -> Iterator[tuple[str, int]]:
    """Functions and methods by their dotted names, with how many lines they have, decorators left out."""
    for child in ast.iter_child_nodes(node):
        name = within
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            name = f"{within}.{child.name}".lstrip(".")
            if not isinstance(child, ast.ClassDef):
                assert child.end_lineno is not None
                yield name, child.end_lineno - child.lineno + 1
        yield from functions(child, name)


def violations() -> dict[str, str]:
    """What is too large, or a utils.py, with how large it is."""
    found, folders = {}, dict.fromkeys((path.parent.relative_to(ROOT).as_posix() for _, path in modules()), 0)
    for name, path in modules():
        text = path.read_text(encoding="utf-8")
        lines = text.count("\n")
        if lines > FILE_LINES:
            found[name] = f"{lines} lines, more than {FILE_LINES}"
        if path.stem in ("utils", "util", "helpers", "misc", "common"):
            found[name] = "a name that says nothing"
        for function, length in functions(ast.parse(text)):
            if length > FUNCTION_LINES:
                found[f"{name}: {function}"] = f"{length} lines, more than {FUNCTION_LINES}"
        folders[path.parent.relative_to(ROOT).as_posix()] += path.name != "__init__.py"
    found |= {folder: f"{count} modules, more than {FOLDER_MODULES}" for folder, count in folders.items() if count > FOLDER_MODULES}
    return found


def test_rooms_are_small() -> None:
    found = violations()
    assert not found, "\n".join(f"{name}: {fault}" for name, fault in found.items())


def test_functions_within_functions_and_classes_are_measured() -> None:
    text = "class A:\n    @property\n    def b(self):\n        async def c():\n            pass\n        return c\n"
    assert dict(functions(ast.parse(text))) == {"A.b": 4, "A.b.c": 2}
