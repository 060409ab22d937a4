"""Recipes and data of every stage: `tiny` for tests (seconds), `cpu` for two cores (tens of minutes), `gpu` for one H100."""

from __future__ import annotations

from typing import Any, Literal, get_args

from pydantic import Field

from drivesim.config import Config
from drivesim.video_format import FRAME_HEIGHT, FRAME_RATES, FRAME_WIDTH, NETWORK_HEIGHT, NETWORK_WIDTH, TrainedName

PresetName = Literal["tiny", "cpu", "gpu"]
PRESET_NAMES: tuple[PresetName, ...] = get_args(PresetName)


class DataSpec(Config):
    """Clips of the procedural world that a stage learns from: rendered once into a store, then read."""

    clips: int = Field(ge=1)
    frames: int = Field(ge=1)
    fps: float = Field(gt=0)
    height: int = NETWORK_HEIGHT
    width: int = NETWORK_WIDTH
    seed: int = 1

    @property
    def label(self) -> str:
        """File name of the store, without folder and suffix."""
        return f"{self.clips}x{self.frames}-{self.fps:g}fps-{self.height}x{self.width}-seed{self.seed}"

    @property
    def held_out(self) -> DataSpec:
        """A twentieth as many clips (4 to 64) of worlds that training never sees."""
        return self.model_copy(update={"clips": min(64, max(2, self.clips // 20)), "seed": self.seed + 1_000_003})


class Preset(Config):
    """What `drivesim train STAGE --preset NAME` uses: data, and the fields of the stage's recipe that differ from its defaults."""

    data: tuple[DataSpec, ...]
    recipe: dict[str, Any]


Presets = dict[PresetName, dict[TrainedName, Preset]]
KEYS, BETWEEN, FULL = FRAME_RATES
TINY = DataSpec(clips=2, frames=12, fps=KEYS, height=NETWORK_HEIGHT // 2, width=NETWORK_WIDTH // 2)
CPU_KEYS = DataSpec(clips=700, frames=12, fps=KEYS)
CPU_MOTION = (DataSpec(clips=120, frames=45, fps=BETWEEN, seed=2), DataSpec(clips=200, frames=17, fps=FULL))
GPU_KEYS, GPU_MOTION = DataSpec(clips=6000, frames=16, fps=KEYS), DataSpec(clips=2000, frames=33, fps=FULL)

_TINY_RUN = {"batch": 2, "samples": 4, "warmup": 2, "evaluate_every": 4, "save_every": 2, "bf16": False,
             "held_out_batches": 1}
_TINY_MODEL = {"widths": [32, 32], "blocks": 1, "token_width": 32, "encoder_layers": 1}

PRESETS: Presets = {
    "tiny": {
        "autoencoder": Preset(
            data=(TINY,),
            recipe=_TINY_RUN
            | {"model": {"encoder_widths": [8, 8, 16], "decoder_widths": [8, 8, 16]}, "adversary_weight": 0.1},
        ),
        "image-ldm": Preset(data=(TINY,), recipe=_TINY_RUN | {"model": _TINY_MODEL}),
        "video-ldm": Preset(
            data=(TINY, TINY.model_copy(update={"fps": FULL, "frames": 17})),
            recipe=_TINY_RUN | {"model": {"context_widths": [32, 32]}},
        ),
        "super-resolution": Preset(
            data=(TINY.model_copy(update={"fps": FULL, "frames": 2, "height": FRAME_HEIGHT // 4, "width": FRAME_WIDTH // 4}),),
            recipe=_TINY_RUN
            | {
                "model": {"widths": [8, 16], "blocks": [1, 1], "sharpener_width": 8, "sharpener_blocks": 1},
                "crop": 64,
            },
        ),
        "decoder": Preset(
            data=(TINY.model_copy(update={"fps": FULL, "frames": 4}),),
            recipe=_TINY_RUN | {"frames": 3, "crop": [16, 32], "adversary_width": 8},
        ),
        "detector": Preset(
            data=(TINY,), recipe=_TINY_RUN | {"model": {"widths": [16, 16, 16], "blocks": [1, 1, 1], "head_width": 16}}
        ),
    },
    "cpu": {
        "autoencoder": Preset(data=(CPU_KEYS,), recipe={"batch": 16, "samples": 220_000, "learning_rate": 1e-3}),
        "image-ldm": Preset(data=(CPU_KEYS,), recipe={"batch": 32, "samples": 130_000, "learning_rate": 5e-4}),
        "video-ldm": Preset(
            data=(CPU_KEYS, *CPU_MOTION),
            recipe={"batch": 4, "samples": 6_000, "learning_rate": 6e-4, "warmup": 200, "ema": 600,
                    "evaluate_every": 2_000, "save_every": 500, "held_out_batches": 4},
        ),
        "super-resolution": Preset(
            data=(DataSpec(clips=100, frames=4, fps=FULL, height=FRAME_HEIGHT, width=FRAME_WIDTH),),
            recipe={"batch": 16, "samples": 40_000, "learning_rate": 1e-3, "warmup": 1_000, "crop": 128,
                    "evaluate_every": 10_000, "save_every": 4_000},
        ),
        "decoder": Preset(
            data=(CPU_MOTION[1],),
            recipe={"batch": 4, "samples": 12_000, "learning_rate": 5e-4, "betas": [0.5, 0.95], "warmup": 400, "ema": 1_000,
                    "cooldown": 0.3, "evaluate_every": 4_000, "save_every": 1_000},
        ),
        "detector": Preset(
            data=(CPU_KEYS,),
            recipe={"batch": 32, "samples": 60_000, "learning_rate": 1.5e-3, "optimizer": "muon", "weight_decay": 0.01,
                    "held_out_batches": 6},
        ),
    },
    "gpu": {
        "autoencoder": Preset(
            data=(GPU_KEYS,),
            recipe={"batch": 64, "samples": 4_000_000, "crop": [128, 128], "learning_rate": 1e-3, "compile": True,
                    "warmup": 20_000, "ema": 100_000, "evaluate_every": 500_000, "save_every": 250_000},
        ),
        "image-ldm": Preset(
            data=(GPU_KEYS,),
            recipe={"batch": 256, "samples": 6_000_000, "learning_rate": 1e-3, "compile": True,
                    "warmup": 50_000, "ema": 200_000, "evaluate_every": 500_000, "save_every": 250_000},
        ),
        "video-ldm": Preset(
            data=(GPU_KEYS, GPU_MOTION),
            recipe={"batch": 64, "samples": 600_000, "learning_rate": 5e-4, "compile": True,
                    "warmup": 10_000, "ema": 20_000, "evaluate_every": 100_000, "save_every": 50_000},
        ),
        "super-resolution": Preset(
            data=(DataSpec(clips=1000, frames=8, fps=FULL, height=FRAME_HEIGHT, width=FRAME_WIDTH),),
            recipe={"batch": 32, "samples": 600_000, "learning_rate": 5e-4, "compile": True,
                    "warmup": 10_000, "ema": 20_000, "evaluate_every": 100_000, "save_every": 50_000},
        ),
        "decoder": Preset(
            data=(GPU_MOTION,),
            recipe={"batch": 32, "samples": 300_000, "crop": [128, 128], "learning_rate": 5e-4, "betas": [0.5, 0.95],
                    "compile": True, "warmup": 5_000, "ema": 20_000, "cooldown": 0.3, "evaluate_every": 50_000,
                    "save_every": 25_000},
        ),
        "detector": Preset(
            data=(GPU_KEYS,),
            recipe={"batch": 128, "samples": 1_000_000, "learning_rate": 2e-3, "optimizer": "muon", "weight_decay": 0.01,
                    "warmup": 10_000, "ema": 50_000, "evaluate_every": 100_000, "save_every": 100_000},
        ),
    },
}  # fmt: skip

_PUBLIC_KEYS = DataSpec(clips=200, frames=12, fps=KEYS, height=256, width=512)
_PUBLIC_MOTION = DataSpec(clips=200, frames=17, fps=FULL, height=256, width=512)
_LARGE_MOTION = DataSpec(clips=200, frames=8, fps=FULL, height=FRAME_HEIGHT, width=FRAME_WIDTH)
BACKBONE_PRESETS: Presets = {
    "tiny": {
        "image-ldm": Preset(data=(TINY,), recipe=_TINY_RUN),
        "video-ldm": Preset(
            data=(TINY, TINY.model_copy(update={"fps": FULL, "frames": 17})),
            recipe=_TINY_RUN | {"model": {"context_widths": [16, 16], "embedding_width": 16, "head_width": 16}},
        ),
        "decoder": Preset(
            data=(TINY.model_copy(update={"fps": FULL, "frames": 4}),),
            recipe=_TINY_RUN | {"frames": 3, "crop": [16, 32], "adversary_width": 8},
        ),
        "super-resolution": Preset(
            data=(TINY.model_copy(update={"fps": FULL, "frames": 4}),),
            recipe=_TINY_RUN | {"frames": 3, "crop": 32, "model": {"embedding_width": 16, "head_width": 16}},
        ),
    },
    "cpu": {
        "image-ldm": Preset(data=(CPU_KEYS,), recipe={"batch": 1, "samples": 1_000, "warmup": 50, "ema": 100,
                                                      "checkpointing": True, "held_out_batches": 4}),
        "video-ldm": Preset(
            data=(CPU_KEYS, *CPU_MOTION),
            recipe={"batch": 1, "samples": 1_000, "learning_rate": 1e-4, "warmup": 50, "ema": 100,
                    "checkpointing": True, "held_out_batches": 4},
        ),
        "decoder": Preset(
            data=(CPU_MOTION[1],),
            recipe={"batch": 1, "samples": 1_000, "warmup": 50, "ema": 100, "checkpointing": True, "held_out_batches": 4},
        ),
        "super-resolution": Preset(
            data=(_LARGE_MOTION.model_copy(update={"clips": 20}),),
            recipe={"batch": 1, "samples": 1_000, "warmup": 50, "ema": 100, "checkpointing": True, "held_out_batches": 4},
        ),
    },
    "gpu": {
        "image-ldm": Preset(
            data=(_PUBLIC_KEYS,),
            recipe={"batch": 16, "samples": 100_000, "warmup": 1_000, "ema": 5_000, "weight_decay": 1e-2,
                    "checkpointing": True},
        ),
        "video-ldm": Preset(
            data=(_PUBLIC_KEYS, _PUBLIC_MOTION),
            recipe={"batch": 4, "samples": 100_000, "learning_rate": 1e-4, "warmup": 1_000, "ema": 5_000,
                    "weight_decay": 1e-2, "checkpointing": True},
        ),
        "decoder": Preset(
            data=(_PUBLIC_MOTION,),
            recipe={"batch": 4, "samples": 40_000, "betas": [0.5, 0.95], "warmup": 400, "ema": 2_000, "checkpointing": True},
        ),
        "super-resolution": Preset(
            data=(_LARGE_MOTION,),
            recipe={"batch": 4, "samples": 100_000, "warmup": 1_000, "ema": 5_000, "weight_decay": 1e-2, "checkpointing": True},
        ),
    },
}  # fmt: skip
"""Stages on a public backbone: a Stable Diffusion of 0.9 billion parameters is far too large for `cpu` to come to anything."""
