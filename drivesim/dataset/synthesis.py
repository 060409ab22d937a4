"""Clips of the procedural world, made by worker processes: into a store once, or fresh for ever.

Clip number k comes from the random stream (seed, "clip", k) alone, so that what is made does not depend on the number
of workers, and an interrupted run goes on where it stopped.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from drivesim.config import InputError, Say
from drivesim.dataset.captions import caption_of
from drivesim.dataset.clips import ClipStore, ClipWriter, check_recipe
from drivesim.dataset.progress_line import ProgressLine
from drivesim.dataset.workers import in_order
from drivesim.scene.clip import TIMES_OF_DAY, Clip, TimeOfDay
from drivesim.scene.road import SETTINGS, Setting
from drivesim.seeds import stream_seed

Make = Callable[..., Clip]  # the signature of world.generator.generate_clip


class ClipRequest(NamedTuple):
    """What is drawn anew for each clip."""

    seed: int
    fps: float


@dataclass(frozen=True)
class ClipSettings:
    """Clips of `frames` frames, `height` x `width` px; clip k has the rate `fps[k % len(fps)]`.

    `time_of_day` and `setting` None: drawn at random. Raises InputError for what makes no clip.
    """

    frames: int
    fps: tuple[float, ...]
    height: int
    width: int
    seed: int
    time_of_day: TimeOfDay | None = None
    setting: Setting | None = None
    noise: bool = True
    depth: bool = False

    def __post_init__(self) -> None:
        if self.frames < 1 or not self.fps or not all(0 < rate < math.inf for rate in self.fps) or min(self.height, self.width) < 8:
            raise InputError(
                f"frames {self.frames}, fps {list(self.fps)}, size {self.height}x{self.width}: "
                "a clip needs at least one frame, one positive rate and 8 pixels a side"
            )
        if self.time_of_day not in (None, *TIMES_OF_DAY):
            raise InputError(f"time of day {self.time_of_day}: choose one of {', '.join(TIMES_OF_DAY)}")
        if self.setting not in (None, *SETTINGS):
            raise InputError(f"setting {self.setting}: choose one of {', '.join(SETTINGS)}")

    def request(self, k: int) -> ClipRequest:
        """Seed and rate of clip number k."""
        return ClipRequest(stream_seed(self.seed, "clip", k), self.fps[k % len(self.fps)])

    def make(self, make: Make, request: ClipRequest) -> Clip:
        """The clip of one request, with a caption of what its labels say."""
        clip = make(
            request.seed, self.frames, request.fps, self.height, self.width,
            time_of_day=self.time_of_day, setting=self.setting, noise=self.noise, depth=self.depth,
        )  # fmt: skip
        return replace(clip, labels=replace(clip.labels, caption=caption_of(clip.labels)))


def fill_store(
    path: Path | str,
    clips: int,
    frames: int,
    fps: Sequence[float],
    height: int,
    width: int,
    seed: int,
    workers: int | None = None,
    say: Say | None = None,
    make: Make | None = None,
    **options: Any,
) -> None:
    """Makes clips until the store holds `clips` of them; called again, it goes on where it was interrupted.

    Clip k has the rate fps[k % len(fps)]; `options` are those of ClipSettings (time_of_day, setting, noise, depth).
    `workers` processes (None: one a core; 0: in this process). Clips are written in order, each permanent at once.
    `say` is told now and then how far it is and how long it will take. `make` (default: the world) must be importable in
    worker processes. A store that is full is only read, so that several processes can ask for the same at once. Raises
    InputError for a store that was made with other settings, is being written, or is truncated or foreign.
    """
    make, version = _world() if make is None else (make, None)
    settings = ClipSettings(frames, tuple(map(float, fps)), height, width, seed, **options)
    made_with = asdict(settings) | {"fps": list(settings.fps), "world": version}  # JSON knows no tuples
    if _filled(Path(path), clips, made_with):
        return
    with ClipWriter(path, made_with) as writer:
        line = ProgressLine(f"{Path(path).name}: clip", len(writer), clips, say)
        requests = map(settings.request, range(len(writer), clips))
        with closing(in_order(partial(settings.make, make), requests, workers)) as rendered:
            for clip in rendered:
                writer.append(clip)
                line(len(writer))


def _filled(path: Path, clips: int, made_with: dict[str, Any]) -> bool:
    """Whether the store is there and holds enough clips; InputError if it was made with other settings."""
    if not path.exists():
        return False
    with closing(ClipStore(path)) as store:
        check_recipe(path, store.recipe, made_with)
        return len(store) >= clips


def fresh_clips(
    seed: int,
    frames: int,
    fps: Sequence[float],
    height: int,
    width: int,
    first: int = 0,
    workers: int | None = None,
    make: Make | None = None,
    **options: Any,
) -> Generator[Clip, None, None]:
    """Clips number `first`, `first` + 1, ... without end, made a little ahead; close() stops the workers.

    They are the clips that `fill_store` makes of the same settings: give training another seed than what is held out.
    """
    make = _world()[0] if make is None else make
    settings = ClipSettings(frames, tuple(map(float, fps)), height, width, seed, **options)
    with closing(in_order(partial(settings.make, make), map(settings.request, itertools.count(first)), workers)) as rendered:
        yield from rendered


def _world() -> tuple[Make, int]:
    from drivesim.world.generator import WORLD_VERSION, generate_clip

    return generate_clip, WORLD_VERSION
