"""Whether an output folder or a checkpoint is whole."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import torch

from drivesim.checkpoint import Checkpoint, checkpoint_faults, read_checkpoint, require_checkpoint, weight_files
from drivesim.checksums import SUMS, faults, file_hash, read_sums
from drivesim.config import InputError, read_json
from drivesim.engine.cascade import Cascade
from drivesim.engine.timeline import Timeline
from drivesim.rollout.folder import FIRST_FRAME, PREVIEW
from drivesim.rollout.future_folder import DATA, VIDEO
from drivesim.rollout.labels.file import Rollout, read_rollout
from drivesim.rollout.labels.rows import SOURCES
from drivesim.rollout.lock import FolderLock
from drivesim.rollout.manifest import MANIFEST, PHOTO, FutureRecord, Manifest, future_folders, read_manifest
from drivesim.rollout.progress_file import PROGRESS
from drivesim.rollout.windows import STATE, Windows
from drivesim.scene.vehicles import KINDS
from drivesim.video_format import FRAME_HEIGHT, FRAME_WIDTH, KEY_FPS, STAGE_NAMES
from drivesim.video_io import read_image, stream_video, video_info


@dataclass
class Report:
    """What was found: `whole` and `unfinished` parts in words, and `faults` by file name, relative to `folder`."""

    folder: Path
    whole: list[str] = field(default_factory=list)
    unfinished: list[str] = field(default_factory=list)
    faults: dict[str, str] = field(default_factory=dict)

    @property
    def healthy(self) -> bool:
        """Whether nothing is damaged, and nothing missing."""
        return not self.faults and not self.unfinished


def examine(folder: Path) -> Report:
    """Checks an output folder, a checkpoint or a folder of the four checkpoints. Writes nothing.

    InputError if it is none of them, or if a rollout is working there.
    """
    if not folder.is_dir():
        raise InputError(f"{folder}: no such folder")
    if (folder / "config.json").is_file() or weight_files(folder):
        return _examine_checkpoint(folder)
    if any((folder / stage).is_dir() for stage in STAGE_NAMES):
        return _examine_cascade(folder)
    if not (folder / MANIFEST).is_file() and not future_folders(folder):
        raise InputError(f"{folder}: neither the output of a rollout nor a checkpoint; give the folder of one")
    if holder := FolderLock.holder(folder):
        raise InputError(f"{folder}: {holder} is working there; wait until it has ended")
    return _examine_rollout(folder)


def _examine_cascade(folder: Path) -> Report:
    report = Report(folder)
    for stage in STAGE_NAMES:
        if not (folder / stage).is_dir():
            report.faults[stage] = "is missing; train the stage or copy its checkpoint there"
            continue
        part = _examine_checkpoint(folder / stage)
        report.whole += [f"{stage}: {line}" for line in part.whole]
        report.faults |= {f"{stage}/{name}": fault for name, fault in part.faults.items()}
    if not report.faults:
        try:
            Cascade.load(folder, torch.device("cpu"))
            report.whole.append("the four stages belong together")
        except InputError as error:
            report.faults["."] = str(error)
    return report


def _examine_checkpoint(folder: Path) -> Report:
    report = Report(folder)
    try:
        kind = Checkpoint.parse(read_json(require_checkpoint(folder) / "config.json"), folder / "config.json").kind
    except InputError as error:
        report.faults["config.json"] = str(error)
    report.faults |= checkpoint_faults(folder)
    if report.faults:
        return report
    try:
        _, tensors = read_checkpoint(folder, kind)
    except InputError as error:
        report.faults["config.json"] = str(error)
        return report
    if broken := sorted(name for name, x in tensors.items() if x.is_floating_point() and not x.isfinite().all()):
        report.faults[weight_files(folder)[0].name] = f"holds numbers that are not finite ({broken[0]}); train it again"
        return report
    size = sum(file.stat().st_size for file in weight_files(folder)) / 2**20
    report.whole.append(f"{kind}, {len(tensors)} tensors in {len(weight_files(folder))} files, {size:.1f} MiB")
    return report


def _examine_rollout(folder: Path) -> Report:
    report = Report(folder)
    sums: dict[str, str] = {}
    try:
        sums = read_sums(folder / SUMS) if (folder / SUMS).is_file() else {}
    except InputError:
        report.faults[SUMS] = "is damaged"
    try:
        manifest = read_manifest(folder)
    except InputError as error:
        report.faults |= faults(folder, sums) | {MANIFEST: str(error)}
        return report
    found = faults(folder, manifest.files)
    if sums and sums.get(MANIFEST) != file_hash(folder / MANIFEST):
        found[MANIFEST] = f"does not match {SUMS}: one of the two is damaged or edited"
    elif sums and sums != manifest.files | {MANIFEST: sums[MANIFEST]}:
        found[SUMS] = "is damaged: it differs from the manifest, which is whole by its own sum"
    report.faults |= found
    if not sums and SUMS not in report.faults:
        report.unfinished.append(f"{SUMS} is not written yet: the last run did not come to its end{_last_words(folder)}")
    if manifest.job.photo is not None and not any(name.startswith(f"{PHOTO}.") for name in manifest.files):
        photo = manifest.scenario.get("photo")
        report.whole.append(f"the photo stands outside, in {photo} (an earlier version made this): the same command copies it")
    for name in (FIRST_FRAME, PREVIEW):
        if name not in manifest.files:
            report.unfinished.append(f"{name} is not made yet")
        elif name not in report.faults:
            report.faults |= dict(_picture_faults(folder, name))
    for name, record in manifest.futures.items():
        _examine_future(report, manifest, name, record)
    return report


def _last_words(folder: Path) -> str:
    try:
        values = read_json(folder / PROGRESS)
    except InputError:
        return ""
    return f" ({values.get('message') or values.get('state')})"


def _picture_faults(folder: Path, name: str) -> Iterator[tuple[str, str]]:
    try:
        read_image(folder / name)
    except InputError as error:
        yield name, str(error)


def _examine_future(report: Report, manifest: Manifest, name: str, record: FutureRecord) -> None:
    """Adds what is found of one future."""
    asked, folder = manifest.job.timeline, report.folder
    if record.state != "complete":
        whole, fault = Windows(folder / name / STATE).whole()
        state = f"; {fault}: it is made again" if fault else ""
        report.unfinished.append(f"{name}: {whole} of {asked.windows} windows are whole, the same command goes on{state}")
        return
    timeline = replace(asked, frames=record.frames)
    files = (f"{name}/{VIDEO}", f"{name}/{DATA}")
    for file in files:
        if file not in manifest.files:
            report.faults[file] = f"is not in the manifest, although {name} is complete"
    if any(file in report.faults for file in files):
        return
    try:
        data = read_rollout(folder / files[1])
        found = {files[0]: _film_fault(folder / files[0], manifest, timeline), files[1]: data_fault(data, timeline)}
    except InputError as error:
        found = {files[1]: str(error)}
    if wrong := {file: fault for file, fault in found.items() if fault is not None}:
        report.faults |= wrong
        return
    if timeline.frames < asked.frames:
        report.unfinished.append(f"{name}: {timeline.frames} of {asked.frames} frames are there, the same command makes the others")
        return
    report.whole.append(f"{name}: {timeline.frames} frames, {len(data.latents)} key frames, {len(data.boxes)} boxes")


def _film_fault(path: Path, manifest: Manifest, timeline: Timeline) -> str | None:
    height, width, _ = manifest.job.sampling.frame_shape
    try:
        info = video_info(path)
        frames = sum(1 for _ in stream_video(path))
    except InputError as error:
        return str(error)
    if (info.height, info.width, info.fps) != (height, width, timeline.fps):
        return f"is {info.width}x{info.height} at {float(info.fps):g} fps, not {width}x{height} at {float(timeline.fps):g}"
    return None if frames == timeline.frames else f"has {frames} frames, not {timeline.frames}"


def data_fault(data: Rollout, timeline: Timeline) -> str | None:
    """What is wrong with the contents of a rollout.h5, the first of it; None if nothing is."""
    times, key_times = np.arange(timeline.frames) / float(timeline.fps), np.arange(timeline.keys) / float(KEY_FPS)
    if len(data.time_s) != len(times) or not np.allclose(data.time_s, times):
        return f"time_s: not the times of {timeline.frames} frames at {float(timeline.fps):g} fps"
    if len(data.keyframe_time_s) != len(key_times) or not np.allclose(data.keyframe_time_s, key_times):
        return f"keyframes/time_s: not the times of {timeline.keys} key frames"
    if len(data.latents) != timeline.keys or not np.isfinite(data.latents).all():
        return f"keyframes/latents: not {timeline.keys} key frames of finite numbers"
    for name, rows in (("ego", data.ego), ("camera", data.camera)):
        if len(rows) and (len(rows) != len(times) or not all(np.isfinite(rows[column]).all() for column in rows.dtype.names or ())):
            return f"{name}: not a row of finite numbers for each of {timeline.frames} frames"
    boxes = data.boxes
    inside = (boxes["x1"] >= 0) & (boxes["x1"] < boxes["x2"]) & (boxes["x2"] <= FRAME_WIDTH)
    inside &= (boxes["y1"] >= 0) & (boxes["y1"] < boxes["y2"]) & (boxes["y2"] <= FRAME_HEIGHT)
    there = (boxes["frame"] >= 0) & (boxes["frame"] < timeline.frames)
    score, stated = boxes["score"], boxes["source"] == SOURCES.index("stated")
    known = ((score >= 0) & (score <= 1)) | (np.isnan(score) & stated)
    known &= (boxes["kind"] < len(KINDS)) & (boxes["source"] < len(SOURCES))
    wrong = np.flatnonzero(~(inside & there & known))
    if len(wrong):
        i = int(wrong[0])
        if not inside[i]:
            return f"boxes: row {i} is not inside the frame of {FRAME_WIDTH}x{FRAME_HEIGHT}"
        if not there[i]:
            return f"boxes: row {i} is of frame {boxes['frame'][i]}, which is not there"
        return f"boxes: row {i} has a score, kind or source that cannot be"
    return None
