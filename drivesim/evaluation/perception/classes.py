"""The classes that a detector may give its boxes, and which kinds of vehicles each of them means."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from drivesim.config import InputError, shortened
from drivesim.scene.vehicles import KINDS

LEFT_OUT = "-"
FAMILIES = {"car": ("sedan", "hatchback", "suv", "van"), "truck": ("truck",), "bus": ("bus",)}
"""What average precision is given for by itself; vans are cars, as COCO has them."""
CLASSES = {kind: (kind,) for kind in KINDS} | {"car": FAMILIES["car"], "vehicle": tuple(KINDS)}
"""The kinds that each class means; `vehicle` is what a detector says that tells none apart."""


@dataclass(frozen=True)
class ClassNames:
    """The classes of a detector: `names` of the numbers 0, 1, ...; LEFT_OUT for what is no vehicle."""

    names: tuple[str, ...] = KINDS

    def kinds(self, value: object) -> np.ndarray | None:
        """The kinds that a class means, a name or a number, bool [6] by index in KINDS; None for what is left out.

        ValueError if there is no such class.
        """
        name = self._name(value)
        if name == LEFT_OUT:
            return None
        if name not in CLASSES:
            raise ValueError(f"class {shortened(repr(value))} is unknown, there are {', '.join(CLASSES)}; see --classes")
        return np.isin(KINDS, CLASSES[name])

    def _name(self, value: object) -> str:
        if isinstance(value, str):
            return value.lower()
        if isinstance(value, bool) or not isinstance(value, int | float | np.number) or not float(value).is_integer():
            raise ValueError(f"class {shortened(repr(value))} is neither a name nor a number")
        if not 0 <= value < len(self.names):
            listed = ", ".join(f"{number} {name}" for number, name in enumerate(self.names))
            raise ValueError(f"class {int(value)} is unknown, there are {listed}; name those of the detector with --classes")
        return self.names[int(value)]


def parse_classes(text: str | None) -> ClassNames:
    """Names by number, as in car,-,truck; the kinds where nothing is given. InputError for what is no class."""
    if text is None:
        return ClassNames()
    names = tuple(name.strip().lower() for name in text.split(","))
    for name in names:
        if name != LEFT_OUT and name not in CLASSES:
            raise InputError(
                f"--classes {shortened(text)}: {name!r} is no class; give {', '.join(CLASSES)}, or {LEFT_OUT} for other things"
            )
    return ClassNames(names)
