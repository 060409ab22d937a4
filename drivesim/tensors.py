"""The one conversion each way between pictures (numpy uint8) and network tensors, frames out of any picture, random streams."""

from __future__ import annotations

import re
from typing import Literal

import cv2
import numpy as np
import torch
from torch import Tensor

from drivesim.config import InputError
from drivesim.seeds import stream_seed
from drivesim.video_format import FRAME_HEIGHT, FRAME_WIDTH


def to_network(frames: np.ndarray) -> Tensor:
    """Pictures uint8 [... h w 3] to a float32 tensor [... 3 h w] in [-1, 1]."""
    tensor = torch.from_numpy(np.ascontiguousarray(frames))
    return tensor.movedim(-1, -3).float().div_(127.5).sub_(1.0)


def to_frames(tensor: Tensor) -> np.ndarray:
    """Network tensor [... 3 h w] in [-1, 1] (clipped) to pictures uint8 [... h w 3]."""
    pictures = np.empty((*tensor.shape[:-3], *tensor.shape[-2:], 3), np.uint8)
    for index in np.ndindex(tensor.shape[:-3]):  # one by one they stay in the processor's cache
        scaled = tensor[index].detach().float().add(1.0).mul_(127.5).round_().clamp_(0, 255)
        pictures[index] = cv2.merge(list(scaled.to(torch.uint8).cpu().numpy()))
    return pictures


def to_frame_size(picture: np.ndarray, height: int, keep: Literal["middle", "bottom"]) -> np.ndarray:
    """The largest part of a picture uint8 [h w 3] that has the frames' aspect, scaled to `height`: uint8 [height 2 height 3].

    Of a picture that is too high the middle or the bottom is kept, of one that is too wide the middle.
    """
    rows, columns = kept_part(picture.shape[0], picture.shape[1], keep)
    size = (FRAME_WIDTH // FRAME_HEIGHT * height, height)
    return cv2.resize(picture[rows, columns], size, interpolation=cv2.INTER_AREA)


def kept_part(height: int, width: int, keep: Literal["middle", "bottom"]) -> tuple[slice, slice]:
    """The rows and the columns of a picture of this size that `to_frame_size` keeps."""
    aspect = FRAME_WIDTH // FRAME_HEIGHT
    kept_height, kept_width = min(height, width // aspect), min(width, aspect * height)
    spare = height - kept_height
    top, left = spare if keep == "bottom" else spare // 2, (width - kept_width) // 2
    return slice(top, top + kept_height), slice(left, left + kept_width)


def torch_stream(seed: int, *key: int | str) -> torch.Generator:
    """A CPU generator for the random stream (seed, key). Draw on the CPU, then move: every device gets the same bits."""
    return torch.Generator().manual_seed(stream_seed(seed, *key))


def numpy_stream(seed: int, *key: int | str) -> np.random.Generator:
    """A numpy generator for the random stream (seed, key)."""
    return np.random.default_rng(stream_seed(seed, *key))


def computes_bfloat16(device: torch.device) -> bool:
    """Whether it has instructions for bfloat16: GPUs, and some CPUs."""
    queries = ("_is_avx512_bf16_supported", "_is_amx_tile_supported")
    return device.type == "cuda" or any(getattr(torch.cpu, query, bool)() for query in queries)


def pick_device(name: str = "auto") -> torch.device:
    """`auto` is the GPU where there is one. Raises InputError for what is no device, and for one that is not there."""
    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if name == "auto":
        return torch.device("cuda" if count else "cpu")
    there = ["cpu", *(["cuda"] if count else []), *(f"cuda:{number}" for number in range(count))]
    if name in there:
        return torch.device(name)
    if name.startswith("cuda") and not count:
        fault = "no CUDA device on this machine"
    elif re.fullmatch(r"cuda:\d+", name):
        fault = "no such GPU on this machine"
    else:
        fault = "not a device name that drivesim works with"
    raise InputError(f"--device {name}: {fault}; use {', '.join(['auto', *there[:-1]])} or {there[-1]}")
