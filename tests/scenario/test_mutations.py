"""Scenario files damaged in every way: each is read or refused, at once, with a place."""

from __future__ import annotations

import json
import random
import re
import time
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import yaml

from drivesim.config import shipped
from drivesim.scenario.file import Fault, check_scenarios, dump_scenario, load_scenario

SEED = 20
TEXTS = [path.read_bytes() for path in sorted(shipped("scenarios").glob("*.yaml"))]
KEYS = ["name", "look", "time_of_day", "crowdedness", "road", "lanes", "ego_lane", "vehicles", "box", "ahead", "left",
        "heading", "kind", "photo", "rollout", "seconds", "fps", "futures", "seed", "<<", "", "é", "k" * 2000]  # fmt: skip
ABSURD: list[Any] = [
    None, True, 0, -1, 1e9, 10**30, 10**400, 10**4000, float("nan"), float("inf"), -0.0, 1e-320, "", "3", "day", "nan", "\0",
    "\ud800", "\u202e", "x" * 20_000, "../../etc/passwd", "/dev/zero", "/dev/stdin", [], {}, [[]], {"a": {}}, [0, 0, 1024, 512],
    [1] * 5000, [{"ahead": 9, "left": 0, "kind": "van"}] * 900,
]  # fmt: skip
TOKENS = [
    b"[", b"]", b"{", b"}", b":", b": ", b"- ", b"? ", b"\n", b"\n  ", b"\r", b"\t", b'"', b"'", b"|\n", b">-\n", b"#",
    b"%", b"@", b"`", b"&a ", b"*a", b"<<: *a", b"!!int ", b"!!set ", b"!<x> ", b"---\n", b"...\n", b"%YAML 9.9\n",
    b"%TAG ! x\n", b"\0", b"\x1b[2J", b"\x7f", b"\x85", b"\xff", b"\xc3", b"\xed\xa0\x80", b"\xef\xbb\xbf", b"\xe2\x80\xa8",
    "é😀".encode(), b"1e999", b".nan", b"-.inf", b"0x1f", b"1_000", b"1:30", b"~", b"null", b"9" * 5000, b"\\U00110000", b"\\uD800",
    b"[" * 500, b"{a: " * 300, b"- " * 400, b"? " * 400, b"a: b\n" * 900, b"x" * 3000, b" " * 5000, b"\n" * 5000, b"a,b," * 2000,
]  # fmt: skip


def mutated_bytes(rng: random.Random, data: bytes) -> bytes:
    """`data` with 1 to 6 damages to its bytes, or in another encoding."""
    for _ in range(rng.randint(1, 6)):
        start = rng.randint(0, len(data))
        stop = min(len(data), start + rng.choice((0, 1, 1, 2, 5, 40, 400)))
        other = rng.choice(TEXTS)
        cut = rng.randint(0, len(other))
        piece = rng.choice((b"", rng.choice(TOKENS), rng.choice(TOKENS), rng.randbytes(rng.randint(1, 8)), data[start:stop] * 40,
                            other[cut : cut + 80], bytes(byte ^ 1 << rng.randrange(8) for byte in data[start:stop])))  # fmt: skip
        data = data[:start] + piece + data[stop:]
    if rng.random() < 0.08:
        data = data[: rng.randint(0, len(data))]
    match rng.randrange(40):
        case 0:
            return data.decode("utf-8", "replace").encode(rng.choice(("utf-16", "utf-32", "utf-8-sig", "utf-7")))
        case 1:
            return data.replace(b"\n", rng.choice((b"\r\n", b"\r", b"\n\n", b"\n\t")))
    return data


def mutated_values(rng: random.Random, data: bytes) -> bytes:
    """The values of the scenario `data` with 1 to 4 wrong keys or values, written anew as YAML or as JSON."""
    values = yaml.safe_load(data)
    for _ in range(rng.randint(1, 4)):
        group, key = rng.choice(list(_places(values)))
        match rng.randrange(6):
            case 0:
                del group[key]
            case 1 if isinstance(group, list):
                group.extend(group[:100] * rng.choice((1, 30)))  # safe_dump writes aliases for what is there twice
            case 1:
                group[rng.choice(KEYS)] = group.pop(key)
            case 2 if isinstance(group, dict):
                group[rng.choice(KEYS)] = deepcopy(rng.choice(ABSURD))
            case 3 if isinstance(group[key], int | float):
                group[key] *= rng.choice((-1, 0, 0.5, 1.01, 2, 1e9))
            case 4:
                other = rng.choice(list(_places(values)))
                group[key] = json.loads(json.dumps(other[0][other[1]]))
            case _:
                group[key] = deepcopy(rng.choice(ABSURD))
        if not values:
            break
    if rng.random() < 0.3:
        return json.dumps(values, skipkeys=True).encode()
    text: str = yaml.safe_dump(values, default_flow_style=rng.choice((None, True, False)), sort_keys=rng.random() < 0.5)
    return text.encode("utf-8", "surrogatepass")


def _places(values: Any) -> Iterator[tuple[Any, Any]]:
    """Every list or dictionary within `values`, with every index or key of it."""
    for key in range(len(values)) if isinstance(values, list) else list(values):
        yield values, key
        if isinstance(values[key], list | dict):
            yield from _places(values[key])


def mutated(rng: random.Random) -> bytes:
    """A shipped scenario, damaged."""
    data = rng.choice(TEXTS)
    way = rng.randrange(5)
    if way < 3:
        data = mutated_values(rng, data)
    return data if way < 2 else mutated_bytes(rng, data)


def assert_placed(fault: Fault, data: bytes, path: Path) -> None:
    """The fault is one line of text, of a length that can be read, at a place that the file has."""
    assert re.fullmatch(rf"{re.escape(str(path))}:\d+:\d+: \S.*", str(fault)) and str(fault).isprintable(), str(fault)
    assert len(fault.message) < 500, fault.message
    lines = re.split("\r\n?|\n", data.decode("utf-8", "replace"))
    assert 1 <= fault.line <= len(lines), (str(fault), len(lines))
    assert 1 <= fault.column <= len(lines[fault.line - 1]) + 1, str(fault)


@pytest.mark.parametrize("count", [400, pytest.param(10_000, marks=pytest.mark.slow)])
def test_damaged_files_are_refused_at_once_with_a_place(tmp_path: Path, count: int) -> None:
    path, copy = tmp_path / "s.yaml", tmp_path / "copy.yaml"
    kept = refused = 0
    for number in range(count):
        data = mutated(random.Random(f"{SEED} {number}"))
        path.write_bytes(data)
        start = time.process_time()  # what other programs take of the processor does not count
        try:
            faults = check_scenarios([path])
        except Exception as error:
            raise AssertionError(f"mutation {number}: {data[:2000]!r}") from error
        assert time.process_time() - start < 2, f"mutation {number}"
        for fault in faults:
            assert_placed(fault, data, path)
        if faults:
            refused += 1
            continue
        kept += 1
        scenario = load_scenario(path)
        dump_scenario(scenario, copy)
        assert load_scenario(copy) == scenario
    assert kept > count / 50 and refused > count / 2
