"""FID and FVD as others publish them, by the network files that others publish, where the user has these.

frames: a TorchScript file of the Inception network that maps uint8 [n 3 h w] to features [n d] (inception-2015-12-05.pt)
clips: a TorchScript file of the I3D network that maps clips [n 3 f h w] of 0 to 255 to features [n d] (i3d_torchscript.pt)

Such a file is a program, run by torch: use none that you do not trust. Figures are comparable with published ones for as many
frames or clips as these alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from drivesim.config import InputError
from drivesim.metrics.distances import frechet_distance
from drivesim.metrics.intervals import Figures, Interval

_BATCH = 16
CLIP_LENGTH = 16  # frames of a clip that I3D is shown


def load_network(file: Path) -> torch.jit.ScriptModule:
    """The network of a TorchScript file; InputError if there is none."""
    if not file.is_file():
        raise InputError(f"{file}: no such file; give the TorchScript file of the published network")
    try:
        network: torch.jit.ScriptModule = torch.jit.load(str(file), map_location="cpu").eval()
    except RuntimeError as error:
        fault = str(error).splitlines()[0]
        raise InputError(f"{file}: no TorchScript file ({fault}); give that of the published network") from error
    return network


@torch.no_grad()
def frame_features(network: torch.jit.ScriptModule, frames: np.ndarray) -> np.ndarray:
    """Features [n d] of pictures uint8 [n h w 3]."""
    pictures = torch.from_numpy(np.ascontiguousarray(frames)).movedim(-1, 1)
    parts = [network(pictures[k : k + _BATCH], return_features=True) for k in range(0, len(frames), _BATCH)]
    return np.asarray(torch.cat(parts).flatten(1).float().numpy())


@torch.no_grad()
def film_features(network: torch.jit.ScriptModule, films: Sequence[np.ndarray]) -> np.ndarray:
    """Features [n d] of the first CLIP_LENGTH frames of films uint8 [f h w 3]."""
    clips = [torch.from_numpy(film[:CLIP_LENGTH]).movedim(-1, 0).float()[None] for film in films]
    parts = [network(clip, rescale=True, resize=True, return_features=True) for clip in clips]
    return np.asarray(torch.cat(parts).flatten(1).float().numpy())


def published_figures(name: str, made: np.ndarray, rendered: np.ndarray, others: np.ndarray | None = None) -> Figures:
    """Frechet distance `name` of features [n d] to rendered ones; `name`_floor, of other rendered ones to these."""
    sets = {name: made} | ({} if others is None else {f"{name}_floor": others})
    return {key: Interval(frechet_distance(rows, rendered), np.nan, np.nan) for key, rows in sets.items()}
