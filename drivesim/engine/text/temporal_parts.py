"""Which checkpoints of temporal layers a film of a text is made with."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple, Self

from drivesim.checkpoint import require_checkpoint


class TemporalParts(NamedTuple):
    """Checkpoints of temporal layers: for the backbone's U-Net, and where there are some for its decoder and for the upscaler."""

    video: Path
    decoder: Path | None
    upscaler: Path | None

    @classmethod
    def of(cls, folder: Path) -> Self:
        """A checkpoint by itself, or those in the folders video-ldm, decoder and super-resolution; InputError if there is none."""
        if not (folder / "video-ldm").is_dir():
            return cls(require_checkpoint(folder), None, None)
        others = (folder / name for name in ("decoder", "super-resolution"))
        decoder, upscaler = (require_checkpoint(other) if other.is_dir() else None for other in others)
        return cls(require_checkpoint(folder / "video-ldm"), decoder, upscaler)
