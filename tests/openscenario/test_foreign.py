"""Files that drivesim did not write: what is read of them, and what is refused, by its line."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from drivesim.config import InputError
from drivesim.openscenario.read_scenario import read_openscenario
from drivesim.scenario.actions import LaneChangeAction, SpeedAction
from drivesim.scenario.sections import PlacedVehicle

ROAD = """\
<OpenDRIVE>
  <header revMajor="1" revMinor="6"/>
  <road name="" length="900" id="0" junction="-1">
    <type s="0" type="motorway"/>
    <planView><geometry s="0" x="0" y="0" hdg="0" length="900"><arc curvature="0.001"/></geometry></planView>
    <lanes><laneSection s="0">
      <center><lane id="0" type="none"/></center>
      <right>
        <lane id="-1" type="driving"><width sOffset="0" a="3.5" b="0" c="0" d="0"/></lane>
        <lane id="-2" type="driving"><width sOffset="0" a="3.5" b="0" c="0" d="0"/></lane>
        <lane id="-3" type="shoulder"><width sOffset="0" a="2" b="0" c="0" d="0"/></lane>
      </right>
    </laneSection></lanes>
  </road>
</OpenDRIVE>
"""


def vehicle(name: str, category: str) -> str:
    return f"""\
<ScenarioObject name="{name}"><Vehicle name="model" vehicleCategory="{category}">
  <BoundingBox><Center x="1.4" y="0" z="0.75"/><Dimensions width="2" length="5" height="1.5"/></BoundingBox>
  <Performance maxSpeed="69" maxAcceleration="10" maxDeceleration="10"/>
  <Axles><FrontAxle maxSteering="0.5" wheelDiameter="0.8" trackWidth="1.68" positionX="2.98" positionZ="0.4"/>
    <RearAxle maxSteering="0.5" wheelDiameter="0.8" trackWidth="1.68" positionX="0" positionZ="0.4"/></Axles><Properties/>
</Vehicle></ScenarioObject>"""


SCENARIO = f"""\
<?xml version="1.0"?>
<OpenSCENARIO>
<FileHeader revMajor="1" revMinor="1" date="2020-01-01T00:00:00" description="Cut-in" author="somebody"/>
<ParameterDeclarations><ParameterDeclaration name="Gap" parameterType="double" value="6.5"/></ParameterDeclarations>
<CatalogLocations/>
<RoadNetwork><LogicFile filepath="road.xodr"/></RoadNetwork>
<Entities>{vehicle("Ego", "car")}{vehicle("Over Taker", "van")}</Entities>
<Storyboard><Init><Actions>
<Private entityRef="Ego">
  <PrivateAction><TeleportAction>
    <Position><LanePosition roadId="0" laneId="-2" s="50" offset="0"/></Position></TeleportAction></PrivateAction>
  <PrivateAction><LongitudinalAction><SpeedAction><SpeedActionDynamics dynamicsShape="step" value="0" dynamicsDimension="time"/>
    <SpeedActionTarget><AbsoluteTargetSpeed value="25"/></SpeedActionTarget></SpeedAction></LongitudinalAction></PrivateAction>
</Private>
<Private entityRef="Over Taker">
  <PrivateAction><TeleportAction><Position><RoadPosition roadId="0" s="70" t="-1.75"/></Position></TeleportAction></PrivateAction>
</Private>
</Actions></Init>
<Story name="s"><Act name="a"><ManeuverGroup name="g" maximumExecutionCount="1">
<Actors selectTriggeringEntities="false"><EntityRef entityRef="Over Taker"/></Actors>
<Maneuver name="m"><Event name="e" priority="overwrite">
<Action name="x"><PrivateAction><LateralAction><LaneChangeAction>
  <LaneChangeActionDynamics dynamicsShape="sinusoidal" value="2.5" dynamicsDimension="time"/>
  <LaneChangeTarget><AbsoluteTargetLane value="-2"/></LaneChangeTarget></LaneChangeAction></LateralAction></PrivateAction></Action>
<Action name="y"><PrivateAction><LongitudinalAction><SpeedAction>
  <SpeedActionDynamics dynamicsShape="linear" value="3" dynamicsDimension="rate"/>
<SpeedActionTarget><AbsoluteTargetSpeed value="20"/></SpeedActionTarget></SpeedAction></LongitudinalAction></PrivateAction></Action>
<StartTrigger><ConditionGroup><Condition name="c" delay="0" conditionEdge="rising"><ByEntityCondition>
  <TriggeringEntities triggeringEntitiesRule="any"><EntityRef entityRef="Ego"/></TriggeringEntities>
  <EntityCondition><RelativeDistanceCondition entityRef="Over Taker" relativeDistanceType="euclidianDistance" value="$Gap"
    freespace="true" rule="lessThan"/></EntityCondition></ByEntityCondition></Condition></ConditionGroup></StartTrigger>
