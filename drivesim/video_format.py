"""The contract that networks, engine, files and the editor's page share: rates, sizes, counts and the names of stages.

Each of these numbers stands here alone (tests/test_video_format.py); changing one means training anew.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Literal, get_args

KEY_FPS = Fraction(15, 8)  # key frames a second: 1.875
INTERPOLATION_FACTOR = 4  # frames out of one by an interpolation
FRAME_RATES: tuple[float, ...] = tuple(float(KEY_FPS * INTERPOLATION_FACTOR**level) for level in range(3))
"""Frames a second of key frames, and of what interpolating them once and twice gives: 1.875, 7.5 and 30."""
WINDOW = 10  # key frames of one prediction
CONTEXT = 2  # key frames that every window but the first is given

NETWORK_HEIGHT, NETWORK_WIDTH = 128, 256  # px of the frames that the latent space decodes
LATENT_FACTOR = 8  # px of these across a cell of the latents
UPSAMPLING_FACTOR = 4  # of super-resolution, across and down
FRAME_HEIGHT = UPSAMPLING_FACTOR * NETWORK_HEIGHT  # px of finished frames, in which pixel boxes are given: 512
FRAME_WIDTH = UPSAMPLING_FACTOR * NETWORK_WIDTH  # 1024

MAX_VEHICLES = 24  # of a scenario, and of the boxes that a network is told of one frame

StageName = Literal["autoencoder", "image-ldm", "video-ldm", "super-resolution"]
STAGE_NAMES: tuple[StageName, ...] = get_args(StageName)
"""Stages of the cascade, each trained on top of those before it; their checkpoints are folders of these names."""
TrainedName = Literal[StageName, "decoder", "detector"]
TRAINED_NAMES: tuple[TrainedName, ...] = (*STAGE_NAMES, "decoder", "detector")
"""What there is a training stage for: the cascade, its decoder of clips (a part of the autoencoder's checkpoint), and the
instrument that it is measured with."""
Phase = Literal["compose", "predict", "interpolate", "decode", "upsample", "write"]
PHASES: tuple[Phase, ...] = get_args(Phase)
"""What a rollout's time goes to, in the order in which a window passes through it."""
