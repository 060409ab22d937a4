"""Classes become kinds by their names, or as somebody says."""

from __future__ import annotations

import pytest

from drivesim.config import InputError
from drivesim.dataset.importers.kinds import kinds_of, parse_kinds


def test_usual_names_are_known_whatever_their_case() -> None:
    names = ["Car", "Van", "Pedestrian", "BUS", "vehicle.bus.bendy", "traffic_light", "police_car"]
    expected = {"Car": "sedan", "Van": "van", "BUS": "bus", "vehicle.bus.bendy": "bus", "police_car": "sedan"}
    assert kinds_of(names, {}, "a folder") == expected


def test_what_is_given_comes_first() -> None:
    assert kinds_of(["Car", "Tram"], {"car": "suv", "tram": "bus"}, "a folder") == {"Car": "suv", "Tram": "bus"}


def test_what_cannot_be_is_said() -> None:
    with pytest.raises(InputError, match=r"--kinds tarm: a folder has no such class; it has Car, Tram"):
        kinds_of(["Car", "Tram"], {"tarm": "bus"}, "a folder")
    with pytest.raises(InputError, match=r"none of its classes \(Tree\) is known as a vehicle; .* --kinds Tree=sedan"):
        kinds_of(["Tree"], {}, "a folder")


def test_kinds_are_read_from_text() -> None:
    assert parse_kinds("Tram=bus, a b = VAN") == {"Tram": "bus", "a b": "van"}
    for wrong in ("Tram", "Tram=", "=bus", "Tram=tram", ""):
        with pytest.raises(InputError, match="give CLASS=KIND"):
            parse_kinds(wrong)
