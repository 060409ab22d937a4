"""manifest.json: the job of an output folder, what is done of it, and the sums of what it holds."""

from __future__ import annotations

import json
import os
import platform
import resource
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Literal

import av
import numpy as np
import torch
from pydantic import Field, ValidationError

import drivesim
from drivesim.checksums import SUMS, file_hash, write_sums
from drivesim.config import Config, InputError, read_json, write_atomic
from drivesim.engine.settings import SamplingSettings
from drivesim.engine.timeline import Timeline
from drivesim.rollout.lock import FolderLock
from drivesim.scenario.scenario import Scenario
from drivesim.video_format import PHASES

FORMAT = 2
MADE_BY = "drivesim rollout"
MANIFEST = "manifest.json"
OF_DESKTOPS = (".DS_Store", ".localized", ".directory", "Thumbs.db", "desktop.ini")  # put by them into folders that they show
PHOTO = "photo"  # name of the photo's copy, but for the suffix


class Job(Config):
    """What decides the pixels. Two runs of the same job make the same futures; a folder holds one job."""

    scenario: str
    """sha256 of the scenario's text that is kept; another text may mean the same."""
    photo: str | None = None
    """sha256 of the photo that is the first frame, if there is one."""
    seed: int
    seconds: float
    fps: float
    sampling: SamplingSettings
    weights: dict[str, str]
    """sha256 of every file of the checkpoints that decides pixels, by name: image-ldm/weights-00.safetensors."""
    device: str

    @property
    def timeline(self) -> Timeline:
        """The frames of every future."""
        return Timeline.of(self.seconds, self.fps, self.sampling.prediction.context)


class FutureRecord(Config):
    """How far one future is: `windows` and `frames` that are safe on disk, `seconds` of work by phase.

    One that is complete may be shorter than the job, which was made longer after it: then it is made longer, too.
    """

    state: Literal["running", "complete"]
    windows: int
    frames: int
    seconds: dict[str, float]
    figures: dict[str, float | None] = Field(default_factory=dict)
    """Of a complete one, what its film earns: see judgement.verdict. Empty without a detector beside the weights."""


class Manifest(Config):
    """manifest.json."""

    format: int
    made_by: str
    job: Job
    scenario: dict[str, Any]
    versions: dict[str, str]
    machine: dict[str, Any]
    seconds: dict[str, float]
    """Seconds of work by phase over all futures, the first frame included."""
    peak_memory_mib: dict[str, float]
    futures: dict[str, FutureRecord]
    files: dict[str, str]
    """sha256 of every file that is finished, by name: future-00/video.mp4."""

    @property
    def complete(self) -> list[int]:
        """Numbers of the futures that are there in full."""
        frames = self.job.timeline.frames
        complete = (record.state == "complete" and record.frames == frames for record in self.futures.values())
        numbers = (future_number(name) for name, whole in zip(self.futures, complete, strict=True) if whole)
        return sorted(number for number in numbers if number is not None)


_FUTURE = "future-"
_IN_JOB = ("seconds", "fps", "futures", "seed")  # of a scenario's rollout: the job has what was asked in the end


class ManifestFile:
    """manifest.json of a folder that this process holds: every change is written at once."""

    def __init__(self, path: Path, manifest: Manifest, lock: FolderLock) -> None:
        self.path = path
        self.manifest = manifest
        self._lock = lock

    def save(self) -> None:
        """Writes manifest.json."""
        self._lock.check()
        write_atomic(self.path / MANIFEST, json.dumps(self.manifest.model_dump(mode="json"), indent=2) + "\n")

    def record(self, **changes: Any) -> None:
        """Changes fields of the manifest and writes it. The folder has no SHA256SUMS then, until it is sealed."""
        (self.path / SUMS).unlink(missing_ok=True)
        self.manifest = self.manifest.model_copy(update=changes)
        self.save()

    def keep(self, name: str, digest: str) -> None:
        """Notes a file as finished."""
        self.record(files=dict(sorted((self.manifest.files | {name: digest}).items())))

    def drop(self, *names: str) -> None:
        """Notes that files are not finished, so that they may be written."""
        if names := tuple(name for name in names if name in self.manifest.files):
            self.record(files={name: digest for name, digest in self.manifest.files.items() if name not in names})

    def has(self, name: str) -> bool:
        """Whether a file is finished and there."""
        return name in self.manifest.files and (self.path / name).is_file()

    def seal(self) -> None:
        """Writes SHA256SUMS, of the finished files and the manifest."""
        if not (self.path / SUMS).is_file():
            self._lock.check()
            write_sums(self.path / SUMS, self.manifest.files | {MANIFEST: file_hash(self.path / MANIFEST)})

    def check_place(self) -> None:
        """MachineError if the folder is gone."""
        self._lock.check()


def future_name(number: int) -> str:
    """Name of a future's folder."""
    return f"{_FUTURE}{number:02d}"


def future_number(name: str) -> int | None:
    """Number of the future that a file belongs to, by its name in the output folder (future-00/video.mp4), if to any."""
    folder = name.split("/")[0]
    number = folder.removeprefix(_FUTURE)
    return int(number) if number != folder and number.isdecimal() else None


def future_folders(folder: Path) -> list[Path]:
    """What looks like the folder of a future in an output folder, by name."""
    return sorted(folder.glob(f"{_FUTURE}[0-9]*"))


