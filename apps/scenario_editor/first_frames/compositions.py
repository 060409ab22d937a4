"""The first frames that a session has composed: made in the background, kept on disk, remembered in the session.

    SESSION/frames/<id>.png     <id> is a hash of what decides the pixels: scene, seed, quality
"""

from __future__ import annotations

import hashlib
import json
import logging
import threading
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from drivesim.config import InputError
from drivesim.scenario.scenario import Scenario
from drivesim.scene.vehicles import KINDS
from drivesim.video_format import FRAME_HEIGHT, FRAME_WIDTH
from drivesim.video_io import write_image
from scenario_editor.first_frames.composer import Composer
from scenario_editor.storage.sessions import Session, SessionStore

KEPT = 12  # frames of one session; the oldest go first
MOST = 6  # frames asked for at once
SEEDS = 2**32

Variant = dict[str, Any]  # id, scene, seed, quality, boxes: one remembered frame


class Cancelled(Exception):
    """The user does not want it any more."""


@dataclass
class Composition:
    """What is being composed for one session."""

    count: int
    share: float = 0.0
    what: str = "starting"
    running: bool = True
    error: str = ""
    cancelled: threading.Event = field(default_factory=threading.Event)


class Compositions:
    """Composes for every session at most one request at a time, each in a thread of its own."""

    def __init__(self, composer: Composer, store: SessionStore, weights: str = "") -> None:
        """`weights` tells those of the composer from any others: what they have made is not fresh any more."""
        self._composer, self._store, self._weights = composer, store, weights
        self._compositions: dict[str, Composition] = {}
        self._lock = threading.Lock()

    def start(self, session: Session, scenario: Scenario, count: int, quality: str, further: bool = False) -> None:
        """Begins `count` frames with the seed of the scenario and those after it; `further`: with seeds not composed yet.

        InputError while the session still composes, and for a scenario that starts from a photo.
        """
        if scenario.photo is not None:
            raise InputError("a photo is the first frame; remove it to compose one")
        if not 1 <= count <= MOST:
            raise InputError(f"ask for 1 to {MOST} variants at once")
        known = [v["seed"] for v in variants(session) if v["scene"] == self.key(scenario) and v["quality"] == quality]
        first = max([scenario.rollout.seed - 1, *known]) + 1 if further else scenario.rollout.seed
        composition = Composition(count)
        with self._lock:
            if (now := self._compositions.get(session.id)) is not None and now.running:
                raise InputError("the first frames are still being composed; cancel them or wait")
            self._compositions[session.id] = composition
        seeds = [(first + i) % SEEDS for i in range(count)]
        threading.Thread(target=self._run, args=(session.id, composition, scenario, seeds, quality), daemon=True).start()

    def key(self, scenario: Scenario) -> str:
        """Equal for scenarios whose frames are the same with the same seed and quality."""
        return scene_key(scenario, self._weights)

    def cancel(self, session_id: str) -> None:
        """Ends what is being composed for a session, if there is anything; finished frames stay."""
        if (composition := self._compositions.get(session_id)) is not None:
            composition.cancelled.set()

    def state(self, session_id: str) -> dict[str, Any]:
        """`running`, `share` (0 to 1), `what` is being done, and `error`, the sentence of a failure."""
        composition = self._compositions.get(session_id)
        if composition is None:
            return {"running": False, "share": 0.0, "what": "", "error": ""}
        return {"running": composition.running, "share": composition.share, "what": composition.what, "error": composition.error}

    def _run(self, session_id: str, composition: Composition, scenario: Scenario, seeds: list[int], quality: str) -> None:
        try:
            for i, seed in enumerate(seeds):
                self._make(session_id, composition, scenario, i, seed, quality)
        except Cancelled:
            pass
        except InputError as error:
            composition.error = f"not composed: {error}"
        except Exception as error:
            logging.getLogger(__name__).error("composing failed", exc_info=error)
            room = isinstance(error, MemoryError | OSError) or "memory" in str(error)
            composition.error = f"not composed: {'memory or disk are full' if room else 'the terminal of the editor says why'}"
        finally:
            composition.running = False

    def _make(self, session_id: str, composition: Composition, scenario: Scenario, i: int, seed: int, quality: str) -> None:
        def report(share: float, what: str) -> None:
            if composition.cancelled.is_set():
                raise Cancelled
            composition.share = (i + share) / composition.count
            composition.what = f"{what}, {i + 1} of {composition.count}" if composition.count > 1 else what

        variant = describe(scenario, self.key(scenario), seed, quality)
        session = self._store.open(session_id)
        if session.id != session_id:
            raise Cancelled  # the session was removed meanwhile
        file = frame_file(session, variant["id"])
        if not file.is_file():
            frame = self._composer.compose(scenario, seed, quality, report)
            file.parent.mkdir(exist_ok=True)
            write_image(file, frame)
        self._store.change(session_id, lambda s: remember(s, variant))


def describe(scenario: Scenario, scene: str, seed: int, quality: str) -> Variant:
    """What is remembered of a frame: its id, what it was made of, and the asked boxes (px of the 1024x512 frame)."""
    boxes = scenario.scene_boxes()
    scale = [FRAME_WIDTH, FRAME_HEIGHT] * 2
    asked = [
        {"kind": KINDS[kind], "box": [round(float(edge) * size) for edge, size in zip(box, scale, strict=True)]}
        for kind, box in zip(boxes.kind, boxes.box, strict=True)
    ]
    name = hashlib.sha256(f"{scene} {seed} {quality}".encode()).hexdigest()[:24]
    return {"id": name, "scene": scene, "seed": seed, "quality": quality, "boxes": asked}


def variants(session: Session) -> list[Variant]:
    """The remembered frames whose pictures are there, oldest first."""
    return [v for v in session.view.get("variants", []) if frame_file(session, v["id"]).is_file()]


def remember(session: Session, variant: Variant) -> Session:
    """The session with one more frame; the oldest is forgotten, and its picture removed, where there are too many."""
    kept = [v for v in session.view.get("variants", []) if v["id"] != variant["id"]] + [variant]
    _forget(session, kept[:-KEPT])
    return session.viewed(variants=kept[-KEPT:])


def _forget(session: Session, gone: Iterable[Variant]) -> None:
    for variant in gone:
        with suppress(OSError):
            frame_file(session, variant["id"]).unlink()


def frame_file(session: Session, name: str) -> Path:
    """Where the picture of a remembered frame is kept."""
    return session.folder / "frames" / f"{name}.png"


def first_frame_of(session: Session, scenario: Scenario | None, scene: str | None) -> Variant | None:
    """The frame that stands behind the boxes, `fresh` if a rollout of the scenario, whose key is `scene`, would start from it.

    Otherwise it is the one shown last, composed before the scene was changed.
    """
    found = variants(session)
    if scenario is not None:
        same = [v for v in found if v["scene"] == scene and v["seed"] == scenario.rollout.seed]
        preferred = [v for v in same if v["id"] == session.view.get("kept")] or same
        if preferred:
            return preferred[-1] | {"fresh": True}
    last = [v for v in found if v["id"] == session.view.get("kept")] or found
    return last[-1] | {"fresh": False} if last else None


def scene_key(scenario: Scenario, weights: str) -> str:
    """What decides the pixels of a composed first frame, but for seed and quality, as a short hash."""
    values = scenario.model_dump(mode="json", include={"look", "road", "camera", "ego", "traffic", "vehicles"})
    values["vehicles"] = [{k: v for k, v in row.items() if k != "name" and v is not None} for row in values["vehicles"]]
    values |= {"guidance": scenario.guidance.boxes, "weights": weights}
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()[:16]
