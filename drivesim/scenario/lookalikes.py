"""Characters that look like those of YAML and are others: from word processors, web pages and keyboards of other scripts."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

PLAIN: dict[str, str] = (
    dict.fromkeys("\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000", " ")
    | dict.fromkeys("\u00ad\u200b\u200c\u200d\u2060", "")
    | {chr(code): chr(code - 0xFEE0) for code in range(0xFF01, 0xFF5F)}  # the full-width forms of ! to ~
    | dict.fromkeys("\u2236\ua789\ufe55", ":")
    | dict.fromkeys("\u3001\u060c\ufe50", ",")
    | dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2212", "-")
    | dict.fromkeys("\u201c\u201d\u201e\u201f\u00ab\u00bb\u2033", '"')
    | dict.fromkeys("\u2018\u2019\u201a\u201b\u2032", "'")
)
"""What stands in YAML in the place of each; "" for those that nobody sees."""
_PARTS = re.compile(r'"(?:[^"\\\r\n]|\\.)*"|\'[^\'\r\n]*\'|(?:^|(?<=\s))#[^\r\n]*|.')


def lookalikes(line: str) -> Iterator[tuple[int, str]]:
    """Index of each such character of a line of YAML, outside of quotes and comments, and what to do about it."""
    for part in _PARTS.finditer(line):
        if part[0] in PLAIN:
            yield part.start(), _advice(part[0])


def _advice(character: str) -> str:
    name = unicodedata.name(character).lower()
    article = "an" if name[0] in "aeiou" else "a"
    match PLAIN[character]:
        case "":
            remedy = "remove it"
        case " ":
            remedy = "replace it by a plain space"
        case plain:
            remedy = f"replace it by a plain {plain}"
    return f"here is {article} {name} (U+{ord(character):04X}); {remedy}"
