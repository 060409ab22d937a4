"""What is written, by hand, by another library, and by ASAM's own schemas."""

from __future__ import annotations

import math
import subprocess
import sys
import xml.etree.ElementTree as ET
import zipfile
from pathlib import Path

import pytest

from drivesim.openscenario.write_scenario import write_openscenario
from drivesim.scenario.file import load_scenario

SHIPPED = Path(__file__).parents[2] / "scenarios"


def test_values_are_those_computed_by_hand(tmp_path: Path) -> None:
    """The cut-in: the ego is in the second of three lanes of 3.7 m, and the road begins 400 m behind it."""
    scenario, road = (ET.parse(path).getroot() for path in write_openscenario(load_scenario(SHIPPED / "cut_in.yaml"), tmp_path))
    places = {
        part.attrib["entityRef"]: part.find(".//RoadPosition").attrib for part in scenario.iter("Private")  # type: ignore[union-attr]
    }
    assert places["ego"] == {"roadId": "1", "s": "400", "t": "0"} and places["cutter"] == {"roadId": "1", "s": "410", "t": "3.7"}
    events = {event.attrib["name"]: event for event in scenario.iter("Event")}
    assert list(events) == ["ego_1", "cutter_1", "cutter_2"]
    ttc = events["ego_1"].find(".//TimeToCollisionCondition")
    assert ttc is not None and (ttc.attrib["value"], ttc.attrib["rule"], ttc.attrib["freespace"]) == ("3.5", "lessOrEqual", "true")
    assert events["cutter_1"].find(".//AbsoluteTargetLane").attrib["value"] == "-2"  # type: ignore[union-attr]
    (offset,), widths = list(road.iter("laneOffset")), [width.attrib["a"] for width in road.iter("width")]
    assert math.isclose(float(offset.attrib["a"]), 1.5 * 3.7) and widths == ["3.7"] * 3, "s runs in the middle of lane 2"
    names = {part.attrib["name"] for part in scenario.iter("ParameterDeclaration")}
    assert {"drivesim_traffic", "drivesim_camera_height", "drivesim_rollout_seed"} <= names


def test_a_bend_begins_where_it_passes_the_ego_straight_ahead(tmp_path: Path) -> None:
    _, file = write_openscenario(load_scenario(SHIPPED / "night_rural_curve.yaml"), tmp_path)
    road = ET.parse(file).getroot()
    geometry, arc = next(road.iter("geometry")), next(road.iter("arc"))
    curvature, heading = float(arc.attrib["curvature"]), float(geometry.attrib["hdg"])
    assert math.isclose(heading, -400 * curvature)
    x = float(geometry.attrib["x"]) + (math.sin(heading + 400 * curvature) - math.sin(heading)) / curvature
    y = float(geometry.attrib["y"]) - (math.cos(heading + 400 * curvature) - math.cos(heading)) / curvature
    assert math.isclose(x, 0, abs_tol=1e-6) and math.isclose(y, 0, abs_tol=1e-6)


@pytest.mark.parametrize("name", ["cut_in", "crossing_car", "pixel_boxes"])
def test_another_library_reads_it(name: str, tmp_path: Path) -> None:
    xosc = pytest.importorskip("scenariogeneration.xosc")
    file, _ = write_openscenario(load_scenario(SHIPPED / f"{name}.yaml"), tmp_path)
    read = xosc.ParseOpenScenario(str(file))
    expected = [part.attrib["name"] for part in ET.parse(file).getroot().iter("ScenarioObject")]
    assert [thing.name for thing in read.entities.scenario_objects] == expected


@pytest.mark.slow
def test_all_are_valid_by_the_schemas_of_asam(tmp_path: Path) -> None:
    """They come with ASAM's own checkers, whose wheels are taken apart: the checkers want a NumPy before 2."""
    xmlschema = pytest.importorskip("xmlschema")
    wheels = ["asam-qc-openscenarioxml==1.0.0", "asam-qc-opendrive==1.0.0"]
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "download", "--quiet", "--no-deps"]
    subprocess.run([*pip, "--dest", tmp_path, *wheels], check=True)
    for wheel in tmp_path.glob("*.whl"):
        zipfile.ZipFile(wheel).extractall(tmp_path / "schemas")
    place = tmp_path / "schemas"
    scenarios = xmlschema.XMLSchema(str(place / "qc_openscenario/schema/1.2.0/OpenSCENARIO.xsd"))
    roads = xmlschema.XMLSchema11(str(place / "qc_opendrive/schema/1.7.0/opendrive_17_core.xsd"))
    for file in sorted(SHIPPED.glob("*.yaml")):
        scenario, road = write_openscenario(load_scenario(file), tmp_path / "open")
        scenarios.validate(str(scenario))
        roads.validate(str(road))
    for schema, written, gone in ((scenarios, scenario, "Performance"), (roads, road, "planView")):
        broken = tmp_path / written.name
        broken.write_text(written.read_text().replace(f"<{gone}", "<Nothing").replace(f"</{gone}", "</Nothing"))
        assert not schema.is_valid(str(broken)), "a schema that finds no fault says nothing"
