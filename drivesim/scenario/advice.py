"""What a user most likely meant: remedies for values that are refused, remarks on values that are taken but look like others."""

from __future__ import annotations

import math
import re
from typing import Any

UNITS = {
    "ahead": "m",
    "left": "m",
    "heading": "degrees",
    "height": "m",
    "pitch": "degrees",
    "field_of_view": "degrees",
    "curvature": "per m",
    "speed": "m/s",
    "target": "m/s",
    "rate": "m/s²",
    "seconds": "s",
    "time": "s",
    "distance": "m",
    "time_to_collision": "s",
}
"""Units of numbers, by key."""
TO_METRES_A_SECOND = {"km/h": 1 / 3.6, "kmh": 1 / 3.6, "kph": 1 / 3.6, "mph": 0.44704}
LEAST_KEPT = 0.7
"""Share of a photo of which less must remain that it is worth a remark; of 16:9 nine tenths do, of 4:3 two thirds."""
MOST_CROWDED = 12
"""Vehicles in view up to which networks learn what many is: of their frames 0.4 % show more."""
_NUMBER = r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?"


def remedy(key: str, wrong: Any, schema: dict[str, Any]) -> str:
    """How to mend a value that `schema` (of JSON Schema) refuses, as "; write 1000", or "" where nothing is obvious."""
    kind = schema.get("type")
    if kind in ("integer", "number"):
        found = _of_text(key, wrong, kind) if isinstance(wrong, str) else _of_number(key, wrong, kind, schema)
    elif kind == "string" and isinstance(wrong, int | float) and re.search(schema.get("pattern", ""), str(wrong).lower()):
        found = f'put it in quotes: "{str(wrong).lower()}"'
    else:
        found = None
    return f"; {found}" if found else ""


def _of_text(key: str, text: str, kind: str) -> str | None:
    """The remedy for text in the place of a number."""
    if re.fullmatch(rf"\s*{_NUMBER}\s*", text, re.ASCII):
        return "remove the quotes" if math.isfinite(float(text)) else None
    if re.fullmatch(r"[-+]?\d+(?:_\d+)+(?:\.\d*)?", text, re.ASCII):
        return f"write {text.replace('_', '')}"
    if re.fullmatch(r"[-+]?\d+,\d+", text, re.ASCII):
        return f"write {text.replace(',', '' if kind == 'integer' else '.')}"
    if re.fullmatch(r"0x[0-9a-fA-F]{1,16}|0o[0-7]{1,20}|0b[01]{1,64}", text):
        return f"write {int(text, 0)}"
    if measure := re.fullmatch(rf"({_NUMBER})\s*([a-zA-Z°/%²0-9 ]+)", text, re.ASCII):
        unit = measure[2].strip().lower()
        if UNITS.get(key) == "m/s" and unit in TO_METRES_A_SECOND:
            return f"{text.strip()} are {float(measure[1]) * TO_METRES_A_SECOND[unit]:.4g} m/s; write this number alone"
        return f"write the number alone{f', in {UNITS[key]}' if key in UNITS else ''}"
    return None


def _of_number(key: str, wrong: Any, kind: str, schema: dict[str, Any]) -> str | None:
    """The remedy for a number of the wrong kind or size."""
    if not isinstance(wrong, int | float) or isinstance(wrong, bool) or not abs(wrong) < 1e15:
        return None
    low, high = schema.get("minimum", -math.inf), schema.get("maximum", math.inf)
    if kind == "integer" and isinstance(wrong, float):
        return f"write {wrong:.0f}" if wrong.is_integer() and low <= wrong <= high else None
    if UNITS.get(key) == "m/s" and high < wrong <= 3.6 * high:
        return f"{wrong:g} km/h are {wrong / 3.6:.4g} m/s"
    if key == "heading" and 180 < abs(wrong) <= 360:
        return f"{wrong:g} is the same as {wrong - math.copysign(360, wrong):g}"
    if UNITS.get(key) == "degrees" and wrong and low <= math.degrees(wrong) <= high:
        return f"{wrong:g} radians are {math.degrees(wrong):.4g} degrees"
    if key == "curvature" and abs(wrong) * high >= 1:
        return f"a radius of {wrong:g} m is a curvature of {1 / wrong:.4g}"
    return None


def radians_remark(heading: float) -> str | None:
    """What to say of a heading that looks like radians: a multiple of 15 degrees in these, to two decimals at least."""
    twelfths = heading / (math.pi / 12)
    if abs(heading) >= 7 or round(heading, 1) == heading or not round(twelfths) or abs(twelfths - round(twelfths)) >= 0.02:
        return None
    return f"heading is in degrees, and {heading:g} looks like radians; if it is, write {15 * round(twelfths)}"


def crowdedness_remark(crowdedness: int, listed: int) -> str | None:
    """What to say of a crowdedness that no road has room for; `listed` vehicles count without any that are drawn."""
    if crowdedness <= max(MOST_CROWDED, listed):
        return None
    return (
        f"crowdedness is {crowdedness}, but no more than 10 to 16 vehicles find room in view, and the networks have hardly seen "
        f"more than {MOST_CROWDED}; {max(MOST_CROWDED, listed)} is about as full"
    )


def photo_remark(height: int, width: int) -> str | None:
    """What to say of a photo of which much is cut off to make a frame of 2:1."""
    kept_height, kept_width = min(height, width // 2), min(width, 2 * height)
    share = kept_height * kept_width / (height * width)
    if share >= LEAST_KEPT:
        return None
    shape = "higher than wide" if height > width else "not 2:1"
    part = "top and bottom are" if kept_height < height else "left and right are"
    return (
        f"the photo of {width}x{height} px is {shape}: its middle {kept_width}x{kept_height} is the first frame, {part} cut off "
        f"({100 * (1 - share):.0f} %); crop it to 2:1 to choose the part yourself"
    )
