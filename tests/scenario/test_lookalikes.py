"""Characters that only look like YAML's are named with their place and what to write instead; tabs stand where YAML lets them."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
import yaml

from drivesim.scenario.file import parse_scenario
from drivesim.scenario.lookalikes import PLAIN
from drivesim.scenario.yaml_document import MAX_SIZE, YamlDocument

LOOK = "look: {time_of_day: day, crowdedness: 2}\n"


@pytest.mark.parametrize(
    ("text", "place", "name", "remedy"),
    [
        ("name:\u00a0x\n" + LOOK, "1:6", "a no-break space (U+00A0)", "a plain space"),
        ("name:\u3000x\n" + LOOK, "1:6", "an ideographic space (U+3000)", "a plain space"),
        ("name: x\nlook\uff1a {time_of_day: day, crowdedness: 2}\n", "2:5", "a fullwidth colon (U+FF1A)", "a plain :"),
        ("name: x\nlook: {time_of_day: day\uff0c crowdedness: 2}\n", "2:24", "a fullwidth comma (U+FF0C)", "a plain ,"),
        ("name: x\n# caf\u00e9\nlook\uff1a\n  time_of_day: day\n", "3:5", "a fullwidth colon", "a plain :"),
    ],
)
def test_they_are_named_where_yaml_breaks(text: str, place: str, name: str, remedy: str) -> None:
    _, faults = parse_scenario(text, Path("f.yaml"))
    assert [str(fault) for fault in faults] == [f"f.yaml:{place}: not valid YAML: here is {name}; replace it by {remedy}"] or (
        str(faults[0]).startswith(f"f.yaml:{place}: not valid YAML: here is {name}") and len(faults) == 1
    )


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("name: x\nlook:\n\u00a0\u00a0time_of_day: day\n", "(column 1: here is a no-break space"),
        ("name: x\nlook: {time_of_day:\u202fday, crowdedness: 2}\n", "(column 20: here is a narrow no-break space"),
        ("name: x\nlook: {time_of_day: \u201cday\u201d, crowdedness: 2}\n", "(column 21: here is a left double quotation mark"),
        ("name: x\n" + LOOK + "road: {curvature: \u22120.01}\n", "(column 19: here is a minus sign (U+2212)"),
        ("name: x\n" + LOOK + "road: {lanes: \uff13}\n", "(column 15: here is a fullwidth digit three"),
        ("name: x\n" + LOOK + "road: {\u200blanes: 2}\n", "(column 8: here is a zero width space (U+200B); remove it)"),
    ],
)
def test_they_are_named_beside_what_they_break(text: str, words: str) -> None:
    scenario, faults = parse_scenario(text, Path("f.yaml"))
    assert scenario is None and any(words in fault.message for fault in faults), list(map(str, faults))


def test_they_may_stand_in_quotes_and_comments_and_where_nothing_is_wrong() -> None:
    text = "name: x  # a\u00a0comment\uff1a \u201cas\u201d people write\n" + LOOK
    assert parse_scenario(text, Path("f.yaml"))[0]
    _, faults = parse_scenario(text + "  bad: [\n", Path("f.yaml"))
    assert "U+" not in str(faults[0])
    assert not YamlDocument("photo: 'a\u00a0b.jpg'\nother: it\u2019s.jpg\n", "f").faults


def test_a_file_of_them_takes_no_time() -> None:
    begun = time.process_time()
    for character in ("\u00a0", "\t", "\uff1a\n", "'\u00a0", "\t\n"):
        YamlDocument((character * MAX_SIZE)[:MAX_SIZE], "f")
    assert time.process_time() - begun < 5
    assert set(PLAIN.values()) >= {" ", "", ":", ",", "-", '"', "'", "{", "}", "[", "]", "#"}


TABBED = [
    "name:\tx\n" + LOOK,
    "name: x\t\n" + LOOK,
    "name\t: x\t# a comment\n" + LOOK,
    "name: x\n\t\nlook:\t{time_of_day:\tday,\n\tcrowdedness: 2\t}\n\t# the end\n",
    "name: x\nlook:\n  time_of_day:\t day\t\n \t \n  crowdedness:\t2\n",
    "name: x\n" + LOOK + "vehicles:\n  -\t{ahead: 20,\tleft: 0, kind: sedan}\n",
]


@pytest.mark.parametrize("text", TABBED)
def test_tabs_between_tokens(text: str) -> None:
    scenario, faults = parse_scenario(text, Path("f.yaml"))
    plain = text.replace("\n\t\n", "\n").replace("\t", " ")
    assert scenario and not faults and scenario == parse_scenario(plain, Path("f.yaml"))[0]
    if hasattr(yaml, "CSafeLoader") and "\n\t\n" not in text and "\n \t" not in text and "-\t" not in text:
        assert yaml.load(text, yaml.CSafeLoader) == yaml.load(plain, yaml.CSafeLoader)  # as libyaml


@pytest.mark.parametrize("text", ["\tname: x\n" + LOOK, "look:\n\ttime_of_day: day\n", "a:\n  b: 1\n \tc: 2\n", "a:\n  -\tb: 1\n"])
def test_a_tab_never_indents(text: str) -> None:
    (fault, *_) = YamlDocument(text, "f").faults
    assert fault.message == "not valid YAML: a tab must not indent a line; use spaces"
