"""A finished rollout in a format that perception tools read: what `drivesim export` calls. A format is one module and one line."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from difflib import get_close_matches
from pathlib import Path

import drivesim
from drivesim.config import InputError, Say
from drivesim.labels.finished_rollout import FinishedRollout
from drivesim.labels.formats.coco import write_coco
from drivesim.labels.formats.kitti import write_kitti
from drivesim.labels.formats.maps import write_maps
from drivesim.labels.formats.mcap import write_mcap
from drivesim.labels.formats.nuscenes import write_nuscenes
from drivesim.labels.formats.openlabel import write_openlabel
from drivesim.labels.new_folder import new_folder
from drivesim.labels.selection import MIN_VISIBLE, ExportProgress, Selection

FORMATS: dict[str, Callable[[Selection, Path], None]] = {
    "coco": write_coco,
    "kitti": write_kitti,
    "nuscenes": write_nuscenes,
    "openlabel": write_openlabel,
    "mcap": write_mcap,
    "maps": write_maps,
}
"""What writes the frames of a selection into a folder, by the name of the format."""
ABOUT = "export.json"


def write_export(
    name: str,
    rollout: FinishedRollout | Path | str,
    out: Path | str,
    futures: Sequence[int] | None = None,
    stride: int = 1,
    min_visible: float = MIN_VISIBLE,
    trusted_only: bool = False,
    on_change: Callable[[ExportProgress], None] = lambda _: None,
    say: Say = lambda _: None,
) -> Path:
    """Writes a finished rollout, or these of its futures, in format `name` into the new folder `out`: the folder.

    Every `stride`-th frame, with vehicles of which at least the share `min_visible` is in sight, and, with `trusted_only`, which
    the film is known to show. Memory does not grow with the length. Raises InputError for anything that the user can mend; then, or
    if it is stopped, `out` is not there.
    """
    check_format(name)
    folder = rollout.folder if isinstance(rollout, FinishedRollout) else Path(rollout)
    if not isinstance(rollout, FinishedRollout) or futures is not None:
        rollout = FinishedRollout.open(folder, futures)
    selection = Selection(rollout, stride, min_visible, trusted_only, on_change)
    with new_folder(Path(out)) as scratch:
        for warning in selection.warnings:
            say(warning)
        FORMATS[name](selection, scratch)
        (scratch / ABOUT).write_text(json.dumps(_about(name, selection), indent=2) + "\n", encoding="utf-8")
    return Path(out)


def check_format(name: str, others: Sequence[str] = ()) -> None:
    """InputError if there is no such format, with the one that may be meant; `others` are formats of what is no rollout."""
    if name not in FORMATS:
        names = [*FORMATS, *others]
        near = get_close_matches(name.lower(), names, 1)
        hint = f"did you mean {near[0]}?" if near else "use one of them"
        raise InputError(f"{name}: no such format, there are {', '.join(names)}; {hint}")


def parse_futures(text: str) -> list[int]:
    """Numbers of futures: 0,2-4 is 0, 2, 3 and 4; InputError for anything else."""
    numbers: set[int] = set()
    for part in text.split(","):
        match = re.fullmatch(r"\s*(\d{1,3})(?:-(\d{1,3}))?\s*", part)
        first, last = (int(match[1]), int(match[2] or match[1])) if match else (1, 0)
        if last < first:
            raise InputError(f"--futures {text}: give numbers of futures, as in 0,2-4")
        numbers |= set(range(first, last + 1))
    return sorted(numbers)


def _about(name: str, selection: Selection) -> dict[str, object]:
    """What an export says of itself."""
    rollout = selection.rollout
    return {
        "made_by": f"drivesim {drivesim.__version__}",
        "format": name,
        "rollout": rollout.folder.resolve().name,
        "scenario": rollout.scenario.name,
        "scenario_sha256": rollout.manifest.job.scenario,
        "seed": rollout.manifest.job.seed,
        "futures": [future.number for future in selection.futures],
        "frames": selection.total,
        "stride": selection.stride,
        "min_visible": selection.min_visible,
        "trusted_only": selection.trusted_only,
    }
