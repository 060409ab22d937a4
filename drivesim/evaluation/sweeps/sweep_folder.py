"""The folder of a sweep: what is to be made, what is there, and the index of it.

    DIR/sweep.yaml                   the file, as it was read
    DIR/sweep.json                   the runs with their parameters
    DIR/run-0000/                    the output folder of a rollout
    DIR/failures/run-0003.txt        why a run failed, until it is made
    DIR/index.csv  DIR/index.parquet a row a run: parameters, state, seconds and figures; made anew from the others at any time
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

import drivesim
from drivesim.config import Config, InputError, read_json, write_atomic
from drivesim.evaluation.sweeps.sweep_file import Sweep
from drivesim.evaluation.sweeps.sweep_runs import PlannedRun, SweepOptions
from drivesim.evaluation.sweeps.workers import RunOutcome
from drivesim.rollout.manifest import MANIFEST, Manifest, read_manifest

SWEEP_JSON, SWEEP_TEXT, FAILURES = "sweep.json", "sweep.yaml", "failures"
FORMAT, MADE_BY = 1, "drivesim sweep"


class SweptRun(Config):
    """A run, as sweep.json has it; `fault` says why it makes no scenario."""

    name: str
    parameters: dict[str, Any]
    fault: str
    digest: str


class SweepRecord(Config):
    """sweep.json."""

    format: int
    made_by: str
    version: str
    name: str
    file: str
    options: dict[str, Any]
    runs: list[SweptRun]


@dataclass(frozen=True)
class RunState:
    """Of a run: complete, failed, begun, waiting or invalid (it makes no scenario); the sentence why, and what is made of it."""

    run: SweptRun
    state: str
    fault: str
    manifest: Manifest | None


@dataclass(frozen=True)
class SweepFolder:
    """A folder that `drivesim sweep` made."""

    path: Path
    record: SweepRecord

    @classmethod
    def open(cls, path: Path) -> Self:
        """The sweep in a folder; InputError if there is none, or this version does not read it."""
        if not (path / SWEEP_JSON).is_file():
            raise InputError(f"{path}: holds no sweep (no {SWEEP_JSON}); give the folder that drivesim sweep wrote")
        values = read_json(path / SWEEP_JSON)
        if values.get("made_by") != MADE_BY or values.get("format") != FORMAT:
            raise InputError(f"{path / SWEEP_JSON}: is of no sweep that this version reads; give another folder")
        return cls(path, SweepRecord.parse(values, path / SWEEP_JSON))

    @classmethod
    def prepare(cls, path: Path, sweep: Sweep, runs: Sequence[PlannedRun], options: SweepOptions) -> Self:
        """The folder of these runs, begun or gone on with; InputError if it holds something else."""
        record = SweepRecord(
            format=FORMAT, made_by=MADE_BY, version=drivesim.__version__, name=sweep.scenario.name, file=str(sweep.path),
            options=json.loads(json.dumps(asdict(options), default=str)),
            runs=[SweptRun(name=r.name, parameters=r.parameters, fault=r.fault, digest=r.digest) for r in runs],
        )  # fmt: skip
        if is_sweep(path):
            _check_same(path, cls.open(path).record, record)
        elif any(entry.name != ".lock" for entry in path.iterdir()):
            raise InputError(f"{path}: is not empty, and no sweep made it (no {SWEEP_JSON}); give another --out")
        (path / SWEEP_TEXT).write_bytes(sweep.text)
        write_atomic(path / SWEEP_JSON, json.dumps(record.model_dump(mode="json"), indent=1) + "\n")
        return cls(path, record)

    def state(self, run: SweptRun) -> RunState:
        """What is there of a run."""
        manifest = _manifest(self.path / run.name)
        if run.fault:
            return RunState(run, "invalid", run.fault, manifest)
        if manifest is not None and manifest.futures and len(manifest.complete) == len(manifest.futures) >= self._futures(manifest):
            return RunState(run, "complete", "", manifest)
        failure = self.path / FAILURES / f"{run.name}.txt"
        if failure.is_file():
            return RunState(run, "failed", failure.read_text(encoding="utf-8").partition("\n")[0], manifest)
        return RunState(run, "waiting" if manifest is None else "begun", "", manifest)

    def states(self) -> list[RunState]:
        """Those of all runs, in order."""
        return [self.state(run) for run in self.record.runs]

    def note(self, outcome: RunOutcome) -> RunState:
        """Keeps why a run failed, or forgets why it did: what is there of it now."""
        run = next(run for run in self.record.runs if run.name == outcome.name)
        place = self.path / FAILURES / f"{run.name}.txt"
        place.unlink(missing_ok=True)
        state, fault = self.state(run), outcome.fault
        if not fault and state.state != "complete":
            fault = f"was made, and is not there; {self.path} must be the same folder on all machines of the cluster"
        if not fault:
            return state
        place.parent.mkdir(exist_ok=True)
        write_atomic(place, f"{' '.join(fault.split())}\n{outcome.trace}")
        return self.state(run)

    def _futures(self, manifest: Manifest) -> int:
        """How many futures are asked of a run."""
        return int(self.record.options.get("futures") or manifest.scenario["rollout"]["futures"])


def is_sweep(path: Path) -> bool:
    """Whether a sweep made the folder."""
    return (path / SWEEP_JSON).is_file()


def _manifest(folder: Path) -> Manifest | None:
    """The manifest of a run, if it is begun and can be read."""
    try:
        return read_manifest(folder) if (folder / MANIFEST).is_file() else None
    except InputError:
        return None


def _check_same(path: Path, before: SweepRecord, now: SweepRecord) -> None:
    """InputError where runs that are there would be others now; more of them may come after."""
    advice = "give another --out"
    for name in sorted(before.options.keys() | now.options.keys()):
        if (was := before.options.get(name)) != (new := now.options.get(name)):
            raise InputError(f"{path}: was begun with {name} {_word(was)}, not {_word(new)}; {advice}")
    if len(now.runs) < len(before.runs):
        raise InputError(f"{path}: was begun with {len(before.runs)} runs, now there are {len(now.runs)}; {advice}")
    for old, new in zip(before.runs, now.runs, strict=False):
        for name in sorted(old.parameters.keys() | new.parameters.keys()):
            if (was := old.parameters.get(name)) != (is_now := new.parameters.get(name)):
                raise InputError(f"{path}: {name} of {old.name} was {_word(was)}, is {_word(is_now)}; {advice}")
        if old.digest != new.digest:
            raise InputError(f"{path}: was begun with another scenario beside what varies; {advice}")


def _word(value: Any) -> str:
    return "not given" if value is None else str(value)
