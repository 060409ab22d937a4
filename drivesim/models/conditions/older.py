"""Checkpoints from before groups of conditions had modules of their own."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from torch import Tensor

from drivesim.models.conditions.boxes import DETAILS
from drivesim.models.conditions.numbers import recoded

OLDER_FIELDS: dict[str, Any] = {"groups": ["boxes", "look", "road", "camera", "place"], "number_code": "periodic"}
"""What a configuration without these fields means."""
_MODULES = {  # of the encoder, and where they are now
    "box": "boxes.box",
    "kind": "boxes.kind",
    "night": "look.night",
    "crowdedness": "look.crowdedness",
    "road": "road.numbers",
    "setting": "road.setting",
    "camera": "camera.numbers",
}
_TOKENS = {"boxes": slice(0, 1), "look": slice(1, 3), "road": slice(3, 4), "camera": slice(4, 5)}
"""Rows of the picture's tokens [5 d], which were in one table of roles and one of nulls."""


_FIRST_LAYER = re.compile(r"encoder\.groups\.\w+\.\w+\.0\.weight")


def current_names(tensors: Mapping[str, Tensor], prefix: str = "encoder.") -> dict[str, Tensor]:
    """The tensors of an image LDM under today's names, whichever names they have."""
    renamed = {}
    for name, value in tensors.items():
        module, _, rest = name.removeprefix(prefix).partition(".")
        if not name.startswith(prefix):
            renamed[name] = value
        elif module in ("role", "null"):
            renamed |= {f"{prefix}groups.{group}.{module}": value[rows] for group, rows in _TOKENS.items()}
        elif module in _MODULES:
            renamed[f"{prefix}groups.{_MODULES[module]}.{rest}"] = value
        else:
            renamed[name] = value
    return renamed


def with_details(tensors: Mapping[str, Tensor], prefix: str = "encoder.groups.boxes.") -> dict[str, Tensor]:
    """The tensors of an image LDM from before boxes had size and paint, with an encoder of these that adds nothing."""
    box, first, last = (f"{prefix}{name}.weight" for name in ("box.2", "details.0", "details.2"))
    if box not in tensors or first in tensors:
        return dict(tensors)
    width = len(tensors[box])
    return {**tensors, first: tensors[box].new_zeros(width, DETAILS), last: tensors[box].new_zeros(width, width)}


def recoded_numbers(tensors: Mapping[str, Tensor], own: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Tensors of a model that is told periodic numbers, for one with the tensors `own`, which is told monotone ones.

    Each number has two features more there; all other tensors stay as they are.
    """
    fitted = dict(tensors)
    for name, value in tensors.items():
        more = own[name].shape[1] - value.shape[1] if name in own and _FIRST_LAYER.fullmatch(name) else 0
        if more > 0:
            fitted[name] = recoded(value, more // 2)
    return fitted
