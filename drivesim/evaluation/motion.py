"""Whether the road of a rollout streams toward the camera, beside held-out worlds of the same kind."""

from __future__ import annotations

from contextlib import closing
from dataclasses import fields
from itertools import islice
from pathlib import Path

import numpy as np

from drivesim.config import InputError
from drivesim.dataset.synthesis import fresh_clips
from drivesim.evaluation.held_out import HELD_OUT_SEED
from drivesim.metrics.motion import GroundMotion, ground_motion
from drivesim.rollout.future_folder import VIDEO
from drivesim.rollout.inputs import scenario_of
from drivesim.rollout.manifest import future_folders
from drivesim.scene.clip import Clip, TimeOfDay
from drivesim.scene.road import Setting
from drivesim.video_format import FRAME_RATES, NETWORK_HEIGHT, NETWORK_WIDTH
from drivesim.video_io import read_video

WORLD_FRAMES, WORLD_FPS = 9, FRAME_RATES[-1]


def rollout_motion(folder: Path, worlds: int = 8, seed: int = HELD_OUT_SEED) -> dict[str, GroundMotion]:
    """Ground motion of every finished future of a rollout, by name, and of `worlds` held-out worlds together.

    The worlds have the time of day and setting of the scenario and drive at 30 frames/s; give rollouts of that rate. InputError
    if no future is finished there.
    """
    films = [film for future in future_folders(folder) if (film := future / VIDEO).is_file()]
    if not films:
        raise InputError(f"{folder}: no finished future there (future-00/{VIDEO}); roll out the scenario first")
    scenario = scenario_of(folder)
    horizon = scenario.camera.model().horizon
    figures = {film.parent.name: ground_motion(read_video(film)[0], horizon) for film in films}
    if worlds > 0:
        figures["worlds"] = world_motion(worlds, scenario.look.time_of_day, scenario.road.setting, seed)
    return figures


def world_motion(worlds: int, time_of_day: TimeOfDay, setting: Setting, seed: int = HELD_OUT_SEED) -> GroundMotion:
    """Ground motion of worlds, averaged."""
    worlds_seen = fresh_clips(
        seed, WORLD_FRAMES, (WORLD_FPS,), NETWORK_HEIGHT, NETWORK_WIDTH, workers=0, time_of_day=time_of_day, setting=setting
    )
    with closing(worlds_seen) as clips:
        each = [ground_motion(clip.frames, _horizon(clip)) for clip in islice(clips, worlds)]
    return GroundMotion(*(float(np.nanmean([getattr(motion, f.name) for motion in each])) for f in fields(GroundMotion)))


def _horizon(clip: Clip) -> float:
    """Row of the horizon as a fraction of the frame height; every world knows its camera."""
    assert clip.labels.camera is not None
    return clip.labels.camera.horizon
