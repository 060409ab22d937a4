"""What was measured, to be judged by eye: rendered above, made below."""

from __future__ import annotations

import numpy as np

from drivesim.evaluation.fidelity.material import ClipPair, Stills
from drivesim.tensors import numpy_stream

SHOWN, COLUMNS = 24, 6  # random frames on a sheet


def still_sheet(material: Stills, seed: int) -> np.ndarray:
    """Random frames, each row of rendered ones above the same layouts composed: uint8 [h w 3]."""
    count = len(material.labels)
    chosen = np.sort(numpy_stream(seed, "sheet").permutation(count)[:SHOWN])
    rows = []
    for start in range(0, len(chosen), COLUMNS):
        part = chosen[start : start + COLUMNS]
        part = np.concatenate([part, np.repeat(part[-1:], min(COLUMNS, count) - len(part))])
        rows += [np.concatenate(list(side[part]), axis=1) for side in (material.rendered, material.composed)]
    return np.concatenate(rows)


def film_rows(film: ClipPair) -> list[np.ndarray]:
    """Two rows uint8 [h w 3]: frames spread over a clip as rendered, and as made."""
    chosen = np.linspace(0, len(film.made) - 1, COLUMNS).round().astype(int)
    return [np.concatenate(list(side[chosen]), axis=1) for side in (film.rendered, film.made)]
