"""Captions of clips as the text encoder of a public backbone takes them."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from drivesim.config import InputError
from drivesim.dataset.batches import ClipWindows
from drivesim.models.stable_diffusion.text import TextEncoder
from drivesim.scene.clip import ClipLabels


def caption_ids(text: TextEncoder, labels: Sequence[ClipLabels], dropped: bool = False) -> Tensor:
    """Token numbers int64 [b n] of the captions of b windows; of the empty text where there is none, or where they are dropped."""
    return text.ids(["" if dropped else clip.caption or "" for clip in labels])


def check_captions(windows: ClipWindows) -> None:
    """InputError if no clip of these stores has a caption: nothing could be learned of texts."""
    if not any(store.labels(clip, 0, 1).caption for store in windows.stores for clip in range(len(store))):
        names = ", ".join(str(store.path) for store in windows.stores)
        raise InputError(f"{names}: no clip has a caption; make it anew by `data generate`, or by `data import --caption`")
