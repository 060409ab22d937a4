"""Scenarios by name: the shipped ones are reached from anywhere, and a name that is none is met with those there are."""

from __future__ import annotations

import difflib
from pathlib import Path


def find_scenario(path: Path | None) -> Path | None:
    """The path as it is, or, for the bare name of a shipped scenario (night_city), that one's file.

    A file of that name comes first; a folder does not, for it may be what a rollout of that scenario was written to.
    """
    if path is None or str(path) != path.name or path.suffix or (path.exists() and not path.is_dir()):
        return path
    return _shipped().get(path.name, path)


def missing(path: Path) -> str:
    """What to say of a scenario file that is not there."""
    shipped = _shipped()
    if path.stem in shipped:
        return f"no such file; check the path, or give the name of the shipped scenario alone: {path.stem}"
    if str(path) != path.name or not shipped:
        return "no such file; check the path"
    guess = difflib.get_close_matches(path.stem.lower().replace("-", "_"), shipped, 1)
    meant = f' (did you mean "{guess[0]}"?)' if guess else ""
    return f"no such file, and no shipped scenario of this name{meant}; shipped are {', '.join(shipped)}"


def is_folder(path: Path) -> str:
    """What to say of a folder where a scenario file is asked for."""
    found = sorted({*path.glob("*.yaml"), *path.glob("*.yml")})
    if not found:
        return "this folder holds no *.yaml file; name a scenario file"
    more = f" or another of its {len(found)} scenarios" if len(found) > 1 else ""
    return f"is a folder; name a file: {found[0]}{more}"


def _shipped() -> dict[str, Path]:
    """The shipped scenarios by name, sorted; none where drivesim is installed without them."""
    from drivesim.config import InputError, shipped

    try:
        return {file.stem: file for file in sorted(shipped("scenarios").glob("*.yaml"))}
    except InputError:
        return {}