</Event></Maneuver></ManeuverGroup>
<StartTrigger><ConditionGroup><Condition name="c" delay="0" conditionEdge="none"><ByValueCondition>
<SimulationTimeCondition value="0" rule="greaterThan"/></ByValueCondition></Condition></ConditionGroup></StartTrigger></Act></Story>
<StopTrigger/></Storyboard>
</OpenSCENARIO>
"""


def write(folder: Path, scenario: str = SCENARIO, road: str = ROAD) -> Path:
    (folder / "road.xodr").write_text(road)
    (folder / "Cut-in.xosc").write_text(scenario)
    return folder / "Cut-in.xosc"


def test_positions_are_measured_from_the_camera_to_the_middle_of_a_vehicle(tmp_path: Path) -> None:
    """Their origins are rear axles, and the road's reference line is to the left of both lanes."""
    scenario = read_openscenario(write(tmp_path))
    assert (scenario.name, scenario.traffic, scenario.look.time_of_day) == ("cut_in", "scripted", "day")
    assert (scenario.road.setting, scenario.road.lanes, scenario.road.ego_lane) == ("highway", 2, 2)
    assert math.isclose(1 / scenario.road.curvature, 1000 + 5.25), "the ego's lane is outside of the reference line"
    (van,) = scenario.vehicles
    assert isinstance(van, PlacedVehicle) and (van.name, van.kind, van.speed) == ("over_taker", "van", 0)
    assert math.isclose(van.ahead, (20 + 1.4 - 1.4 - 0.65) * 1.00525, abs_tol=1e-6), "the camera is 0.65 m before the ego's middle"
    assert math.isclose(van.left, 3.7), "a lane to the left, as wide as ours are"
    change, slower = van.actions
    assert isinstance(change, LaneChangeAction) and (change.lane, change.seconds) == (2, 2.5)
    assert isinstance(slower, SpeedAction) and (slower.target, slower.rate, slower.dynamics) == (20, 3, "linear")
    assert change.when == slower.when and change.when is not None and (change.when.distance, change.when.to) == (6.5, None)


@pytest.mark.parametrize(
    ("old", "new", "line", "words"),
    [
        ("<CatalogLocations/>", "<Teleporter/>", 5, "Teleporter: is not among what drivesim reads"),
        ('vehicleCategory="van"', 'vehicleCategory="bicycle"', 13, 'Vehicle: vehicleCategory="bicycle" is not read'),
        ('name="Ego"', 'name="Me"', 7, "Entities: 0 entities are called ego"),
        ('roadId="0" s="70"', 'roadId="7" s="70"', 27, 'RoadPosition: roadId="7" is not read, 0 is'),
        ("RoadPosition", "WorldPosition", 27, "WorldPosition: is not read, RoadPosition and LanePosition are"),
        ('s="70"', 's="far"', 27, 'RoadPosition: s="far" is no number'),
        ("LaneChangeAction>", "LaneOffsetAction>", 33, "LaneOffsetAction: is not read; SpeedAction"),
        ('AbsoluteTargetLane value="-2"', 'AbsoluteTargetLane value="1"', 35, "AbsoluteTargetLane: is a lane of the other"),
        ('freespace="true"', 'freespace="false"', 41, 'RelativeDistanceCondition: freespace="false" is not read'),
        ("$Gap", "$Gip", 41, 'RelativeDistanceCondition: value="$Gip" is no parameter'),
        ('entityRef="Over Taker" rel', 'entityRef="Nobody" rel', 41, 'RelativeDistanceCondition: no entity is called "Nobody"'),
        ('delay="0" conditionEdge="rising"', 'delay="1" conditionEdge="rising"', 39, "Condition: a delay is not read"),
        ('conditionEdge="rising"', 'conditionEdge="falling"', 39, 'Condition: conditionEdge="falling" is not read'),
        ('priority="overwrite"', 'priority="overwrite" maximumExecutionCount="3"', 32, 'Event: maximumExecutionCount="3"'),
        ('<SimulationTimeCondition value="0"', '<SimulationTimeCondition value="4"', 44, "StartTrigger: an act that begins later"),
        ('<?xml version="1.0"?>', '<!DOCTYPE a [<!ENTITY b "c">]>', 1, "declares an entity or a document type"),
        ("</Storyboard>", "", 46, "no XML (mismatched tag)"),
    ],
)  # fmt: skip
def test_what_is_not_read_is_refused_by_its_line(tmp_path: Path, old: str, new: str, line: int, words: str) -> None:
    assert old in SCENARIO
    file = write(tmp_path, SCENARIO.replace(old, new))
    with pytest.raises(InputError) as error:
        read_openscenario(file)
    message = str(error.value)
    assert words in message and "\n" not in message
    assert abs(int(message.split(":")[1]) - line) <= 1 and message.startswith(str(file)), message


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("arc curvature", "spiral curvStart", "spiral: is not read, line and arc are"),
        ('type="motorway"', 'type="bicycle"', 'type: type="bicycle" is not read'),
        ('id="-2" type="driving"><width sOffset="0" a="3.5" b="0"', 'id="-2" type="driving"><width sOffset="0" a="3.5" b="0.1"',
         "width: the width changes along the road"),
        ("<lanes>", '<elevationProfile><elevation s="0" a="0" b="0.02" c="0" d="0"/></elevationProfile><lanes>',
         "elevation: the road is not flat"),
        ("</OpenDRIVE>", '<road id="1" length="1" junction="-1"/></OpenDRIVE>', "road: holds 2 roads; one is read"),
        ("</OpenDRIVE>", '<junction id="1"/></OpenDRIVE>', "junction: is not among what drivesim reads"),
    ],
)  # fmt: skip
def test_roads_that_are_not_ours_are_refused(tmp_path: Path, old: str, new: str, words: str) -> None:
    assert old in ROAD
    with pytest.raises(InputError, match="road.xodr:[0-9]+: ") as error:
        read_openscenario(write(tmp_path, road=ROAD.replace(old, new)))
    assert words in str(error.value)


def test_a_road_that_is_missing_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="nowhere.xodr: cannot be read"):
        read_openscenario(write(tmp_path, SCENARIO.replace("road.xodr", "nowhere.xodr")))
