"""Of which class the things beside the road are."""

from __future__ import annotations

from drivesim.roadside import things
from drivesim.roadside.things import Thing
from drivesim.scene.classes import SceneClass

_CLASSES: dict[type, SceneClass] = {
    things.Barrier: SceneClass.KERB_OR_RAIL,
    things.GuardRail: SceneClass.KERB_OR_RAIL,
    things.Fence: SceneClass.KERB_OR_RAIL,
    things.Sign: SceneClass.POLE_OR_SIGN,
    things.Truss: SceneClass.POLE_OR_SIGN,
    things.Overpass: SceneClass.BUILDING,
    things.StreetLamp: SceneClass.POLE_OR_SIGN,
    things.TrafficLight: SceneClass.POLE_OR_SIGN,
    things.PowerPole: SceneClass.POLE_OR_SIGN,
    things.Wire: SceneClass.POLE_OR_SIGN,
    things.Bin: SceneClass.POLE_OR_SIGN,
    things.Building: SceneClass.BUILDING,
    things.House: SceneClass.BUILDING,
}


def class_of(thing: Thing) -> SceneClass:
    """Class of all pixels that show a thing."""
    if isinstance(thing, things.Wall):  # a noise wall closes the view as a house does
        return SceneClass.BUILDING if thing.height > 2 else SceneClass.KERB_OR_RAIL
    if isinstance(thing, things.Pole):  # piers belong to their bridge
        return SceneClass.BUILDING if thing.material == "concrete" else SceneClass.POLE_OR_SIGN
    return _CLASSES[type(thing)]
