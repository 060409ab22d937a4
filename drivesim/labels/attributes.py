"""What the labels say of a vehicle beside its box, as plain values that JSON can hold; what is not known is left out."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from drivesim.metrics.label_trust import Trust
from drivesim.rollout.labels.rows import SOURCES
from drivesim.scene.boxes import UNKNOWN_LAMPS
from drivesim.traffic.vehicle_lamps import BRAKE, HEAD, LEFT, RIGHT, TAIL

LAMP_BITS = {"brake": BRAKE, "head": HEAD, "tail": TAIL, "left_indicator": LEFT, "right_indicator": RIGHT}


LARGELY, PARTLY = 0.4, 0.8
"""Shares in sight below which a vehicle is said to be hidden largely, and partly."""


def attributes_of(row: np.void, truncated: float) -> dict[str, Any]:
    """The values of a row of BOX_ROW beside track, box, cuboid: shares in sight and outside, score, source, trust, paint, lamps."""
    shares = {"visible": row["visible"], "truncated": truncated, "score": row["score"]}
    values: dict[str, Any] = {name: round(float(share), 4) for name, share in shares.items() if not math.isnan(share)}
    values["source"], values["trust"] = SOURCES[int(row["source"])], Trust(int(row["trust"])).name.lower()
    paint = [float(row[name]) for name in ("red", "green", "blue")]
    if not any(map(math.isnan, paint)):
        values["paint"] = "#" + "".join(f"{round(255 * share):02x}" for share in paint)
    if row["lamps"] != UNKNOWN_LAMPS:
        values["lamps"] = [name for name, bit in LAMP_BITS.items() if int(row["lamps"]) & bit]
    return values


def cuboid_of(row: np.void) -> list[float] | None:
    """Cuboid of a row of BOX_ROW: x, y, z of its centre, length, width, height (m), yaw (rad) in the ego frame, if it is known."""
    values = [float(row[name]) for name in ("x", "y", "z", "length", "width", "height", "yaw")]
    return None if any(map(math.isnan, values)) else values
