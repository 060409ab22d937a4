"""Given frames moved by flow: cells that are seen, and what the context says of them."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from drivesim.models.layers.context import MOVED
from drivesim.models.moved_frames import move_frames, moved_sources, with_moved
from drivesim.models.video_ldm import Context


class Shrunk:
    """A latent space of mean colours."""

    def encode(self, frames: Tensor) -> Tensor:
        return torch.nn.functional.avg_pool2d(frames, 8)


def test_cells_are_moved_and_hidden_ones_are_silent() -> None:
    picture = torch.rand(1, 3, 16, 32)
    flow = torch.zeros(1, 2, 16, 32)
    flow[:, 0] = 8.0  # what is here was a cell to the right
    seen = torch.ones(1, 16, 32, dtype=torch.bool)
    seen[:, :8, :7] = False  # an eighth of the first cell is left: too little
    seen[:, :8, 8:12] = False  # half of the second one
    moved, share = move_frames(Shrunk(), picture, flow, seen)  # type: ignore[arg-type]
    cells = torch.nn.functional.avg_pool2d(picture, 8)
    assert share[0, 0].tolist() == pytest.approx([0.0, 0.5, 1.0, 1.0]) and (share[0, 1] == 1).all()
    assert not moved[0, :, 0, 0].any()
    torch.testing.assert_close(moved[0, :, :, 1:3], cells[0, :, :, 2:4])


def test_sources_are_the_nearest_given_on_either_side() -> None:
    assert moved_sources(4, (0, 1)) == [(None, 1), (0, None), (1, None), (1, None)]
    assert moved_sources(3, (0, 2)) == [(None, 2), (0, 2), (0, None)]
    assert moved_sources(2, ()) == [(None, None)] * 2


def test_what_is_not_known_stays_as_it_was() -> None:
    clips = torch.randn(1, 3, 4, 2, 4)
    context = Context.of(clips, {0: clips[:, 0]})
    context.moved[:, 1, 0], context.moved_mask[:, 1, 0] = 7.0, 1.0
    moved, seen = torch.ones(1, 3, MOVED, 4, 2, 4), torch.zeros(1, 3, MOVED, 2, 4)
    seen[:, 2, 0, :, :2] = 0.5
    changed = with_moved(context, moved, seen)
    assert changed.moved_mask.tolist() == [[[0, 0], [1, 0], [1, 0]]] and changed.moved_seen is not None
    assert (changed.moved[:, 1, 0] == 7).all() and (changed.moved_seen[:, 1, 0] == 1).all()
    assert torch.equal(changed.moved[:, 2, 0], moved[:, 2, 0]) and torch.equal(changed.moved_seen[:, 2], seen[:, 2])
    noised = changed.noised(torch.ones(1), torch.ones(1, 3, 1 + MOVED, 4, 2, 4))
    off = noised.moved - changed.moved
    assert (off[:, 2, 0, :, :, :2] == 1).all() and not off[:, 2, 0, :, :, 2:].any() and not off[:, 0].any()
