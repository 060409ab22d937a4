"""Classes of other data sets as kinds of vehicles."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from drivesim.config import InputError
from drivesim.scene.vehicles import KINDS, Kind

_CLASSES: dict[str, Kind] = {
    "car": "sedan", "vehicle": "sedan", "automobile": "sedan", "taxi": "sedan", "police car": "sedan",
    "minivan": "van", "ambulance": "van", "lorry": "truck", "coach": "bus",
    "vehicle.car": "sedan", "vehicle.emergency.police": "sedan", "vehicle.emergency.ambulance": "van",
    "vehicle.truck": "truck", "vehicle.construction": "truck", "vehicle.bus.rigid": "bus", "vehicle.bus.bendy": "bus",
}  # fmt: skip
"""Of those that are no kinds by themselves. Nobody says what sort of a car a car is: it counts as the commonest."""


def kinds_of(classes: Iterable[str], given: Mapping[str, Kind], source: object) -> dict[str, Kind]:
    """The kinds of those classes of `source` that are vehicles: by `given`, else by their usual names; case does not matter.

    InputError if `given` names a class that is not there, or none of them is a vehicle.
    """
    names = sorted(set(classes))
    usual = _CLASSES | {kind: kind for kind in KINDS}
    asked = {_plain(name): kind for name, kind in given.items()}
    if strange := [name for name in given if _plain(name) not in map(_plain, names)]:
        raise InputError(f"--kinds {strange[0]}: {source} has no such class; it has {', '.join(names) or 'none'}")
    kinds = {name: kind for name in names if (kind := asked.get(_plain(name), usual.get(_plain(name)))) is not None}
    if not kinds:
        example = f"--kinds {names[0] if names else 'car'}=sedan"
        raise InputError(f"{source}: none of its classes ({', '.join(names) or 'no label at all'}) is known as a vehicle; say "
                         f"which are, as in {example}")  # fmt: skip
    return kinds


def parse_kinds(text: str) -> dict[str, Kind]:
    """Kinds by class, of "Car=sedan,Tram=bus"; InputError for anything else, and for what is no kind."""
    found: dict[str, Kind] = {}
    for pair in text.split(","):
        name, equals, word = (part.strip() for part in pair.rpartition("="))
        kind = next((kind for kind in KINDS if kind == word.lower()), None)
        if not (equals and name) or kind is None:
            raise InputError(f"--kinds {pair}: give CLASS=KIND, where KIND is {', '.join(KINDS[:-1])} or {KINDS[-1]}")
        found[name] = kind
    return found


def _plain(name: str) -> str:
    return " ".join(name.lower().replace("_", " ").split())
