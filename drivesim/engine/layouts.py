"""Given frames of a future as its layout moves them to others: what stands by the ego's motion, vehicles by their own."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import torch

from drivesim.engine.moments import Moments
from drivesim.layout.flow import Flow, flow
from drivesim.layout.maps import LayoutMaps
from drivesim.layout.planes import planes_of
from drivesim.layout.raster import layout_maps_and_empty
from drivesim.models.backbone import LatentCodec
from drivesim.models.layers.context import MOVED
from drivesim.models.moved_frames import move_frames, moved_sources, with_moved
from drivesim.models.road_ahead import REACH
from drivesim.models.video_ldm import Context

_KEPT = 24  # frames, a megabyte each: more than any window or batch of links has


class FrameLayouts:
    """Layouts of the frames of `moments` at the size (height, width), by their ticks; the last ones asked for are kept."""

    def __init__(self, moments: Moments, size: tuple[int, int]) -> None:
        self.size = size
        self._scene = lru_cache(maxsize=_KEPT)(moments.__getitem__)
        self._maps = lru_cache(maxsize=_KEPT)(self._draw)
        self.planes = lru_cache(maxsize=_KEPT)(self._planes)
        """What networks are shown of the frame of a tick, uint8 [planes h w]: asked for by prediction and by interpolations."""

    def _draw(self, tick: int) -> tuple[LayoutMaps, LayoutMaps]:
        return layout_maps_and_empty(self._scene(tick), *self.size)

    def _planes(self, tick: int) -> np.ndarray:
        return planes_of(self._scene(tick), *self._maps(tick))

    def flow(self, to: int, source: int) -> Flow:
        """From each pixel of frame `to` to its place in frame `source`."""
        return flow(self._scene(to), self._maps(to)[0], self._scene(source), self._maps(source)[0])

    def is_near(self, to: int, source: int) -> bool:
        """Whether the way between two frames is short enough for one to say much of the other."""
        return abs(self._scene(to).along - self._scene(source).along) <= REACH

    def moved(self, space: LatentCodec, context: Context, ticks: Sequence[int], given: Sequence[int]) -> Context:
        """The context of b clips with its `given` frames as the layout moves them to all others; `ticks` of all frames [(b f)]."""
        latents = context.latents
        clips, frames = latents.shape[:2]
        sources = moved_sources(frames, given)
        rows = [
            (clip, frame, side, source)
            for clip, frame, side in np.ndindex(clips, frames, MOVED)
            if (source := sources[frame][side]) is not None
            and self.is_near(ticks[clip * frames + frame], ticks[clip * frames + source])
        ]
        if not rows:
            return context
        flows = [self.flow(ticks[clip * frames + frame], ticks[clip * frames + source]) for clip, frame, _, source in rows]
        right_down = torch.from_numpy(np.stack([(one.right, one.down) for one in flows])).to(latents.device)
        visible = torch.from_numpy(np.stack([one.seen for one in flows])).to(latents.device)
        pictures = space.decode(latents[:, list(given)].flatten(0, 1).float())
        picked = [clip * len(given) + given.index(source) for clip, _, _, source in rows]
        made, share = move_frames(space, pictures[picked], right_down, visible)
        moved = torch.zeros_like(context.moved)
        seen = torch.zeros(*moved.shape[:3], *moved.shape[4:], device=moved.device)
        clip, frame, side, _ = (torch.tensor(column, device=moved.device) for column in zip(*rows, strict=True))
        moved[clip, frame, side], seen[clip, frame, side] = made.to(moved.dtype), share
        return with_moved(context, moved, seen)
