"""Pixels in the place of latents: the paper's baseline (Video LDM, Table 1, right) diffuses these."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d, pixel_shuffle, pixel_unshuffle

from drivesim.config import Say
from drivesim.dataset.batches import ClipWindows
from drivesim.dataset.clips import ClipStore
from drivesim.dataset.layouts import cache_layouts
from drivesim.dataset.moved import Move, MovedFrame, MovedFrames, MovedUse, PairFlows
from drivesim.models.backbone import LatentCodec
from drivesim.training.latent_data import LatentData
from drivesim.video_format import LATENT_FACTOR

SHRINK = 2
FOLD = LATENT_FACTOR // SHRINK
PIXEL_CHANNELS = 3 * FOLD**2


class FoldedPixels(LatentCodec):
    """Frames of half the size, every FOLD x FOLD pixels of which are one cell of 48 channels: nothing else is lost.

    So cells are as many as the latents', and the same networks do the same work on them. Values stay those of pixels, -1 to 1, of a
    deviation of about a half: neighbours are alike, so that more noise is needed to hide them than latents need.
    """

    def encode(self, frames: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """Frames [b 3 h w] in [-1, 1] to cells [b 48 h/8 w/8]; nothing is drawn."""
        return pixel_unshuffle(avg_pool2d(frames, SHRINK), FOLD)

    def decode(self, latents: Tensor) -> Tensor:
        """Cells [b 48 h w] to frames [b 3 8h 8w] in [-1, 1], each pixel of half the size as a square of the whole."""
        small = pixel_shuffle(latents, FOLD).clamp(-1.0, 1.0)
        return small.repeat_interleave(SHRINK, dim=2).repeat_interleave(SHRINK, dim=3)

    def fingerprint(self) -> str:
        """The same for all of them."""
        return f"pixels {SHRINK} {FOLD}"

    def decoder_fingerprint(self) -> str:
        """The same for all of them."""
        return self.fingerprint()


class PixelData(LatentData):
    """Windows with cells of pixels, which are read from the stores as they are asked for: files of them would be large."""

    def __init__(self, layouts: bool) -> None:
        super().__init__(FoldedPixels(), layouts)

    @property
    def _device(self) -> torch.device:
        return torch.device("cpu")  # no networks

    def _make(self, store: ClipStore, say: Say | None) -> None:
        self._caches[store.path] = _StoreCells(store, self.encode)
        if self.layouts:
            self._layouts[store.path] = cache_layouts(store, progress=say)

    def moved(self, windows: Iterable[ClipWindows], uses: Collection[MovedUse]) -> Mapping[Path, MovedFrames]:
        """Given frames as the layout moves them, made as they are asked for."""
        stores = {store.path: store for each in windows for store in each.stores}
        return {path: _MovedCells(store, self.move, self.encode) for path, store in stores.items()}


class _StoreCells:
    """dataset.latents.FrameLatents of a store's pictures."""

    def __init__(self, store: ClipStore, encode: Callable[[np.ndarray], np.ndarray]) -> None:
        self.store, self._encode = store, encode

    @property
    def shape(self) -> tuple[int, int, int]:
        return PIXEL_CHANNELS, self.store.height // LATENT_FACTOR, self.store.width // LATENT_FACTOR

    def read(self, i: int, start: int = 0, stop: int | None = None, step: int = 1) -> np.ndarray:
        return self._encode(self.store.pictures(i, start, stop, step)).astype(np.float16)


class _MovedCells:
    """dataset.moved.MovedFrames of a store's pictures."""

    def __init__(self, store: ClipStore, move: Move, encode: Callable[[np.ndarray], np.ndarray]) -> None:
        self._cells, self._flows, self._move = _StoreCells(store, encode), PairFlows(store), move

    def read(self, clip: int, to: int, source: int) -> MovedFrame | None:
        flow = self._flows.flow(clip, to, source)
        if flow is None:
            return None
        moved, seen = self._move(self._cells.read(clip, source, source + 1), [flow])
        return MovedFrame(moved[0], seen[0])
