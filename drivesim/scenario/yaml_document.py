"""YAML read with the place of every key and value, so that a fault can name its line and column; and YAML written."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

import yaml

from drivesim.config import SafeTreeLoader, shortened
from drivesim.scenario.lookalikes import lookalikes
from drivesim.scenario.rules_of_placement import Location

MAX_SIZE = 32_768  # bytes, and characters, of one file: a scenario with 24 vehicles has two thousand
MAX_FAULTS = 100  # of one file; further ones are counted, not listed
TOO_LARGE = f"larger than {MAX_SIZE // 1024} KiB, which no scenario needs; is it the right file?"


@dataclass(frozen=True, order=True)
class Fault:
    """One error of one file; `line` and `column` count from 1, `where` is the path of keys. Sorts in the order of the file."""

    file: str
    line: int
    column: int
    message: str
    where: Location = field(default=(), compare=False)

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}: {self.message}"


_LINE_BREAK = re.compile("\r\n?|\n")
_LINE_END = "\0\r\n\x85\u2028\u2029"


class _Loader(SafeTreeLoader):
    """The YAML 1.2 core schema: 1e-3 is a number, and yes, 1:30 and 2001-01-01 are text. Tabs may stand where 1.2 lets them."""

    yaml_implicit_resolvers: dict[str, Any] = {}  # noqa: RUF012
    # Also what some programs take for a line break and others do not, and byte-order marks after the first character.
    NON_PRINTABLE = re.compile(r"[^\t\n\r\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]")  # type: ignore[misc]


    def scan_to_next_token(self) -> None:
        """Passes blanks, comments and line ends. A tab may separate tokens and stand in empty lines, but indents nothing."""
        while True:
            blanks = spaces = 0
            while self.peek(blanks) in " \t":
                blanks += 1
            while self.peek(spaces) == " ":
                spaces += 1
            after, entry = self.peek(blanks), self.pointer > 0 and self.buffer[self.pointer - 1] == "-"
            separates = self.flow_level or not self.allow_simple_key or after in _LINE_END + "#" or (entry and after in "{[")
            self.forward(blanks if separates else spaces)
            if self.peek() == "#":
                while self.peek() not in _LINE_END:
                    self.forward()
            if not self.scan_line_break():
                return
            if not self.flow_level:
                self.allow_simple_key = True


_TAG = "tag:yaml.org,2002:"
_FLOAT = r"^[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?$|^[-+]?\.(?:inf|nan)$"
_Loader.add_implicit_resolver(_TAG + "null", re.compile(r"^(?:~|null|)$"), ["~", "n", ""])
_Loader.add_implicit_resolver(_TAG + "bool", re.compile(r"^(?:true|false)$"), list("tf"))
_Loader.add_implicit_resolver(_TAG + "int", re.compile(r"^[-+]?[0-9]{1,300}$"), list("-+0123456789"))
_Loader.add_implicit_resolver(_TAG + "float", re.compile(_FLOAT), list("-+.0123456789"))


class OneLine(dict[str, Any]):
    """A mapping that is written on one line."""


class _Dumper(yaml.SafeDumper):
    """Indents the entries of lists, and quotes text that YAML 1.1 or 1.2 would take for something else."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        super().increase_indent(flow, False)


_Dumper.add_implicit_resolver(_TAG + "float", re.compile(_FLOAT), list("-+.0123456789"))
_Dumper.add_representer(OneLine, lambda dumper, data: dumper.represent_mapping(_TAG + "map", data.items(), True))


def yaml_node(text: str) -> yaml.Node | None:
    """The root node of a text that YamlDocument reads without a fault, with the marks of its parts."""
    node: yaml.Node | None = _Loader(text).get_single_node()
    return node


def yaml_text(values: dict[str, Any]) -> str:
    """`values` as YAML, keys in their order."""
    return yaml.dump(values, Dumper=_Dumper, sort_keys=False, width=1000, allow_unicode=True)


