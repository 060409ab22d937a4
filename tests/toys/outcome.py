"""What a rollout made, to be compared with what another one made."""

from __future__ import annotations

import hashlib
from pathlib import Path

from drivesim.rollout.labels.file import read_rollout
from drivesim.video_io import stream_video

NOT_RESULTS = ("manifest.json", "progress.json", "SHA256SUMS")


def results(folder: Path, decoded: bool = False) -> dict[str, object]:
    """By file: the datasets of HDF5, the bytes of everything else, or of films (`decoded`) the frames.

    Files that tell the time of day, or of work, are left out.
    """
    made: dict[str, object] = {}
    for path in sorted(folder.rglob("*")):
        name = str(path.relative_to(folder))
        if path.suffix == ".h5":
            data = read_rollout(path)
            made[name] = [x.tobytes() for x in (data.time_s, data.latents, data.keyframe_time_s, data.boxes, data.ego, data.camera)]
        elif path.suffix == ".mp4" and decoded:
            frames = hashlib.sha256()
            for frame in stream_video(path):
                frames.update(frame.tobytes())
            made[name] = frames.hexdigest()
        elif path.is_file() and path.name not in NOT_RESULTS:
            made[name] = hashlib.sha256(path.read_bytes()).hexdigest()
    return made
