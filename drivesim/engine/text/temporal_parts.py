"""Which checkpoints of temporal layers a film of a text is made with."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple, Self

from drivesim.checkpoint import require_checkpoint


class TemporalParts(NamedTuple):
    """Checkpoints of temporal layers: for the backbone's U-Net, and where there are some for its decoder and for the upscaler.

    `interpolation` is one for the U-Net that interpolates in the place of `video`.
    """

    video: Path
    decoder: Path | None
    upscaler: Path | None
    interpolation: Path | None = None

    @classmethod
    def of(cls, folder: Path) -> Self:
        """A checkpoint by itself, or those in folders video-ldm, decoder, super-resolution, interpolation; InputError for none."""
        if not (folder / "video-ldm").is_dir():
            return cls(require_checkpoint(folder), None, None)
        others = (folder / name for name in ("decoder", "super-resolution", "interpolation"))
        return cls(require_checkpoint(folder / "video-ldm"), *(require_checkpoint(o) if o.is_dir() else None for o in others))