class YamlDocument:
    """The `values` of one document (None if it cannot be read), what is wrong with it, and `remarks` on what may be."""

    def __init__(self, text: str, file: str) -> None:
        self.file = file
        self.values: Any = None
        self.remarks: list[Fault] = []
        self._faults: list[Fault] = []
        self._lookalikes: dict[int, tuple[int, str]] = {}  # of each line the first: its index there, and what to do
        self._spots: dict[Location, tuple[yaml.Mark | None, yaml.Mark]] = {}
        if len(text) > MAX_SIZE:
            self.fault((), TOO_LARGE)
            return
        text = text.removeprefix("\ufeff")
        for number, line in enumerate(_LINE_BREAK.split(text), 1):
            if found := next(lookalikes(line), None):
                self._lookalikes[number] = found
        loader = None
        try:
            loader = _Loader(text)
            node = loader.get_single_node()
            if node is not None:
                self.values = self._value(node, ())
        except yaml.reader.ReaderError as error:
            self.fault_after(text[: error.position], f"character U+{int(error.character):04X} is not allowed; remove it")
        except yaml.MarkedYAMLError as error:
            self._not_valid(error, text)
        except ValueError:  # an escape beyond Unicode, a version number of 5,000 digits
            self._at(loader.get_mark() if loader else None, "not valid YAML: an escape or a number out of range")

    def _not_valid(self, error: yaml.MarkedYAMLError, text: str) -> None:
        """Adds a fault for what the parser met; where characters that only look right came before it, these instead."""
        mark = error.problem_mark or error.context_mark
        before = {line: found for line, found in self._lookalikes.items() if mark is None or line <= mark.line + 1}
        for line, (index, advice) in before.items():
            self._add(line, index + 1, f"not valid YAML: {advice}")
        if before:
            return
        context = f"{shortened(error.context, 80)}, " if error.context else ""
        problem = shortened(error.problem or "", 200)
        if mark is not None and text[mark.index : mark.index + 1] == "\t":
            context, problem = "", "a tab must not indent a line; use spaces"
        self._at(mark, f"not valid YAML: {context}{problem}")

    @property
    def faults(self) -> list[Fault]:
        """The faults found so far in the order of the file, the first MAX_FAULTS of them and the number of the others."""
        faults = sorted(self._faults)
        if len(faults) > MAX_FAULTS:
            last, more = faults[MAX_FAULTS - 1], len(faults) - MAX_FAULTS
            faults[MAX_FAULTS:] = [Fault(self.file, last.line, last.column, f"{more} more errors follow; mend these first")]
        return faults

    def fault_after(self, before: str, message: str) -> None:
        """Adds a fault at the character that follows the text `before`."""
        lines = _LINE_BREAK.split(before)
        self._add(len(lines), len(lines[-1]) + 1, message)

    def fault(self, location: Location, message: str, at_key: bool = False) -> None:
        """Adds a fault at the value (or the key) of `location`, or at the key of its nearest ancestor in the file."""
        mark = self._mark(location, at_key)
        if mark is not None and mark.line + 1 in self._lookalikes:
            index, advice = self._lookalikes[mark.line + 1]
            message = f"{message} (column {index + 1}: {advice})"
        self._at(mark, message, location)

    def remark(self, location: Location, message: str) -> None:
        """Adds to the remarks what is no error, but may not be what was meant, at the value of `location`."""
        mark = self._mark(location)
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        self.remarks.append(Fault(self.file, line, column, f"warning: {message}", location))

    def _mark(self, location: Location, at_key: bool = False) -> yaml.Mark | None:
        """Where the value (or the key) of `location` stands, or the key of its nearest ancestor in the file."""
        while location and location not in self._spots:
            location, at_key = location[:-1], True
        key, value = self._spots.get(location, (None, None))
        return key if at_key and key is not None else value

    def _at(self, mark: yaml.Mark | None, message: str, where: Location = ()) -> None:
        self._add(*((mark.line + 1, mark.column + 1) if mark else (1, 1)), message, where)

    def _add(self, line: int, column: int, message: str, where: Location = ()) -> None:
        printable = (c if c.isprintable() else c.encode("unicode_escape").decode() for c in message)
        self._faults.append(Fault(self.file, line, column, "".join(printable), where))

    def _value(self, node: yaml.Node, location: Location, key: yaml.Mark | None = None) -> Any:
        self._spots[location] = (key, node.start_mark)
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, location)
        if isinstance(node, yaml.SequenceNode):
            return [self._value(item, (*location, i)) for i, item in enumerate(node.value)]
        text = str(node.value)
        match str(node.tag).removeprefix(_TAG):
            case "null":
                return None
            case "bool":
                return text == "true"
            case "int":
                return int(text)
            case "float":
                return float(text.replace(".inf", "inf").replace(".nan", "nan"))
        return text

    def _mapping(self, node: yaml.MappingNode, location: Location) -> dict[str, Any]:
        values: dict[str, Any] = {}
        for name, value in node.value:
            if not isinstance(name, yaml.ScalarNode):
                self._at(name.start_mark, "a key must be plain text")
                continue
            key = str(name.value)
            if key in values:
                first = self._spots[(*location, key)][0]
                line = first.line + 1 if first else 1
                self._at(name.start_mark, f'"{shortened(key)}" is given twice, first on line {line}; remove one of the two')
                continue
            values[key] = self._value(value, (*location, key), name.start_mark)
        return values
