"""A finished rollout without any network: one scene whose numbers can be computed by hand."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from films import write_video
from tiny_cascade import SETTINGS

from drivesim.rollout.labels.file import RolloutWriter
from drivesim.rollout.labels.rows import FrameLabels
from drivesim.rollout.manifest import FORMAT, MADE_BY, FutureRecord, Job, Manifest, future_name
from drivesim.scenario.file import load_scenario
from drivesim.scene.boxes import Boxes, project_cuboids
from drivesim.scene.camera import Camera
from drivesim.scene.geometry import Pose

SCENARIO = """\
name: toy
look: {time_of_day: day, crowdedness: 2}
road: {setting: highway, lanes: 2, ego_lane: 2}
camera: {height: 1.5, field_of_view: 80}
ego: {speed: 15}
vehicles:
  - {ahead: 20, left: 0, kind: sedan}
  - {ahead: 30, left: 3.7, kind: truck}
traffic: scripted
rollout: {seconds: 0.6, fps: 7.5, futures: 1, seed: 3}
"""
CAMERA = Camera(1.5, 0.0, 90.0)
"""Focal length 0.5 frame widths: 128 px in a film of 256x128; its axis is at (128, 64), where the first pixel ends at 1."""
HEIGHT, WIDTH, FRAMES, FPS, SPEED = 128, 256, 4, 7.5, 15.0
CUBOIDS = np.array(
    [
        [20.0, 0.0, 0.75, 4.0, 2.0, 1.5, 0.0],  # its rear, at 18 m, is 2 m wide and reaches from the road to the camera's height
        [4.0, 4.0, 1.5, 4.0, 2.0, 3.0, 0.0],  # beside the ego, with its front at 6 m: partly outside of the frame
        [40.0, 0.0, 0.75, 4.0, 2.0, 1.5, np.pi],  # behind the first, of the same size, towards the ego: wholly hidden
    ]
)
VISIBLE = np.array([1.0, 0.5, 0.0], np.float32)
KINDS = np.array([0, 4, 2])  # sedan, truck, suv
TRACKS = np.array([7, 2, 11])
TRUST = np.array([1, 3, 0])  # shown, not shown, unknown


def boxes(camera: Camera = CAMERA, forward: float = 0.0) -> Boxes:
    """The vehicles, the first of which has come `forward` m nearer, 10 at most."""
    cuboids = CUBOIDS - np.array([[forward, 0, 0, 0, 0, 0, 0], [0] * 7, [0] * 7])
    frame, _ = project_cuboids(camera, cuboids)
    paint = np.array([[1.0, 0.0, 0.2], [np.nan] * 3, [1, 1, 1]], np.float32)
    lamps = np.array([1 | 4, 255, 0], np.uint8)
    heading = cuboids[:, 6].astype(np.float32)
    return Boxes(TRACKS, KINDS, frame, heading, VISIBLE, cuboids.astype(np.float32), paint, lamps)


def labels(camera: Camera = CAMERA, frames: int = FRAMES) -> list[FrameLabels]:
    """Of frames at 7.5 per second, driven straight ahead at 15 m/s: 2 m a frame. The truck is gone in the last."""
    made = []
    for number in range(frames):
        pose = Pose(*map(np.asarray, (2.0 * number, 0.0, 0.0)))
        known = boxes(camera, min(0.5 * number, 10.0)).take(np.array([True, number < FRAMES - 1, True]))
        sources = ["asked", "traffic", "traffic"] if len(known) == 3 else ["asked", "traffic"]
        trust, score = TRUST[np.isin(TRACKS, known.track)], 1.0 if number == 0 else 0.5
        made.append(FrameLabels(number / FPS, known, sources, score, pose, SPEED, 0.0, 0.0, camera, trust))
    return made


def write_toy(
    folder: Path,
    futures: int = 1,
    scenario: str = SCENARIO,
    camera: Camera = CAMERA,
    size: tuple[int, int] = (HEIGHT, WIDTH),
    frames: int = FRAMES,
    rows: Sequence[FrameLabels] | None = None,
    fps: float = FPS,
) -> Path:
    """Writes a rollout of so many futures, all alike but for their pictures, which are grey: 40 + 20 * frame + 50 * future.

    `rows` are labels for all frames, `fps` a second, in place of those of this module.
    """
    folder.mkdir(parents=True)
    (folder / "scenario.yaml").write_text(scenario)
    values = load_scenario(folder / "scenario.yaml").model_dump(mode="json")
    for number in range(futures):
        place = folder / future_name(number)
        place.mkdir()
        with RolloutWriter(place / "rollout.h5") as writer:
            writer.add_frames(rows or labels(camera, frames))
            writer.add_keyframes(np.zeros((1, 8, 16, 32), np.float32), np.zeros(1))
            writer.commit()
        grey = (40 + 20 * np.arange(frames) % 200 + 50 * number).astype(np.uint8)
        write_video(place / "video.mp4", np.broadcast_to(grey[:, None, None, None], (frames, *size, 3)), fps)
    record = FutureRecord(state="complete", windows=1, frames=frames, seconds={})
    job = Job(scenario="0" * 64, seed=3, seconds=frames / fps, fps=fps, sampling=SETTINGS, weights={}, device="cpu")
    manifest = Manifest(
        format=FORMAT, made_by=MADE_BY, job=job, scenario={"file": "toy.yaml", **values}, versions={}, machine={}, seconds={},
        peak_memory_mib={}, futures={future_name(n): record for n in range(futures)}, files={},
    )  # fmt: skip
    (folder / "manifest.json").write_text(json.dumps(manifest.model_dump(mode="json")))
    return folder
