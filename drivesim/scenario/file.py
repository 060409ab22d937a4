"""Scenario files: reads and writes them, and finds every fault of every file at once, with its position."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError

from drivesim.config import InputError, Section, shortened, write_atomic
from drivesim.scenario.advice import crowdedness_remark, photo_remark, radians_remark
from drivesim.scenario.explanation import explain, found_value
from drivesim.scenario.names import is_folder, missing
from drivesim.scenario.rules_of_actions import script_conflicts
from drivesim.scenario.rules_of_placement import Conflict, conflicts
from drivesim.scenario.scenario import MAY_BE_EMPTY, TWO_SPEEDS, Scenario, has_older_speed, scenario_schema
from drivesim.scenario.sections import (
    SECTIONS,
    VEHICLE_FORMS,
    CameraSection,
    EgoSection,
    LookSection,
    RoadSection,
    TrafficMode,
    Vehicle,
    vehicle_tag,
)
from drivesim.scenario.yaml_document import MAX_SIZE, TOO_LARGE, Fault, OneLine, YamlDocument, yaml_text
from drivesim.video_format import MAX_VEHICLES
from drivesim.video_io import read_image

__all__ = ["SECTIONS", "Fault", "check_scenarios", "dump_scenario", "load_scenario", "parse_scenario", "read_scenario"]
__all__ += ["read_beside", "scenario_files", "scenario_schema"]

_LOG = logging.getLogger(__name__)  # its warnings go to stderr, unless a program sets that up otherwise
MIN_PHOTO = (16, 8)  # px, width and height: its middle is cut to 2:1 and scaled to the frames of the networks
STREAMS = ("/", "dev"), ("/", "proc")  # where pipes have their names: a photo's path is relative to the working folder then
S = TypeVar("S", bound=Section)


def load_scenario(path: Path) -> Scenario:
    """Reads a scenario, its `photo` made absolute; raises InputError that lists every fault, one a line."""
    return read_scenario(path)[0]


def read_scenario(path: Path) -> tuple[Scenario, bytes]:
    """As `load_scenario`, with the bytes of the file, which is read once: it may be a pipe, and - is standard input."""
    scenario, document, data = _read(Path(path))
    if scenario is None:
        raise InputError("\n".join(map(str, document.faults)))
    return scenario, data


def read_beside(path: Path, key: str) -> tuple[Scenario, YamlDocument, bytes]:
    """As `read_scenario`, of a file that may have a further `key`: the document has its values, and takes faults in them."""
    scenario, document, data = _read(Path(path), key)
    if scenario is None:
        raise InputError("\n".join(map(str, document.faults)))
    return scenario, document, data


def parse_scenario(
    text: str, path: Path, photos_within: Path | None = None
) -> tuple[Scenario | None, list[Fault]]:
    """The scenario that `text` holds and every fault of it; the scenario is None if there is any fault.

    `path` need not exist: it names the file in the faults, and its folder is where a relative `photo` is looked for.
    For a text that is not trusted, `photos_within` is the only folder of which a photo is opened.
    """
    scenario, document = _parse(text, Path(path), photos_within)
    return scenario, document.faults


def scenario_files(paths: Iterable[Path]) -> list[Path]:
    """The files of `paths`, each once; a folder stands for all *.yaml and *.yml in it (for itself if there are none)."""
    files: dict[str, Path] = {}
    for path in map(Path, paths):
        found = [*path.glob("*.yaml"), *path.glob("*.yml")] if os.path.isdir(path) else []  # noqa: PTH112, never raises
        for file in sorted(found) or [path]:
            files.setdefault(os.path.realpath(file), file)
    return list(files.values())


def check_scenarios(
    paths: Iterable[Path], remarks: Callable[[Scenario], Iterable[Conflict]] = lambda _: ()
) -> list[Fault]:
    """Every fault of every file (see `scenario_files`), file by file; two files must not have the same name.

    What `remarks` says of a scenario that is valid is logged as a warning, with its place.
    """
    faults: list[Fault] = []
    seen: dict[str, Path] = {}
    for path in scenario_files(paths):
        scenario, document, _ = _read(path)
        for conflict in remarks(scenario) if scenario is not None else ():
            document.remark(conflict.location, conflict.message)
            _LOG.warning("%s", document.remarks[-1])
        name = document.values.get("name") if isinstance(document.values, dict) else None
        if isinstance(name, str) and seen.setdefault(name, path) != path:
            document.fault(("name",), f'the name "{shortened(name)}" is also that of {seen[name]}; rename one of the two')
        faults += document.faults
    return faults


def dump_scenario(scenario: Scenario, path: Path) -> None:
    """Writes a file that `load_scenario` reads back as an equal scenario; `photo` is written relative to `path`."""
    values = scenario.model_dump(mode="json", exclude_none=True)
    if scenario.photo is not None:
        values["photo"] = os.path.relpath(scenario.photo.resolve(), path.parent.resolve())
    if not values["ego"]["actions"]:
        del values["ego"]["actions"]
    values["vehicles"] = [OneLine({k: v for k, v in vehicle.items() if v != []}) for vehicle in values["vehicles"]]
    write_atomic(path, yaml_text(_short(values)))


def _short(value: Any) -> Any:
    """The same values with 30.0 written as 30."""
    if isinstance(value, dict):
        return type(value)({key: _short(v) for key, v in value.items()})
    if isinstance(value, list):
        return [_short(v) for v in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _read(path: Path, beside: str = "") -> tuple[Scenario | None, YamlDocument, bytes]:
    path = Path("/dev/stdin") if str(path) == "-" else path
    document, data = YamlDocument("", str(path)), b""
    try:
        with path.open("rb") as file:
            data = file.read(MAX_SIZE + 1)
        if len(data) <= MAX_SIZE:
            scenario, document = _parse(data.decode(), path, beside=beside)
            for remark in document.remarks:
                _LOG.warning("%s", remark)
            return scenario, document, data
        document.fault((), TOO_LARGE)
    except FileNotFoundError:
        document.fault((), missing(path))
    except IsADirectoryError:
        document.fault((), is_folder(path))
    except UnicodeDecodeError as error:
        before = error.object[: error.start].decode()
        document.fault_after(before, f"byte 0x{error.object[error.start]:02X} is no UTF-8 text; save the file as UTF-8")
    except (OSError, ValueError) as error:
        document.fault((), f"cannot be read: {getattr(error, 'strerror', error)}; check path and permissions")
    return None, document, data


def _parse(
    text: str, path: Path, photos_within: Path | None = None, beside: str = ""
) -> tuple[Scenario | None, YamlDocument]:
    document = YamlDocument(text, str(path))
    values = document.values
    if not isinstance(values, dict):
        if not document.faults:
            document.fault((), f'expected the keys "name", "look" and so on, not {found_value(values)}')
        return None, document
    values = {key: value for key, value in values.items() if key != beside and (value is not None or key not in MAY_BE_EMPTY)}
    if isinstance(values.get("photo"), str):
        values = values | {"photo": _checked_photo(values["photo"], path, document, photos_within)}
    scenario = None
    try:
        scenario = Scenario.model_validate(values)
        for i, vehicle in enumerate(scenario.vehicles):
            if remark := radians_remark(vehicle.heading):
                document.remark(("vehicles", i, "heading"), remark)
        if remark := crowdedness_remark(scenario.look.crowdedness, scenario.scene_boxes().crowdedness):
            document.remark(("look", "crowdedness"), remark)
    except ValidationError as error:
        explain(error, values, document)
        _contradictions(values, document)
    return (None if document.faults else scenario), document


def _checked_photo(photo: str, path: Path, document: YamlDocument, within: Path | None) -> str:
    """Absolute path of `photo`: an image of at least MIN_PHOTO pixels, in the folder `within` if there is one."""
    folder = Path.cwd() if path.parts[:2] in STREAMS else path.parent.absolute()
    absolute = os.path.normpath(folder / photo)
    if within is not None and not _is_within(absolute, within):
        message = f'"{shortened(photo, 80)}" is not in the folder that photos are taken from; upload the photo'
        document.fault(("photo",), message)
        return absolute
    try:
        height, width = read_image(absolute).shape[:2]
        if width < MIN_PHOTO[0] or height < MIN_PHOTO[1]:
            least = f"{MIN_PHOTO[0]}x{MIN_PHOTO[1]}"
            document.fault(("photo",), f"photo {absolute} has {width}x{height} pixels; it needs at least {least}")
        elif remark := photo_remark(height, width):
            document.remark(("photo",), remark)
    except InputError as error:
        document.fault(("photo",), f"photo {error} (the path is relative to this file)")
    return absolute


def _is_within(path: str, folder: Path) -> bool:
    """Whether `path` is below `folder`, wherever links lead."""
    try:
        return Path(os.path.realpath(path)).is_relative_to(os.path.realpath(folder))
    except (OSError, ValueError):
        return False


def _contradictions(values: dict[str, Any], document: YamlDocument) -> None:
    """Adds what the sections contradict each other in, as far as they can be read by themselves."""
    look = _section(LookSection, values.get("look"))
    road = _section(RoadSection, values.get("road", {}))
    camera = _section(CameraSection, values.get("camera", {}))
    vehicles: dict[int, Vehicle] = {}
    listed = values.get("vehicles", [])
    for i, entry in enumerate(listed[:MAX_VEHICLES] if isinstance(listed, list) else []):
        form = vehicle_tag(entry)
        if form == "boxed":  # other keys, right or wrong, do not change where it is
            entry = {key: entry[key] for key in ("box", "kind") if key in entry}
        vehicle = _section(VEHICLE_FORMS[form], entry)
        if vehicle is not None:
            vehicles[i] = vehicle  # type: ignore[assignment]
    if has_older_speed(values) and isinstance(values.get("ego"), dict) and "speed" in values["ego"]:
        document.fault(("rollout", "speed"), TWO_SPEEDS, at_key=True)
    ego = values.get("ego", {})
    mode: TrafficMode = "free" if values.get("traffic") == "free" else "simulated"
    found = conflicts(look, road, camera.model() if camera else None, vehicles)
    found += script_conflicts(road, _section(EgoSection, ego), vehicles, mode)
    for conflict in found:
        document.fault(conflict.location, conflict.message)


def _section(model: type[S], values: Any) -> S | None:
    try:
        return model.model_validate(values)
    except ValidationError:
        return None
