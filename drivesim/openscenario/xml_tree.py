"""XML as a tree whose parts know their line, so that what is refused can be named; and XML written."""

from __future__ import annotations

import math
import xml.etree.ElementTree as ET
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn
from xml.parsers import expat

from drivesim.config import InputError, shortened

MAX_BYTES = 16 * 2**20


@dataclass
class XmlPart:
    """An element: its attributes with parameters ($name) put in, its elements in order, and where it stands."""

    file: Path
    line: int
    tag: str
    attributes: dict[str, str]
    parts: list[XmlPart] = field(default_factory=list)

    def refuse(self, message: str) -> NoReturn:
        """InputError that names file, line and element."""
        raise InputError(f"{self.file}:{self.line}: {self.tag}: {message}")

    def only(self, *tags: str) -> None:
        """Refuses any other element within this one."""
        for part in self.parts:
            if part.tag not in tags:
                part.refuse("is not among what drivesim reads; remove it (docs/openscenario.md has the list)")

    def all(self, tag: str) -> list[XmlPart]:
        """Its elements of this name."""
        return [part for part in self.parts if part.tag == tag]

    def maybe(self, tag: str) -> XmlPart | None:
        """Its one element of this name, if there is one; refuses a second."""
        found = self.all(tag)
        if len(found) > 1:
            found[1].refuse("stands here twice; drivesim reads one")
        return found[0] if found else None

    def one(self, *tags: str) -> XmlPart:
        """The element at the end of this path; refuses where it is missing."""
        part = self
        for tag in tags:
            found = part.maybe(tag)
            if found is None:
                part.refuse(f"{tag} is missing in it")
            part = found
        return part

    def choice(self) -> XmlPart:
        """Its one element, whatever it is."""
        if len(self.parts) != 1:
            self.refuse(f"holds {len(self.parts)} elements, where one is expected")
        return self.parts[0]

    def text(self, name: str) -> str:
        """The value of an attribute."""
        if name not in self.attributes:
            self.refuse(f"its attribute {name} is missing")
        return self.attributes[name]

    def number(self, name: str, default: float | None = None) -> float:
        """The value of an attribute as a finite number."""
        if name not in self.attributes and default is not None:
            return default
        try:
            value = float(self.text(name))
        except ValueError:
            value = math.nan
        if not math.isfinite(value):
            self.refuse(f'{name}="{shortened(self.text(name))}" is no number')
        return value

    def expect(self, **values: str | tuple[str, ...]) -> None:
        """Refuses attributes with other values than these; those that are not there are fine."""
        for name, known in values.items():
            known = (known,) if isinstance(known, str) else known
            if (given := self.attributes.get(name)) is not None and given not in known:
                self.refuse(f'{name}="{shortened(given)}" is not read, {" or ".join(known)} is')

    def put_parameters(self, values: Mapping[str, str]) -> None:
        """Puts the values of parameters in place of $name, here and below (in place)."""
        for name, value in self.attributes.items():
            if value.startswith("$"):
                if value[1:] not in values:
                    self.refuse(f'{name}="{shortened(value)}" is no parameter that is declared at the beginning of the file')
                self.attributes[name] = values[value[1:]]
        for part in self.parts:
            part.put_parameters(values)


def read_xml(file: Path, root: str) -> XmlPart:
    """The root element of a file, which is to be called `root`; InputError where that cannot be. Entities are not expanded."""
    try:
        if file.stat().st_size > MAX_BYTES:
            raise InputError(f"{file}: larger than {MAX_BYTES // 2**20} MiB; is it the right file?")
        data = file.read_bytes()
    except OSError as error:
        raise InputError(f"{file}: cannot be read ({error.strerror}); check path and permissions") from error
    parser, stack, roots = expat.ParserCreate(), [], []  # type: ignore[var-annotated]

    def start(tag: str, attributes: dict[str, str]) -> None:
        part = XmlPart(file, parser.CurrentLineNumber, tag, attributes)
        (stack[-1].parts if stack else roots).append(part)
        stack.append(part)

    def declare(*_: Any) -> None:
        raise InputError(f"{file}:{parser.CurrentLineNumber}: declares an entity or a document type, which is not read; remove it")

    parser.StartElementHandler = start
    parser.EndElementHandler = lambda _: stack.pop()
    parser.StartDoctypeDeclHandler = declare
    try:
        parser.Parse(data, True)
    except expat.ExpatError as error:
        raise InputError(f"{file}:{error.lineno}: no XML ({expat.ErrorString(error.code)})") from error
    found: XmlPart = roots[0]
    if found.tag != root:
        found.refuse(f"is not {root}; give another file")
    return found


def element(parent: ET.Element | None, tag: str, **attributes: str) -> ET.Element:
    """A new element, the last of its parent."""
    return ET.Element(tag, attributes) if parent is None else ET.SubElement(parent, tag, attributes)


def path(parent: ET.Element, *tags: str, **attributes: str) -> ET.Element:
    """New elements one within the other: the last, which has the attributes."""
    for tag in tags[:-1]:
        parent = ET.SubElement(parent, tag)
    return ET.SubElement(parent, tags[-1], attributes)


def xml_text(root: ET.Element) -> str:
    """The text of a file."""
    ET.indent(root)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{ET.tostring(root, encoding="unicode")}\n'
