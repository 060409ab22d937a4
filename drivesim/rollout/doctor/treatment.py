"""The repair of what can be computed again. Nothing is removed before all is there that its replacement needs.

Of a rollout that is the scenario and the photo, which the folder has itself, and for pixels the weights and the device as they
were. What has to be made again stays where it is until the new file takes its name.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from drivesim.checkpoint import sign_checkpoint
from drivesim.checksums import SUMS
from drivesim.config import InputError, Say
from drivesim.engine.progress import Progress
from drivesim.rollout.disk import check_space, needed_bytes
from drivesim.rollout.doctor.examination import Report, examine
from drivesim.rollout.folder import FIRST_FRAME, PREVIEW, RolloutFolder
from drivesim.rollout.inputs import TEXT, Inputs
from drivesim.rollout.lock import FolderLock
from drivesim.rollout.manifest import MANIFEST, PHOTO, Manifest, differences, future_number, read_manifest
from drivesim.rollout.request import Plan, Request
from drivesim.rollout.run import carry_out

Watch = Callable[[Progress], None]


def repair(
    report: Report,
    checkpoints: Path | None = None,
    on_change: Watch = lambda _: None,
    say: Say = lambda _: None,
) -> Report:
    """Makes again what is damaged, where it can be computed: what is found afterwards.

    Of a rollout that needs its weights (`checkpoints`; None: the shipped ones) and its device as they were. Of a checkpoint
    only the sums can be written, where there are none and the rest can be loaded. InputError where something cannot be made;
    it stays as it is then, and what could be made without it has been made.
    """
    folder = report.folder
    if not report.faults:
        return report
    if not (folder / MANIFEST).is_file():
        _sign(report)
    elif MANIFEST in report.faults:
        raise InputError(
            f"{folder / MANIFEST}: {report.faults[MANIFEST]}, and it cannot be computed; "
            "restore it from a copy, or roll out anew with --fresh"
        )
    else:
        _mend_rollout(report, checkpoints, on_change, say)
    return examine(folder)


def _sign(report: Report) -> None:
    """Writes the sums of checkpoints that have none."""
    mended = [name for name in report.faults if Path(name).name == SUMS and not (report.folder / name).exists()]
    if not mended or len(mended) < len(report.faults):
        lost = next(name for name in report.faults if name not in mended)
        raise InputError(
            f"{report.folder / lost}: {report.faults[lost]}, and weights cannot be computed; copy or export them again"
        )
    for name in mended:
        sign_checkpoint((report.folder / name).parent)


def _mend_rollout(report: Report, checkpoints: Path | None, on_change: Watch, say: Say) -> None:
    """Makes the damaged files of a rollout again: first what needs no network, then the others, future by future."""
    folder, manifest = report.folder, read_manifest(report.folder)
    inputs = Inputs.kept(folder, manifest)
    drawn = sorted(name for name in report.faults if name == FIRST_FRAME or future_number(name) is not None)
    plans, obstacle = [], ""
    try:
        plans = _plans(folder, manifest, inputs, checkpoints, drawn)
    except InputError as error:
        obstacle = str(error)
    _mend_others(report, inputs, bool(drawn))
    if lost := [name for name in report.faults if name.startswith(f"{PHOTO}.") and inputs.photo is None]:
        drawn, obstacle = [*lost, *drawn], obstacle or f"{manifest.scenario.get('photo')} is not the photo any more; bring it back"
    if obstacle:
        raise InputError(f"{folder}: {', '.join(drawn)}: cannot be made again, what is there stays: {obstacle}")
    for name in report.faults:
        say(f"makes {folder / name} again: {report.faults[name]}")
    if plans:
        with FolderLock.hold(folder) as lock:
            RolloutFolder(folder, read_manifest(folder), lock).drop(*drawn, PREVIEW)
    for plan in plans:
        carry_out(plan, folder, on_change=on_change, say=say)


def _plans(folder: Path, manifest: Manifest, inputs: Inputs, checkpoints: Path | None, drawn: list[str]) -> list[Plan]:
    """What makes these files again, a plan a future; InputError if it cannot be carried out here."""
    if not drawn:
        return []
    job = manifest.job
    if job.photo is not None and inputs.photo is None:
        raise InputError(f"{manifest.scenario.get('photo')} is not the photo any more, nor is there a copy; bring it back")
    request = Request(
        Path(inputs.file), job.seconds, job.fps, seed=job.seed, device=job.device, settings=job.sampling, checkpoints=checkpoints,
        transfer=True,  # that the weights are those is asked below
    )  # fmt: skip
    plan = replace(Plan.of(request, inputs), numbers=())
    if changed := differences(manifest, plan.manifest()):
        raise InputError(f"it was made otherwise ({'; '.join(changed)}); give its own weights as --checkpoints")
    futures = sorted({number for name in drawn if (number := future_number(name)) is not None})
    check_space(folder, needed_bytes(folder, plan.timeline, job.sampling, futures))
    plan.cascade()
    return [replace(plan, numbers=(number,)) for number in futures] or [plan]


def _mend_others(report: Report, inputs: Inputs, incomplete: bool) -> None:
    """Writes what needs no network: the scenario, the photo and the sums, and the preview unless films are `incomplete`."""
    folder = report.folder
    sealed = (folder / SUMS).is_file()
    with FolderLock.hold(folder) as lock:
        opened = RolloutFolder(folder, read_manifest(folder), lock)
        opened.drop(*(name for name in report.faults if name == TEXT or (name in opened.photos and inputs.photo is not None)))
        opened.prepare(opened.manifest.job.seconds, inputs)
        if PREVIEW in report.faults and not incomplete:
            opened.write_preview(opened.manifest.job.timeline)
        if sealed or SUMS in report.faults:
            (folder / SUMS).unlink(missing_ok=True)
            opened.seal()