def machine_facts(device: torch.device) -> dict[str, Any]:
    """Where a rollout is made."""
    return {
        "system": platform.platform(),
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "device": torch.cuda.get_device_name(device) if device.type == "cuda" else "cpu",
    }


def versions() -> dict[str, str]:
    """Versions of what makes a rollout."""
    return {
        "drivesim": drivesim.__version__,
        "python": platform.python_version(),
        "torch": torch.__version__,
        "numpy": np.__version__,
        "av": av.__version__,
    }


def seconds_together(earlier: Mapping[str, float], more: Mapping[Any, float]) -> dict[str, float]:
    """Seconds by phase, those of earlier runs and more."""
    return {phase: round(earlier.get(phase, 0.0) + more[phase], 3) for phase in PHASES}


def peak_memory(earlier: Mapping[str, float]) -> dict[str, float]:
    """Peak resident memory of this process, and of the GPU, in MiB, or what an earlier run reached."""
    peak = {"process": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}
    if torch.cuda.is_available():
        peak["gpu"] = torch.cuda.max_memory_allocated() / 2**20
    return {name: round(max(value, earlier.get(name, 0.0)), 1) for name, value in peak.items()}


def read_manifest(folder: Path) -> Manifest:
    """The manifest of an output folder; InputError if there is none, it is damaged or no rollout wrote it."""
    file = folder / MANIFEST
    values = _own_values(file)
    if values.get("format") != FORMAT:
        raise InputError(
            f"{file}: format {values.get('format')} is not {FORMAT}, of which this version is; use the version that wrote it, "
            "start anew with --fresh or give another --out"
        )
    _read_older(values)
    return Manifest.parse(values, file)


def _read_older(values: dict[str, Any]) -> None:
    """Says in today's words what earlier manifests say: interpolation had a batch, which decided no more than memory, both were
    sampled alike, guided estimates were not rescaled, and upsampling began with noise alone."""
    for name in ("job", "sampling"):
        values = group if isinstance(group := values.get(name), dict) else {}
    for name in ("image", "prediction", "interpolation"):
        if isinstance(group := values.get(name), dict):
            group.pop("batch", None) if name == "interpolation" else group.setdefault("rescale", 0.0)
    if isinstance(between := values.get("interpolation"), dict):
        values.setdefault("first_interpolation", dict(between))
    if isinstance(group := values.get("super_resolution"), dict):
        group.setdefault("noise", 1.0)


def is_rollout(folder: Path) -> bool:
    """Whether a rollout made the folder, False if it is empty or new; InputError if it holds something else."""
    if (folder / MANIFEST).is_file():
        _own_values(folder / MANIFEST)
        return True
    if any(not _is_remnant(entry) for entry in folder.iterdir()):
        raise InputError(f"{folder}: not empty, and no rollout made it (no {MANIFEST}); give another --out")
    return False


def _own_values(file: Path) -> dict[str, Any]:
    values = read_json(file)
    if values.get("made_by") != MADE_BY:
        raise InputError(f"{file}: not the manifest of a rollout; give another --out")
    return values


def _is_remnant(entry: Path) -> bool:
    """Whether a rollout that was killed in its first moment left this, or a desktop that has shown the folder."""
    if entry.name in OF_DESKTOPS or entry.name.startswith("._"):
        return True
    return entry.name == ".lock" or (entry.name.startswith(MANIFEST) and entry.name.endswith(".part"))


def differences(old: Manifest, new: Manifest) -> list[str]:
    """In which the jobs of two manifests differ, each with the old and the new value; length and text are not compared.

    Of scenarios the meaning is compared: comments, the order of keys and the way that numbers are written have none. The order of
    vehicles has: it numbers their tracks, and traffic draws for them in turn.
    """
    before, now = (dict(_leaves(manifest.job.model_dump(exclude={"scenario", "seconds"}))) for manifest in (old, new))
    if (was := _meaning(old.scenario)) != (meant := _meaning(new.scenario)):
        before |= _leaves({"scenario": was})
        now |= _leaves({"scenario": meant})
    return [
        f"{name} was {_short(before.get(name))}, is {_short(now.get(name))}"
        for name in sorted(before.keys() | now.keys())
        if before.get(name) != now.get(name)
    ]


def _meaning(values: dict[str, Any]) -> dict[str, Any]:
    """What a scenario's values in a manifest decide that its job does not say.

    Values of an earlier version are filled up with what is implied today; those that are none today stay as they are.
    """
    values = {key: value for key, value in values.items() if key != "file"}
    with suppress(ValidationError):
        values = Scenario.model_validate_json(json.dumps(values)).model_dump(mode="json")
    rollout = {key: value for key, value in values.get("rollout", {}).items() if key not in _IN_JOB}
    return {key: value for key, value in values.items() if key != "photo"} | {"rollout": rollout}


def _leaves(values: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    """The values within nested dicts and lists, by dotted name."""
    if isinstance(values, dict | list) and values:
        for key, value in values.items() if isinstance(values, dict) else enumerate(values):
            yield from _leaves(value, f"{name}.{key}" if name else str(key))
    else:
        yield name, values


def _short(value: Any) -> str:
    """A value in words; of a sum its beginning."""
    if value is None:
        return "not given"
    text = str(value)
    return text[:12] if len(text) == 64 else text
