"""What ego and vehicles are told to do: actions and their triggers, with the words and meanings of OpenSCENARIO.

An actor's speed is one domain, its lateral motion another: a stop and a speed action are of the first, a lane change and
waypoints of the second. A new action of a domain ends the one that runs in it.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, get_args

from pydantic import Discriminator, Field, Tag

from drivesim.config import Real, Section

EGO = "ego"  # how a trigger names the car with the camera
Dynamics = Literal["linear", "sinusoidal", "step"]
ActionName = Literal["speed", "stop", "lane_change", "follow_waypoints"]
MAX_ACTIONS, MAX_WAYPOINTS = 16, 32


class Trigger(Section):
    """When an action starts: one of time, distance and time_to_collision."""

    time: Real | None = Field(default=None, ge=0.0, le=600.0, description="Seconds after the first frame.")
    distance: Real | None = Field(
        default=None, ge=0.0, le=300.0, description="Starts when the metres between the two outlines fall below it."
    )
    time_to_collision: Real | None = Field(
        default=None,
        gt=0.0,
        le=60.0,
        description="Starts when it falls below these seconds: the gap along the road over the speed at which it closes.",
    )
    to: str | None = Field(
        default=None,
        max_length=64,
        description='Whom distance and time_to_collision are measured to: "ego" or the name of a vehicle; a vehicle\'s '
        "triggers are measured to the ego if this is left out.",
    )


class Action(Section):
    """Base of the actions."""

    action: str = Field(description="The action: speed, stop, lane_change or follow_waypoints.")
    when: Trigger | None = Field(
        default=None, description="What starts it, such as {time: 2}; left out, it starts with the first frame."
    )


class SpeedAction(Action):
    """Changes the speed to a target, over a time or at a rate."""

    action: Literal["speed"] = Field(description="Changes the speed to the target.")
    target: Real = Field(ge=0.0, le=45.0, description="Metres a second.")
    dynamics: Dynamics = Field(default="linear", description="How the speed changes; a step changes it at once.")
    seconds: Real | None = Field(default=None, gt=0.0, le=600.0, description="How long the change takes.")
    rate: Real | None = Field(
        default=None, gt=0.0, le=12.0, description="Metres a second squared; of a sinusoidal change the greatest."
    )


class StopAction(Action):
    """Brakes to a standstill, evenly, over a time or at a rate."""

    action: Literal["stop"] = Field(description="Brakes to a standstill.")
    seconds: Real | None = Field(default=None, gt=0.0, le=600.0, description="How long it brakes.")
    rate: Real | None = Field(default=None, gt=0.0, le=12.0, description="Metres a second squared, positive.")


class LaneChangeAction(Action):
    """Moves to the middle of another lane along half a period of a sine; it waits while the vehicle stands."""

    action: Literal["lane_change"] = Field(description="Changes the lane.")
    lane: int | None = Field(
        default=None, ge=1, le=5, description="The lane to change to, of the ego's direction, counted from the left."
    )
    by: int | None = Field(
        default=None, ge=-5, le=5, description="By how many lanes, as the driver sees it; positive is to the left."
    )
    seconds: Real = Field(default=3.0, ge=0.5, le=60.0, description="How long the change takes.")


class WaypointsAction(Action):
    """Follows a smooth curve through points, at the vehicle's speed, and then goes on in the last direction."""

    action: Literal["follow_waypoints"] = Field(description="Follows points on the road.")
    waypoints: Annotated[
        tuple[Annotated[tuple[Real, ...], Field(strict=False, min_length=2, max_length=2)], ...],
        Field(strict=False, min_length=1, max_length=MAX_WAYPOINTS),
    ] = Field(
        description=f"1 to {MAX_WAYPOINTS} points [ahead, left], in metres along the road from where the camera is in the "
        "first frame, and left of the centre of the ego's lane."
    )


AnyActionValue = SpeedAction | StopAction | LaneChangeAction | WaypointsAction
ACTION_FORMS: dict[str, type[Action]] = {
    "speed": SpeedAction,
    "stop": StopAction,
    "lane_change": LaneChangeAction,
    "follow_waypoints": WaypointsAction,
}
ACTION_NAMES: tuple[ActionName, ...] = get_args(ActionName)


def action_tag(values: Any) -> str:
    """Which action it is; speed, whose form then says what is wrong, where it is none of them."""
    name = values.get("action") if isinstance(values, dict) else getattr(values, "action", None)
    return name if isinstance(name, str) and name in ACTION_FORMS else "speed"


AnyAction = Annotated[
    Annotated[SpeedAction, Tag("speed")]
    | Annotated[StopAction, Tag("stop")]
    | Annotated[LaneChangeAction, Tag("lane_change")]
    | Annotated[WaypointsAction, Tag("follow_waypoints")],
    Discriminator(action_tag),
]
Actions = Annotated[tuple[AnyAction, ...], Field(strict=False, max_length=MAX_ACTIONS)]
