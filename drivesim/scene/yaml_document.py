"""YAML read with the place of every key and value, so that a fault can name its line and column; and YAML written."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

import yaml

from drivesim.scene.consistency import Location


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


class _Loader(yaml.SafeLoader):
    """The YAML 1.2 core schema: 1e-3 is a number, and yes, 1:30 and 2001-01-01 are text."""

    yaml_implicit_resolvers: dict[str, Any] = {}  # noqa: RUF012

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            mark = self.peek_event().start_mark
            raise yaml.MarkedYAMLError(problem="an alias (*) is not allowed; write the value out", problem_mark=mark)
        return super().compose_node(parent, index)


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


def yaml_text(values: dict[str, Any]) -> str:
    """`values` as YAML, keys in their order."""
    return yaml.dump(values, Dumper=_Dumper, sort_keys=False, width=1000, allow_unicode=True)


class YamlDocument:
    """The `values` of one document (None if it cannot be read) and the `faults` found in it so far."""

    def __init__(self, text: str, file: str) -> None:
        self.file = file
        self.faults: list[Fault] = []
        self.values: Any = None
        self._spots: dict[Location, tuple[yaml.Mark | None, yaml.Mark]] = {}
        try:
            node = yaml.compose(text, _Loader)
            if node is not None:
                self.values = self._value(node, ())
        except yaml.reader.ReaderError as error:
            before = text[: error.position]
            line, column = before.count("\n") + 1, len(before) - before.rfind("\n")
            character = error.character if isinstance(error.character, int) else ord(error.character)
            self._add(line, column, f"character U+{character:04X} is not allowed in YAML; remove it")
        except yaml.MarkedYAMLError as error:
            context = f"{error.context}, " if error.context else ""
            self._at(error.problem_mark or error.context_mark, f"not valid YAML: {context}{error.problem}")
        except RecursionError:
            self._add(1, 1, "the file is nested too deeply for a scenario")

    def fault(self, location: Location, message: str, at_key: bool = False) -> None:
        """Adds a fault at the value (or the key) of `location`, or at the key of its nearest ancestor in the file."""
        where = location
        while location and location not in self._spots:
            location, at_key = location[:-1], True
        key, value = self._spots.get(location, (None, None))
        self._at(key if at_key and key is not None else value, message, where)

    def _at(self, mark: yaml.Mark | None, message: str, where: Location = ()) -> None:
        self._add(*((mark.line + 1, mark.column + 1) if mark else (1, 1)), message, where)

    def _add(self, line: int, column: int, message: str, where: Location = ()) -> None:
        self.faults.append(Fault(self.file, line, column, message, where))

    def _value(self, node: yaml.Node, location: Location, key: yaml.Mark | None = None) -> Any:
        self._spots[location] = (key, node.start_mark)
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, location)
        if isinstance(node, yaml.SequenceNode):
            return [self._value(item, (*location, i)) for i, item in enumerate(node.value)]
        text = str(node.value)
        try:
            match str(node.tag).removeprefix(_TAG):
                case "str":
                    return text
                case "null":
                    return None
                case "bool":
                    return {"true": True, "false": False}[text]
                case "int":
                    return int(text)
                case "float":
                    return float(text.replace(".inf", "inf").replace(".nan", "nan"))
        except (ValueError, KeyError):
            pass  # an explicit tag on a value that it does not fit
        self.fault(location, f"the tag {node.tag} does not fit here; remove it")
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
                self._at(name.start_mark, f'"{key}" is given twice, first on line {line}; remove one of the two')
                continue
            values[key] = self._value(value, (*location, key), name.start_mark)
        return values
