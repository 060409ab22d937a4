"""What the instruments see in one clip, as rendered and as made, so that its frames need not be kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from drivesim.evaluation.fidelity.material import STRIDE, ClipPair, pieces
from drivesim.layout.flow import Flow
from drivesim.layout.labelled_flow import labelled_flows
from drivesim.layout.planes import GROUND_CLASSES, ROADSIDE_CLASSES
from drivesim.metrics.average_precision import FrameMatches, match_vehicles
from drivesim.metrics.distances import clip_features
from drivesim.metrics.flicker import steadiness
from drivesim.metrics.label_trust import SAME_PAINT, Trust, agreement
from drivesim.metrics.pulse import pulse
from drivesim.metrics.reconstruction import gradient_energy
from drivesim.models.detector.detector import Detections, Detector
from drivesim.scene.boxes import Boxes
from drivesim.scene.classes import SceneClass
from drivesim.scene.clip import ClipLabels

EVERY = 4  # frames from one in which vehicles are looked for to the next
_HIGH = 16 / 128  # of the frame height
_PAIRS = 24  # of neighbouring frames whose motion is measured
PARTS: dict[str, tuple[SceneClass, ...]] = {
    "ground": GROUND_CLASSES, "vehicles": (SceneClass.VEHICLE,), "roadside": ROADSIDE_CLASSES,
}  # fmt: skip


@dataclass(frozen=True)
class SideSeen:
    """One side of a clip, rendered or made.

    `matches` of every EVERY-th frame; `shown`: share of the vehicles of 16 px and more that are surely there, `kind_kept`: of
    these, whose kind is right, and `paint_kept`, whose paint is; `kept`: of all, that are there with the right kind and paint;
    `clean_frames`: share of frames with nothing vehicle-like where no label is; `energy` of
    gradients; `features` [k d] of its short pieces; see pulse.pulse and flicker.Steadiness (NaN by night) for the rest.
    """

    matches: list[FrameMatches]
    shown: float
    kind_kept: float
    paint_kept: float
    kept: float
    clean_frames: float
    energy: float
    pulse: float
    flicker: float
    motion_errors: dict[str, float]
    features: np.ndarray


@dataclass(frozen=True)
class PairSeen:
    """Both sides of a clip; `kept`: features [k d] of the rendered pieces as the autoencoder keeps them."""

    rendered: SideSeen
    made: SideSeen
    kept: np.ndarray


def frame_matches(found: Detections, truth: Boxes | None) -> FrameMatches:
    """Detections of a frame against its labels."""
    return match_vehicles(found.box, found.score, truth or Boxes.none())


def look_at(film: ClipPair, detector: Detector) -> PairSeen:
    """What there is to see in a clip."""
    flows, classes, pairs = _flows(film.labels, *film.rendered.shape[1:3])
    sides = []
    for frames in (film.rendered, film.made):
        # at night what moves is the light of the headlights, which the layout's flow says nothing of
        errors, flicker = dict.fromkeys(PARTS, float("nan")), float("nan")
        if film.labels.time_of_day != "night":
            before, now = frames[pairs], frames[pairs + 1]
            flicker = steadiness(before, now, flows).flicker
            for part, members in PARTS.items():
                here = [np.isin(each, members) for each in classes]
                errors[part] = steadiness(before, now, flows, here).motion_error
        sides.append(SideSeen(*_vehicles(frames, film.labels, detector), float(gradient_energy(frames).mean()),
                              pulse(frames, STRIDE), flicker, errors, _features(pieces(frames), detector)))  # fmt: skip
    return PairSeen(sides[0], sides[1], _features(film.kept, detector))


def _features(clips: np.ndarray, detector: Detector) -> np.ndarray:
    """Features [k d] of clips uint8 [k f h w 3]."""
    return np.stack([clip_features(detector.feature_maps(clip)) for clip in clips])


def large(boxes: Boxes) -> np.ndarray:
    """bool [n]: vehicles of 16 px and more that have to be there."""
    return boxes.counted & (boxes.box[:, 3] - boxes.box[:, 1] >= _HIGH)


def vehicles_there(frames: np.ndarray, tables: Sequence[Boxes | None], detector: Detector) -> int:
    """How many of the large vehicles of all frames uint8 [f h w 3], with a table each, are surely there."""
    count = 0
    for found, table in zip(detector.detect(frames), tables, strict=True):
        boxes = table or Boxes.none()
        count += int((agreement(found.box, found.score, boxes).trust == Trust.SHOWN)[large(boxes)].sum())
    return count


def _vehicles(
    frames: np.ndarray, labels: ClipLabels, detector: Detector
) -> tuple[list[FrameMatches], float, float, float, float, float]:
    """The first fields of SideSeen, up to `clean_frames`."""
    numbers = range(0, len(frames), EVERY)
    matches, clean = [], []
    told: list[np.ndarray] = [np.zeros((3, 0), bool)]  # of large vehicles: there, right kind, right paint
    for number, found in zip(numbers, detector.detect(frames[numbers.start :: EVERY]), strict=True):
        boxes = labels.boxes[number] or Boxes.none()
        matches.append(frame_matches(found, boxes))
        agreed = agreement(found.box, found.score, boxes)
        high = np.flatnonzero(large(boxes))
        rows = agreed.found[high]
        apart = np.abs(found.paint[rows] - boxes.paint[high]).mean(axis=1) if len(found) else np.ones(len(high))
        kinds = found.kind[rows] == boxes.kind[high] if len(found) else np.zeros(len(high), bool)
        told.append(np.stack([agreed.trust[high] == Trust.SHOWN, kinds, ~(apart > SAME_PAINT)]))  # unknown paint is right
        clean.append(not len(agreed.unlabelled))
    there, kind, paint = np.concatenate(told, axis=1)
    return matches, _mean(there), _mean(kind[there]), _mean(paint[there]), _mean(there & kind & paint), _mean(np.array(clean))


def _mean(values: np.ndarray) -> float:
    return float(np.mean(values)) if len(values) else float("nan")


def _flows(labels: ClipLabels, height: int, width: int) -> tuple[list[Flow], list[np.ndarray], np.ndarray]:
    """Flow from the later to the earlier frame of n pairs of neighbours, spread over the clip; class maps of the later frames, and
    the numbers [n] of the earlier ones."""
    pairs = np.unique(np.linspace(0, len(labels) - 2, _PAIRS).round().astype(int))
    flows, maps = labelled_flows(labels, pairs.tolist(), height, width)
    return flows, [each.scene_class for each in maps], pairs
