"""Changes the values of a YAML text where they stand: what does not change keeps its every character.

The places come from the marks of PyYAML's nodes. (ruamel.yaml writes the whole text anew instead: other indentation,
spaces in braces, and comments that move with the values before them.)
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import yaml

from drivesim.scenario.yaml_document import OneLine, yaml_text

_COMMENT = re.compile(r"(?:^|(?<=\s))#[^\r\n]*", re.MULTILINE)


def inline(value: Any) -> str:
    """A value on one line, such as 3, "true", [1, 2] or {ahead: 20, left: 0}."""
    return yaml_text(OneLine(value=_one_line(value)))[len("{value: ") : -len("}\n")]


def _one_line(value: Any) -> Any:
    return OneLine({key: _one_line(v) for key, v in value.items()}) if isinstance(value, dict) else value


def aligned(old: Sequence[Any], new: Sequence[Any]) -> list[int | None]:
    """For each entry of `new` the index of the one in `old` that it was, ascending, or None if it is a new one.

    Equal entries keep each other; between them the first are taken for changed ones, the others for new or removed.
    """
    result: list[int | None] = [None] * len(new)
    matcher = difflib.SequenceMatcher(None, [repr(entry) for entry in old], [repr(entry) for entry in new], False)
    for _, i, i_end, j, j_end in matcher.get_opcodes():
        for k in range(min(i_end - i, j_end - j)):
            result[j + k] = i + k
    return result


class TextPatch:
    """Edits of one text that turn its values into others: `text` as it was, `result()` as it is, `lost` comments."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.lost: list[str] = []
        self._edits: list[tuple[int, int, str]] = []
        self._newline = "\r\n" if "\r\n" in text else "\n"
        self._step = 2

    def mapping(self, node: yaml.MappingNode, old: dict[str, Any], new: dict[str, Any]) -> None:
        """Makes `old`, which stands at `node`, `new`. Keys that stay must be in the same order in both."""
        keys = [str(key.value) for key, _ in node.value]
        values = dict(zip(keys, (value for _, value in node.value), strict=True))
        for key in keys:
            if isinstance(values[key], yaml.CollectionNode) and not node.flow_style:
                self._step = max(1, values[key].start_mark.column - node.start_mark.column) if _block(values[key]) else 2
            if key in new and not _same(old[key], new[key]):
                self._value(values[key], old[key], new[key], node.value[keys.index(key)][0])
        plan = [keys.index(key) if key in values else f"{key}: {inline(new[key])}" for key in new]
        if not node.flow_style:
            plan = [i if isinstance(i, int) else self._written(key, new[key]) for i, key in zip(plan, new, strict=True)]
        self._arrange(node, [(key.start_mark.index, self._end(value)) for key, value in node.value], plan)

    def result(self) -> str:
        """The text with all edits made."""
        parts, done = [], 0
        for start, end, new in sorted(self._edits, key=lambda edit: edit[:2]):
            parts += [self.text[done:start], new]
            done = max(done, end)
        return "".join([*parts, self.text[done:]])

    def _value(self, node: yaml.Node, old: Any, new: Any, key: yaml.Node | None = None) -> None:
        if isinstance(node, yaml.MappingNode) and isinstance(new, dict) and new:
            self.mapping(node, old, new)
        elif isinstance(node, yaml.SequenceNode) and isinstance(new, list):
            self._sequence(node, old, new, key)
        else:
            self._replace(node, inline(new))

    def _sequence(self, node: yaml.SequenceNode, old: list[Any], new: list[Any], key: yaml.Node | None) -> None:
        origins = aligned(old, new)
        for origin, value in zip(origins, new, strict=True):
            if origin is not None and not _same(old[origin], value):
                self._value(node.value[origin], old[origin], value)
        plan = [inline(value) if origin is None else origin for origin, value in zip(origins, new, strict=True)]
        spans = [(self._dash(node, item) if _block(node) else item.start_mark.index, self._end(item)) for item in node.value]
        if _block(node):
            plan = [entry if isinstance(entry, int) else f"- {entry}" for entry in plan]
            if not new and key is not None:
                colon = self.text.index(":", key.end_mark.index) + 1
                self._edit(colon, colon, " []")
        elif not old and key is not None and "\n" not in self.text[key.end_mark.index : node.end_mark.index]:
            self._edit(self.text.index(":", key.end_mark.index) + 1, node.end_mark.index, "")
            indent = " " * (key.start_mark.column + self._step)
            self._insert_lines(node.end_mark.index, [f"{indent}- {entry}" for entry in plan])
            return
        self._arrange(node, spans, plan)

    def _arrange(self, node: yaml.CollectionNode, spans: list[tuple[int, int]], plan: Sequence[int | str]) -> None:
        """Leaves of the elements at `spans` only those whose index is in `plan`, and puts its texts among them."""
        kept = [entry for entry in plan if isinstance(entry, int)]
        for first, last in _runs(sorted(set(range(len(spans))) - set(kept))):
            self._remove(node, spans, first, last)
        after = -1
        new: list[str] = []
        for entry in [*plan, len(spans)]:
            if isinstance(entry, str):
                new.append(entry)
                continue
            if new:
                self._insert(node, spans, after, new)
            after, new = entry, []

    def _insert(self, node: yaml.CollectionNode, spans: list[tuple[int, int]], after: int, new: list[str]) -> None:
        if not node.flow_style:
            start, indent = spans[0][0], " " * node.start_mark.column
            if after >= 0:
                self._insert_lines(self._comments_below(spans[after][1], node), [indent + text for text in new])
            elif self._alone(start):
                line = self._line_start(start)
                self._edit(line, line, "".join(indent + text + self._newline for text in new))
            else:
                self._edit(start, start, "".join(text + self._newline + indent for text in new))
            return
        if not spans:
            self._edit(node.start_mark.index + 1, node.start_mark.index + 1, ", ".join(new))
            return
        sep = ", "
        if "\n" in self.text[node.start_mark.index : spans[0][0]]:
            sep = "," + self._newline + " " * self._column(spans[0][0])
        if after >= 0:
            self._edit(spans[after][1], spans[after][1], "".join(sep + text for text in new))
        else:
            self._edit(spans[0][0], spans[0][0], "".join(text + sep for text in new))

    def _remove(self, node: yaml.CollectionNode, spans: list[tuple[int, int]], first: int, last: int) -> None:
        start, end = spans[first][0], spans[last][1]
        if not node.flow_style and self._alone(start):
            for i in range(first, last + 1):  # each by itself: comments between them stay
                self._cut(self._line_start(spans[i][0]), self._line_end(spans[i][1]))
        elif last + 1 < len(spans):
            self._cut(start, spans[last + 1][0])
        else:
            self._cut(spans[first - 1][1] if first else start, end)

    def _cut(self, start: int, end: int) -> None:
        for comment in _COMMENT.finditer(self.text, start, end):
            line = self.text.count("\n", 0, comment.start()) + 1
            self.lost.append(f'the comment of line {line} ("{comment[0].strip()}") went with what was removed')
        self._edit(start, end, "")

    def _replace(self, node: yaml.Node, new: str) -> None:
        """Puts `new` in the place of a value; a comment that follows at some distance stays in its column."""
        start, end = node.start_mark.index, self._end(node)
        if start == end:
            new = " " + new
        space = re.compile(r" +(?=#)").match(self.text, end)
        if space is not None and len(space[0]) > 1:
            new += " " * max(1, len(space[0]) - len(new) + end - start)
            end = space.end()
        self._edit(start, end, new)

    def _written(self, key: str, value: Any) -> str:
        """A key of a block mapping with its value: a group of keys and a list are written below it."""
        indent = self._newline + " " * self._step
        if isinstance(value, dict) and value:
            return f"{key}:" + "".join(f"{indent}{name}: {inline(v)}" for name, v in value.items())
        if isinstance(value, list) and value and isinstance(value[0], dict):
            return f"{key}:" + "".join(f"{indent}- {inline(v)}" for v in value)
        return f"{key}: {inline(value)}"

    def _insert_lines(self, end: int, lines: list[str]) -> None:
        """Puts lines below the one in which `end` is, after an empty line if they are a section among spaced ones."""
        place = self._line_end(end)
        text = "".join(line + self._newline for line in lines)
        if not lines[0].startswith(" ") and self._newline in lines[0] and re.search(r"\n[ \t]*\r?\n", self.text[:place]):
            text = self._newline + text
        if not self.text[:place].endswith("\n"):
            text = self._newline + text.removesuffix(self._newline)
        self._edit(place, place, text)

    def _comments_below(self, end: int, node: yaml.CollectionNode) -> int:
        """`end`, or the end of the comments right below it that are indented deeper than the keys of `node`."""
        comment = re.compile(rf"[ ]{{{node.start_mark.column + 1},}}#[^\n]*\n?")
        place = self._line_end(end)
        while found := comment.match(self.text, place):
            end, place = found.end() - found[0].endswith("\n"), found.end()
        return end

    def _dash(self, node: yaml.Node, item: yaml.Node) -> int:
        """Where the dash of a list's entry is."""
        column, line = node.start_mark.column, self._line_start(item.start_mark.index)
        while not re.match(rf" {{{column}}}-", self.text[line:]) and line > node.start_mark.index:
            line = self._line_start(line - 1)
        return line + column

    def _end(self, node: yaml.Node) -> int:
        """Where a value ends, without the empty lines and comments below it."""
        while isinstance(node, yaml.CollectionNode) and _block(node):
            node = node.value[-1][1] if isinstance(node, yaml.MappingNode) else node.value[-1]
        end: int = node.end_mark.index
        return max(node.start_mark.index, len(self.text[:end].rstrip(" \t\r\n")))

    def _alone(self, index: int) -> bool:
        """Whether nothing but spaces is before `index` in its line."""
        return not self.text[self._line_start(index) : index].strip()

    def _line_start(self, index: int) -> int:
        return self.text.rfind("\n", 0, index) + 1

    def _line_end(self, index: int) -> int:
        found = self.text.find("\n", index)
        return len(self.text) if found < 0 else found + 1

    def _column(self, index: int) -> int:
        return index - self._line_start(index)

    def _edit(self, start: int, end: int, new: str) -> None:
        self._edits.append((start, end, new))


def _block(node: yaml.Node) -> bool:
    return isinstance(node, yaml.CollectionNode) and not node.flow_style and bool(node.value)


def _same(old: Any, new: Any) -> bool:
    """Equal, and of the same type but for 30 and 30.0: true is not 1."""
    if isinstance(old, dict) and isinstance(new, dict):
        return list(old) == list(new) and all(_same(old[key], new[key]) for key in old)
    if isinstance(old, list) and isinstance(new, list):
        return len(old) == len(new) and all(map(_same, old, new))
    return bool(old == new) and isinstance(old, bool) == isinstance(new, bool)


def _runs(numbers: list[int]) -> list[tuple[int, int]]:
    """First and last of each run of consecutive numbers: [1, 2, 5] gives (1, 2) and (5, 5)."""
    breaks = [i for i, (a, b) in enumerate(pairwise(numbers), 1) if b != a + 1]
    return [(numbers[a], numbers[b - 1]) for a, b in pairwise([0, *breaks, len(numbers)]) if numbers]
