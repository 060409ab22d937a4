"""Figures of what is made, each with its interval over worlds, beside renders of the same layouts."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from drivesim.evaluation.fidelity.material import ClipPair, Stills
from drivesim.evaluation.fidelity.seen import PairSeen, frame_matches, vehicles_there
from drivesim.metrics.average_precision import FrameMatches, average_precision
from drivesim.metrics.distances import kernel_distance
from drivesim.metrics.drift import drift, time_windows
from drivesim.metrics.intervals import Figures, Interval, bootstrap, mean_interval
from drivesim.metrics.label_trust import crowdedness
from drivesim.metrics.reconstruction import gradient_energy
from drivesim.models.detector.detector import Detector


def precision(worlds: Sequence[Sequence[FrameMatches]], rows: np.ndarray) -> float:
    """Average precision over all frames of the worlds of these numbers."""
    return average_precision([match for row in rows for match in worlds[row]])


def share_of(one: Sequence[Sequence[FrameMatches]], other: Sequence[Sequence[FrameMatches]]) -> Interval:
    """Average precision of `one` as a share of that of the `other`, by worlds (each with its frames)."""

    def ratio(rows: np.ndarray) -> float:
        whole = precision(other, rows)
        return precision(one, rows) / whole if whole > 0 else float("nan")

    return bootstrap(ratio, len(one), draws=200)


def still_figures(material: Stills, detector: Detector) -> Figures:
    """Of composed frames: vehicles by the detector, day and night, crowdedness, distance to renders."""
    labels = [each.boxes[0] for each in material.labels]
    found = {name: detector.detect(getattr(material, name)) for name in ("rendered", "composed", "look_alone")}
    matches = {name: [[frame_matches(one, truth)] for one, truth in zip(found[name], labels, strict=True)]
               for name in ("rendered", "composed")}  # fmt: skip
    others = labels[1:] + labels[:1]
    elsewhere = [[frame_matches(one, truth)] for one, truth in zip(found["composed"], others, strict=True)]
    count = len(labels)
    figures = {
        "ap50_rendered": bootstrap(lambda rows: precision(matches["rendered"], rows), count, draws=200),
        "ap50_composed_share": share_of(matches["composed"], matches["rendered"]),
        "ap50_shuffled_share": share_of(elsewhere, matches["rendered"]),
    }
    asked = np.array([each.crowdedness[0] for each in material.labels])
    for name, kind in (("crowdedness_correlation", "look_alone"), ("crowdedness_correlation_rendered", "rendered")):
        counted = np.array([crowdedness(one.box, one.score) for one in found[kind]])
        figures[name] = bootstrap(_correlation(asked, counted), count)
    features = {name: detector.features(getattr(material, name)) for name in ("rendered", "composed", "others", "kept")}
    for name, kind in (("day_night_obeyed", "composed"), ("day_night_rendered", "rendered")):
        right = detector.looks.is_night(features[kind]) == material.night
        figures[name] = mean_interval(right.astype(np.float64))
    energy = {name: gradient_energy(getattr(material, name)) for name in ("composed", "rendered")}
    made, whole = energy["composed"], energy["rendered"]
    figures["sharpness_composed"] = bootstrap(lambda rows: float(made[rows].sum() / whole[rows].sum()), count)
    sets = (features[each][:, None] for each in ("composed", "kept", "rendered", "others"))
    return figures | distance_figures("composed", *sets)


def distance_figures(name: str, made: np.ndarray, kept: np.ndarray, one: np.ndarray, other: np.ndarray) -> Figures:
    """Kernel distances of features [worlds k d] of rendered worlds (`one`, `other`), of what is `made` of the first ones' layouts,
    and of the other ones as the autoencoder has `kept` them, each to renders of worlds that are not its own.

    In units of the rendered ones' deviations: of what is made; the floor, of renders; and the former as a multiple of that of
    reconstructions.
    """
    both = np.concatenate([one, other]).reshape(-1, one.shape[-1])
    mean, deviation = both.mean(axis=0), np.maximum(both.std(axis=0), 1e-3)

    def distance(x: np.ndarray, y: np.ndarray) -> Callable[[np.ndarray], float]:
        def of(rows: np.ndarray) -> float:
            drawn = np.unique(rows)  # what is drawn twice would be nearer to itself than worlds are
            a, b = (((z[drawn] - mean) / deviation).reshape(-1, len(mean)) for z in (x, y))
            return kernel_distance(a, b) if len(a) > 1 else float("nan")

        return of

    least = distance(kept, one)

    def multiple(rows: np.ndarray) -> float:
        unit = least(rows)
        return distance(made, other)(rows) / unit if unit > 0 else float("nan")

    return {
        f"kernel_distance_{name}": bootstrap(distance(made, other), len(made), draws=100),
        f"kernel_distance_{name}_floor": bootstrap(distance(one, other), len(made), draws=100),
        f"kernel_distance_{name}_multiple": bootstrap(multiple, len(made), draws=100),
    }


def _correlation(asked: np.ndarray, counted: np.ndarray) -> Callable[[np.ndarray], float]:
    def correlation(rows: np.ndarray) -> float:
        if np.ptp(asked[rows]) == 0 or np.ptp(counted[rows]) == 0:
            return float("nan")
        return float(np.corrcoef(asked[rows], counted[rows])[0, 1])

    return correlation


def film_figures(seen: Sequence[PairSeen]) -> Figures:
    """Of clips at the full rate: vehicles in all frames, sharpness, pulse, flicker and motion."""

    def ratio(name: str) -> Interval:
        made, rendered = (np.array([getattr(side, name) for side in sides]) for sides in
                          ([film.made for film in seen], [film.rendered for film in seen]))  # fmt: skip
        known = np.flatnonzero(np.isfinite(made) & np.isfinite(rendered))
        if not len(known):
            return Interval(np.nan, np.nan, np.nan)

        def share(rows: np.ndarray) -> float:
            whole = rendered[known[rows]].sum()
            return float(made[known[rows]].sum() / whole) if whole else float("nan")

        return bootstrap(share, len(known))

    figures = {
        "ap50_rollout_share": share_of([film.made.matches for film in seen], [film.rendered.matches for film in seen]),
        "sharpness": ratio("energy"),
        "flicker": ratio("flicker"),
        "vehicles_kept_share": ratio("kept"),
        "pulse": mean_interval(np.array([film.made.pulse for film in seen])),
        "pulse_rendered": mean_interval(np.array([film.rendered.pulse for film in seen])),
    }
    for part in ("ground", "vehicles", "roadside"):
        for suffix, sides in (("", [film.made for film in seen]), ("_rendered", [film.rendered for film in seen])):
            figures[f"motion_error_{part}{suffix}"] = mean_interval(np.array([side.motion_errors[part] for side in sides]))
    for suffix, sides in (("", [film.made for film in seen]), ("_rendered", [film.rendered for film in seen])):
        figures[f"vehicles_shown{suffix}"] = mean_interval(np.array([side.shown for side in sides]))
        figures[f"kind_kept{suffix}"] = mean_interval(np.array([side.kind_kept for side in sides]))
        figures[f"paint_kept{suffix}"] = mean_interval(np.array([side.paint_kept for side in sides]))
        figures[f"vehicles_kept{suffix}"] = mean_interval(np.array([side.kept for side in sides]))
        figures[f"frames_without_unlabelled{suffix}"] = mean_interval(np.array([side.clean_frames for side in sides]))
    half = len(seen) // 2
    if not half:
        return figures
    one, other = seen[:half], seen[half : 2 * half]
    made, kept = np.stack([film.made.features for film in one]), np.stack([film.kept for film in other])
    rendered = [np.stack([film.rendered.features for film in part]) for part in (one, other)]
    return figures | distance_figures("rollouts", made, kept, *rendered)


def drift_figures(films: Sequence[ClipPair], detector: Detector, fps: float) -> Figures:
    """The last four seconds of long clips beside their first: `drift`, of the distance to the rendered frame of the same moment;
    `drift_sharpness` likewise; `drift_agreement`, of the share of large vehicles that are there, as a share of that in renders."""
    apart, energy, shown = [], [], []
    for film in films:
        made, rendered = detector.features(film.made), detector.features(film.rendered)
        deviation = np.maximum(rendered.std(axis=0), 1e-3)
        apart.append(drift(np.sqrt(np.square((made - rendered) / deviation).mean(axis=-1)), fps))
        shares = gradient_energy(film.made) / np.maximum(gradient_energy(film.rendered), 1e-9)
        energy.append(drift(shares, fps))
        windows = time_windows(len(film.made), fps)
        shown.append([[vehicles_there(frames[window], film.labels.boxes[window], detector) for frames in (film.made, film.rendered)]
                      for window in (windows[0], windows[-1])])  # fmt: skip
    counts = np.array(shown, np.float64)  # [films, first and last window, made and rendered]

    def agreed(rows: np.ndarray) -> float:
        first, last = counts[rows].sum(axis=0)
        return float(last[0] * first[1] / (last[1] * first[0])) if last[1] * first[0] else float("nan")

    return {
        "drift": mean_interval(np.array(apart)),
        "drift_sharpness": mean_interval(np.array(energy)),
        "drift_agreement": bootstrap(agreed, len(films)),
    }
