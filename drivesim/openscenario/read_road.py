"""A road of OpenDRIVE as one of ours: a single road, straight or of constant curvature, with lanes of one width."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from drivesim.openscenario.vocabulary import SETTING_OF
from drivesim.openscenario.xml_tree import XmlPart, read_xml
from drivesim.scene.road import LANE_WIDTH, SETTINGS, Setting

WIDTH_TOLERANCE = 0.4  # m by which lanes may be wider or narrower than those of the setting
_HARMLESS = ("userData", "include", "dataQuality")


@dataclass(frozen=True)
class FoundRoad:
    """Curvature (1/m) of the reference line, and lanes (1, 2, ... from the left) of the direction of travel, whose left edge is at
    t = `edge` (m); each is `width` m wide."""

    id: str
    setting: Setting
    curvature: float
    lanes: int
    edge: float
    width: float

    def lane_of(self, t: float) -> int:
        """The lane that t (m) is in."""
        return int((self.edge - t) // self.width) + 1

    def lane_middle(self, lane: int) -> float:
        """t (m) of the middle of a lane; those of the other direction are 0, -1, ... from the right."""
        return self.edge - (lane - 0.5) * self.width


def read_road(file: Path) -> FoundRoad:
    """The road of a .xodr; InputError that names file, line and element for whatever is not read."""
    root = read_xml(file, "OpenDRIVE")
    root.only("header", "road", *_HARMLESS)
    roads = root.all("road")
    if len(roads) != 1:
        (roads[1] if roads else root).refuse(f"holds {len(roads)} roads; one is read")
    road = roads[0]
    road.only("link", "type", "planView", "elevationProfile", "lateralProfile", "lanes", *_HARMLESS)
    road.expect(rule="RHT", junction="-1")
    for profile in ("elevationProfile", "lateralProfile"):
        for part in [] if (found := road.maybe(profile)) is None else found.parts:
            if any(part.number(name, 0.0) for name in "abcd"):
                part.refuse("the road is not flat; flat ones are read")
    width, lanes, edge = _lanes(road.one("lanes"))
    setting = _setting(road, width)
    if abs(LANE_WIDTH[setting] - width) > WIDTH_TOLERANCE:
        road.one("lanes").refuse(f"lanes of {width:g} m; those of a {setting} road are {LANE_WIDTH[setting]:g} m wide")
    return FoundRoad(road.text("id"), setting, _curvature(road.one("planView")), lanes, edge, width)


def _setting(road: XmlPart, width: float) -> Setting:
    """What kind of road it is, by its type, or else by how wide its lanes are."""
    types = road.all("type")
    if len(types) > 1:
        types[1].refuse("the type changes along the road; one is read")
    if not types or types[0].text("type") == "unknown":
        return min(SETTINGS, key=lambda setting: abs(LANE_WIDTH[setting] - width))
    if (name := types[0].text("type")) not in SETTING_OF:
        types[0].refuse(f'type="{name}" is not read; {", ".join(SETTING_OF)} are')
    return SETTING_OF[name]


def _curvature(plan: XmlPart) -> float:
    """1/m, positive to the left; several pieces are fine where all have the same."""
    plan.only("geometry", *_HARMLESS)
    found = []
    for geometry in plan.all("geometry"):
        shape = geometry.choice()
        if shape.tag not in ("line", "arc"):
            shape.refuse("is not read, line and arc are")
        found.append(0.0 if shape.tag == "line" else shape.number("curvature"))
        if found[-1] != found[0]:
            shape.refuse("the curvature changes along the road; constant curvature is read")
    if not found:
        plan.refuse("geometry is missing in it")
    return found[0]


def _lanes(lanes: XmlPart) -> tuple[float, int, float]:
    """Width (m), number, and t (m) of the left edge, of the lanes in the direction of travel."""
    lanes.only("laneOffset", "laneSection", *_HARMLESS)
    offset = lanes.maybe("laneOffset")
    for name in "bcd" if offset is not None else "":
        if offset is not None and offset.number(name, 0.0):
            offset.refuse("lanes shift along the road; constant ones are read")
    section = lanes.one("laneSection")
    driving: list[float] = []
    for lane in sorted(section.one("right").all("lane"), key=lambda lane: -lane.number("id")):
        if lane.text("type") == "driving":
            if len(driving) + 1 != -lane.number("id"):
                lane.refuse("a lane to its left is none to drive on; lanes beside each other are read")
            width = lane.one("width")
            if any(width.number(name, 0.0) for name in "bcd"):
                width.refuse("the width changes along the road; constant ones are read")
            driving.append(width.number("a"))
            if driving[-1] != driving[0]:
                width.refuse("lanes are of different width; those of one width are read")
    if not driving or driving[0] <= 0:
        section.refuse("has no lane to the right of the reference line to drive on")
    return driving[0], len(driving), 0.0 if offset is None else offset.number("a")
