"""The road of a scenario as OpenDRIVE 1.7."""

from __future__ import annotations

import xml.etree.ElementTree as ET

from drivesim.openscenario.vocabulary import ROAD_ID, ROAD_TYPE, number
from drivesim.openscenario.xml_tree import element, path, xml_text
from drivesim.scene.road import Road


def road_text(road: Road, name: str, start: float, length: float) -> str:
    """The .xodr: one road of `length` m, whose s is `start` where the ego is in the first frame, at x = y = 0, eastward."""
    root = element(None, "OpenDRIVE")
    element(root, "header", revMajor="1", revMinor="7", name=name, version="1", vendor="drivesim")
    one = element(root, "road", name=name, length=number(length), id=ROAD_ID, junction="-1", rule="RHT")
    element(one, "type", s="0", type=ROAD_TYPE[road.setting])
    _plan_view(one, road, start, length)
    lanes = element(one, "lanes")
    offset = (road.ego_lane - 0.5) * road.lane_width
    element(lanes, "laneOffset", s="0", a=number(offset), b="0", c="0", d="0")
    _lane_section(lanes, road)
    return xml_text(root)


def oncoming_lanes(road: Road) -> int:
    """Lanes of the other direction that are told: where a median lies between, which differs between futures, none."""
    return 0 if road.setting == "highway" else road.lanes


def _plan_view(parent: ET.Element, road: Road, start: float, length: float) -> None:
    x, y = map(float, road.to_plane(-start, 0.0))
    heading = float(road.heading(-start))
    place = {"s": "0", "x": number(x), "y": number(y), "hdg": number(heading), "length": number(length)}
    geometry = path(parent, "planView", "geometry", **place)
    if road.curvature:
        element(geometry, "arc", curvature=number(road.curvature))
    else:
        element(geometry, "line")


def _lane_section(lanes: ET.Element, road: Road) -> None:
    section = element(lanes, "laneSection", s="0")
    count = oncoming_lanes(road)
    if count:
        left = element(section, "left")
        for lane in range(count, 0, -1):
            _lane(left, lane, road, outermost=lane == count)
    centre = path(section, "center", "lane", id="0", type="none")
    _mark(centre, "solid" if count else "none", "yellow")
    right = element(section, "right")
    for lane in range(1, road.lanes + 1):
        _lane(right, -lane, road, outermost=lane == road.lanes)


def _lane(side: ET.Element, number_of_lane: int, road: Road, outermost: bool) -> None:
    lane = element(side, "lane", id=str(number_of_lane), type="driving", level="false")
    element(lane, "width", sOffset="0", a=number(road.lane_width), b="0", c="0", d="0")
    _mark(lane, "solid" if outermost else "broken", "white")


def _mark(lane: ET.Element, kind: str, colour: str) -> None:
    element(lane, "roadMark", sOffset="0", type=kind, weight="standard", color=colour, width="0.12", laneChange="both")
