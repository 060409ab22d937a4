"""Every knob of a scenario acts in its whole range, the right way round, in first frames that the shipped weights compose.

They are judged by the shipped detector, and composed in few steps: four minutes on a core, with all figures by

    pytest -m slow tests/engine/test_knobs.py -rP

What is not learned stands in the test of it: more than 12 vehicles, and green.

Knobs that no first frame shows (the ego's speed, actions, guidance of context) are those of films: `drivesim evaluate motion` and
`fidelity` measure what becomes of them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from drivesim.config import shipped
from drivesim.engine.cascade import Cascade
from drivesim.engine.engine import Engine
from drivesim.engine.future import FutureSpec, Prompt
from drivesim.engine.settings import ImageSampling, SamplingSettings
from drivesim.layout.raster import layout_maps
from drivesim.metrics.label_trust import Trust, agreement, crowdedness
from drivesim.models.detector.detector import Detections, Detector
from drivesim.models.image_ldm import ImageLDM
from drivesim.models.latent_space import LatentSpace
from drivesim.scenario.scenario import Scenario
from drivesim.scene.classes import SceneClass
from drivesim.scene.vehicles import SIZES, Kind
from drivesim.tensors import to_frames
from drivesim.traffic.paint import PALETTE

pytestmark = pytest.mark.slow

SEEDS = (1, 2)
STEPS = 10
CAR = {"ahead": 14, "left": 0, "kind": "sedan", "paint": "red"}
HIGHWAY = {"setting": "highway", "lanes": 3, "ego_lane": 2}
Compose = Callable[..., tuple[np.ndarray, FutureSpec]]


@pytest.fixture(scope="module")
def detector() -> Detector:
    """The shipped one."""
    return Detector.load(shipped("checkpoints") / "detector")


@pytest.fixture(scope="module")
def compose() -> Compose:
    """The first frame of a scenario uint8 [128 256 3], by the shipped weights, and what was asked for."""
    folder: Path = shipped("checkpoints")
    space, image = LatentSpace.load(folder / "autoencoder"), ImageLDM.load(folder / "image-ldm")
    cascade = Cascade(space, image, None, None, torch.device("cpu"))  # type: ignore[arg-type]
    engine = Engine(cascade, SamplingSettings(image=ImageSampling(steps=STEPS)))

    def composed(seed: int, **sections: Any) -> tuple[np.ndarray, FutureSpec]:
        defaults = {"name": "knob", "look": {"time_of_day": "day", "crowdedness": 1}, "road": HIGHWAY}
        prompt = Prompt.of(Scenario.model_validate(defaults | sections))
        future = FutureSpec.first(prompt, seed)
        return to_frames(engine.decode(engine.compose(prompt, seed)[None], future, [0]))[0], future

    return composed


def rank_correlation(x: Sequence[float], y: Sequence[float]) -> float:
    """Of Spearman, ties ranked alike."""
    ranks = [np.searchsorted(np.sort(v), v, "left") + np.searchsorted(np.sort(v), v, "right") for v in map(np.asarray, (x, y))]
    return float(np.corrcoef(*ranks)[0, 1])


def one_car(compose: Compose, detector: Detector, seed: int, car: dict[str, Any] | None = None, **sections: Any) -> Detections:
    """The surest vehicle of a frame in which a red sedan stands 14 m ahead, but for what is changed."""
    frame, _ = compose(seed, traffic="scripted", vehicles=[CAR | (car or {})], **sections)
    found = detector.detect(frame[None])[0]
    assert len(found) and found.score[0] > 0.4
    return found.take(np.arange(1))


@pytest.mark.parametrize("time_of_day", ["day", "night"])
def test_more_vehicles_are_seen_the_more_are_asked_for(compose: Compose, detector: Detector, time_of_day: str) -> None:
    """Up to 9. There is room for 10 to 16, the weights show 8 to 10 of them; who asks for more than 12 is warned."""
    means = []
    for count in (0, 3, 6, 9, 12, 24):
        look = {"time_of_day": time_of_day, "crowdedness": count}
        pairs = [(future.boxes(0), detector.detect(frame[None])[0]) for frame, future in
                 (compose(seed, look=look) for seed in (*SEEDS, 3))]  # fmt: skip
        told, seen = [boxes.crowdedness for boxes, _ in pairs], [crowdedness(found.box, found.score) for _, found in pairs]
        print(f"crowdedness {time_of_day} {count}: told {np.mean(told):.1f}, seen {np.mean(seen):.1f}")
        means.append(float(np.mean(seen)))
    assert means[0] == 0 and means[1] >= 2
    assert means[0] < means[1] < means[2] < means[3] < means[4] + 1, "more are not seen than at most one too few"
    assert means[-1] > means[2], "the end of the range is not like its beginning"


def test_night_is_dark(compose: Compose, detector: Detector) -> None:
    for road in (HIGHWAY, {"setting": "residential", "lanes": 1}):
        for seed in SEEDS:
            day, night = (compose(seed, look={"time_of_day": time, "crowdedness": 2}, road=road)[0] for time in ("day", "night"))
            assert night.mean() < 0.6 * day.mean()
            assert detector.looks.is_night(detector.features(np.stack([day, night]))).tolist() == [False, True]


WHERE: dict[str, tuple[tuple[float, ...], Callable[[np.ndarray], float], int]] = {  # values, measure of the box, its sign
    "height": ((1.2, 1.4, 1.6, 1.9, 2.2), lambda box: box[3], 1),
    "pitch": ((-4.0, -2.0, 0.0, 2.0, 4.0), lambda box: box[1] + box[3], 1),
    "field_of_view": ((50.0, 60.0, 70.0, 80.0), lambda box: box[2] - box[0], -1),
    "ahead": ((7.0, 10.0, 14.0, 20.0, 30.0, 45.0), lambda box: box[3] - box[1], -1),
    "left": ((-7.0, -3.7, -1.0, 1.0, 3.7, 7.0), lambda box: box[0] + box[2], -1),
    "heading": ((0.0, 20.0, 40.0), lambda box: box[2] - box[0], 1),
    "curvature": ((-0.01, -0.005, 0.0, 0.005, 0.01), lambda box: box[0] + box[2], -1),
}


@pytest.mark.parametrize("knob", WHERE)
def test_camera_road_and_place_say_where_a_car_is_seen(compose: Compose, detector: Detector, knob: str) -> None:
    values, measure, sign = WHERE[knob]
    for seed in SEEDS:
        seen = []
        for value in values:
            camera, car, road = {}, {}, dict(HIGHWAY)
            if knob in ("height", "pitch", "field_of_view"):
                camera = {knob: value}
            elif knob == "curvature":
                road, car = road | {knob: value}, {"ahead": 30}
            else:
                car = {knob: value} | ({"ahead": 20} if knob == "left" else {})
            seen.append(float(measure(one_car(compose, detector, seed, car, camera=camera, road=road).box[0])))
        print(f"{knob} {values}: {np.round(seen, 3).tolist()}")
        assert (np.diff(seen) * sign > 0).all()


@pytest.mark.xfail(strict=True, reason="the shipped weights turn a car by no more than 40 degrees: few of the world stand so")
def test_a_car_at_60_degrees_is_wider_than_at_40(compose: Compose, detector: Detector) -> None:
    for seed in SEEDS:
        boxes = [one_car(compose, detector, seed, {"heading": heading}, road=dict(HIGHWAY)).box[0] for heading in (40.0, 60.0)]
        assert boxes[1][2] - boxes[1][0] > boxes[0][2] - boxes[0][0]


def test_kinds_are_as_high_as_they_are(compose: Compose, detector: Detector) -> None:
    kinds: list[Kind] = ["sedan", "suv", "van", "bus", "truck"]
    for seed in SEEDS:
        high = [float(np.diff(one_car(compose, detector, seed, {"kind": kind, "ahead": 20}).box[0, [1, 3]])[0]) for kind in kinds]
        print(f"kinds {kinds}: {np.round(high, 3).tolist()}")
        assert rank_correlation([SIZES[kind][2] for kind in kinds], high) > 0.85


def test_paint_is_seen(compose: Compose, detector: Detector) -> None:
    """Light and dark, warm and cold. Green is not learned as a hue: it comes out as dark as it is, and bluish."""
    asked = np.array(list(PALETTE.values()))
    for seed in SEEDS:
        found = np.stack([one_car(compose, detector, seed, {"paint": name}).paint[0] for name in PALETTE])
        light, warm = (rank_correlation(measure(asked), measure(found)) for measure in
                       (lambda rgb: rgb @ [0.3, 0.6, 0.1], lambda rgb: rgb[:, 0] - rgb[:, 2]))  # fmt: skip
        print(f"paint: rank correlation of light {light:.2f}, of red over blue {warm:.2f}")
        print({name: np.round(rgb, 2).tolist() for name, rgb in zip(PALETTE, found, strict=True)})
        assert light > 0.8 and warm > 0.7


def road_likeness(frame: np.ndarray, road: np.ndarray, where: np.ndarray) -> float:
    """How far the pixels `where` bool [h w] are from the colour of the road, bool [h w], which is the same in both."""
    return float(np.abs(frame[where].astype(float) - np.median(frame[road], axis=0)).mean())


@pytest.mark.parametrize(
    ("knob", "values"),
    [("lanes", (1, 2, 3, 4)), ("ego_lane", (1, 2, 3, 4)), ("setting", ("highway", "residential", "rural", "city"))],
)
def test_the_road_is_where_it_is_asked_for(compose: Compose, knob: str, values: tuple[Any, ...]) -> None:
    """What is road to one value of the knob and not to the next looks more like the road in the former's frame."""
    for seed in SEEDS:
        frames, roads = [], []
        for value in values:
            road = {"setting": "city", "lanes": 4 if knob == "ego_lane" else 2, "ego_lane": 1} | {knob: value}
            frame, future = compose(seed, road=road, look={"time_of_day": "day", "crowdedness": 0})
            frames.append(frame)
            roads.append(layout_maps(future.moments[0], *frame.shape[:2]).scene_class == SceneClass.ROAD)
        gains = []
        for (a, road_a), (b, road_b) in pairwise(zip(frames, roads, strict=True)):
            for one, other, where in ((a, b, road_a & ~road_b), (b, a, road_b & ~road_a)):
                if where.sum() > 200:
                    gains.append(road_likeness(other, road_a & road_b, where) - road_likeness(one, road_a & road_b, where))
        print(f"{knob} {values}: nearer to the road's colour by {np.round(gains, 1).tolist()} levels")
        assert gains and np.mean(np.array(gains) > 0) >= 0.75 and np.mean(gains) > 3


def test_guidance_holds_the_frame_to_the_layout(compose: Compose, detector: Detector) -> None:
    """From nothing at 0 to all from 2 on; the samplers keep contrast from growing with it (rescale)."""
    shown, contrast, scales = [], [], (0.0, 0.5, 1.0, 2.0, 4.0, 7.0, 10.0)
    for scale in scales:
        trusts, spread = [], []
        for seed in SEEDS:
            frame, future = compose(seed, look={"time_of_day": "day", "crowdedness": 6}, guidance={"boxes": scale})
            found, boxes = detector.detect(frame[None])[0], future.boxes(0)
            trusts += (agreement(found.box, found.score, boxes).trust[boxes.counted] == Trust.SHOWN).tolist()
            spread.append(float(frame.std()))
        shown.append(float(np.mean(trusts)))
        contrast.append(float(np.mean(spread)))
    print(f"guidance {scales}: shown {np.round(shown, 2).tolist()}, contrast {np.round(contrast, 1).tolist()}")
    assert shown[0] < 0.2 and shown[-1] >= 0.8 and rank_correlation(scales, shown) > 0.8
    assert max(contrast[2:]) < 1.5 * contrast[2], "of guidance 1"
