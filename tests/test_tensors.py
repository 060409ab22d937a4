"""Pictures become tensors and come back; random streams depend on their key alone."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from drivesim.config import InputError
from drivesim.seeds import stream_seed
from drivesim.tensors import numpy_stream, pick_device, to_frame_size, to_frames, to_network, torch_stream


def test_pictures_come_back_exactly() -> None:
    frames = np.arange(256, dtype=np.uint8).reshape(1, 8, 32, 1).repeat(3, axis=3)
    tensor = to_network(frames)
    assert tensor.shape == (1, 3, 8, 32) and tensor.dtype == torch.float32
    assert tensor.min() == -1 and tensor.max() == 1
    np.testing.assert_array_equal(to_frames(tensor), frames)
    np.testing.assert_array_equal(to_frames(to_network(frames[None])), frames[None])


def test_tensors_out_of_range_are_clipped() -> None:
    tensor = torch.tensor([-7.0, -1.0, 0.0, 1.0, 7.0]).view(1, 1, 5).expand(3, 1, 5)
    np.testing.assert_array_equal(to_frames(tensor)[0, :, 0], [0, 0, 128, 255, 255])


def test_channels_keep_their_order() -> None:
    red = np.zeros((2, 4, 3), np.uint8)
    red[..., 0] = 255
    assert to_network(red)[0].min() == 1 and to_network(red)[1:].max() == -1


@pytest.mark.parametrize(
    ("shape", "middle", "bottom"),
    [((60, 80), (10, 0), (20, 0)), ((40, 120), (0, 20), (0, 20)), ((20, 40), (0, 0), (0, 0)), ((61, 81), (10, 0), (21, 0))],
)
def test_a_picture_is_cut_to_the_aspect_of_frames(shape: tuple[int, int], middle: tuple[int, int], bottom: tuple[int, int]) -> None:
    """`middle` and `bottom` are the corners of what is kept: row and column of the picture, which shows these."""
    rows, columns = np.mgrid[: shape[0], : shape[1]]
    picture = np.stack([rows, columns, columns], axis=-1).astype(np.uint8)
    for keep, corner in (("middle", middle), ("bottom", bottom)):
        height = min(shape[0], shape[1] // 2)
        frame = to_frame_size(picture, height, keep)
        assert frame.shape == (height, 2 * height, 3) and tuple(frame[0, 0, :2]) == corner
    assert to_frame_size(picture, 8, "middle").shape == (8, 16, 3)


def test_streams_depend_on_the_key_alone() -> None:
    assert stream_seed(1, "clip", 2) == stream_seed(1, "clip", 2)
    keys = [(1, "clip", 2), (1, "clip", 3), (1, "batch", 2), (2, "clip", 2), (1,)]
    seeds = {stream_seed(*key) for key in keys}
    assert len(seeds) == len(keys) and all(0 <= seed < 2**63 for seed in seeds)
    assert stream_seed(0, "clip", 0) == 7629993918274851104
    one, two = (torch.randn(4, generator=torch_stream(5, "noise", 1)) for _ in range(2))
    assert torch.equal(one, two)
    assert numpy_stream(5, "noise", 1).random() == numpy_stream(5, "noise", 1).random()


def test_a_device_that_is_not_there_is_refused() -> None:
    assert pick_device("cpu") == torch.device("cpu")
    with pytest.raises(InputError, match="not a device name"):
        pick_device("toaster")
    if not torch.cuda.is_available():
        with pytest.raises(InputError, match="no CUDA device"):
            pick_device("cuda")
