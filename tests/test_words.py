"""One word, one meaning: no two classes or types of the house have the same name, and the glossary stays short."""

from __future__ import annotations

import ast
from collections import defaultdict
from pathlib import Path

ROOT = Path(__file__).parents[1]


def types() -> dict[str, set[str]]:
    """Where each public class, and each type that is given a name such as Point, is defined."""
    places = defaultdict(set)
    for part in ("drivesim", "apps/scenario_editor"):
        for path in sorted((ROOT / part).rglob("*.py")):
            for node in ast.parse(path.read_text(encoding="utf-8")).body:
                match node:
                    case ast.ClassDef(name=name) | ast.Assign(targets=[ast.Name(id=name)]):
                        if name[0].isupper() and not name.isupper() and "_" not in name:
                            places[name].add(path.relative_to(ROOT).as_posix())
    return places


def test_no_two_types_have_one_name() -> None:
    twice = {name: sorted(paths) for name, paths in types().items() if len(paths) > 1}
    assert not twice, "\n".join(f"{name}: {', '.join(paths)}" for name, paths in twice.items())


def test_the_glossary_is_short() -> None:
    lines = (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8").splitlines()
    words = [line.split("|")[1].strip() for line in lines if line.startswith("| ") and "---" not in line]
    assert len(lines) <= 25 and len(words) == len(set(words))
