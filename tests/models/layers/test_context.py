"""The context network: which given frames it sees, what time lies between, and that it learns to move things."""

import math

import torch
from torch import Tensor

from drivesim.models.layers.context import MOVED, ContextNetwork, PlainContext, RepeatedContext, nearest_given

FPS = torch.tensor([2.0])


def unmoved(clips: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Moved frames, their mask and maps, where there are none."""
    b, f, c, h, w = clips.shape
    return torch.zeros(b, f, MOVED, c, h, w), torch.zeros(b, f, MOVED), torch.zeros(b * f, 2, h, w)


def clip(frames: int = 5) -> Tensor:
    return torch.arange(1.0, frames + 1).reshape(1, frames, 1, 1, 1).expand(1, frames, 3, 8, 8)


def mask(*given: int, frames: int = 5) -> Tensor:
    return torch.tensor([[float(f in given) for f in range(frames)]])


def test_every_frame_knows_its_two_nearest_given_frames_and_how_far_they_are() -> None:
    nearest = nearest_given(clip(), mask(0, 4), FPS)
    assert nearest.frames[0, :, :, 0, 0, 0].tolist() == [[1, 5], [1, 5], [1, 5], [5, 1], [5, 1]]
    assert nearest.seconds[0].tolist() == [[0, -2], [0.5, -1.5], [1, -1], [-0.5, 1.5], [0, 2]]
    assert nearest.mask.min() == 1


def test_where_one_is_given_it_stands_twice_and_where_none_is_zeros() -> None:
    one = nearest_given(clip(), mask(1), FPS)
    assert (one.frames == 2).all()
    assert one.mask[0, 0].tolist() == [1, 0]
    assert one.seconds[0, :, 1].abs().max() == 0
    none = nearest_given(clip(), mask(), FPS)
    assert not any(tensor.any() for tensor in none)
    single = nearest_given(clip(1), mask(0, frames=1), FPS)
    assert single.frames.tolist() == clip(1)[:, :, None].expand(-1, -1, 2, -1, -1, -1).tolist()


def test_a_fresh_network_copies_and_gives_features_of_every_level() -> None:
    """The estimate is the nearest given frame, with two percent of the other, and of each moved one where there is one."""
    network = ContextNetwork(3, 2, (8, 16), 16, 8)
    nearer, other = nearest_given(clip(), mask(0, 4), FPS).frames.unbind(2)
    features, estimate = network(clip(), mask(0, 4), FPS, *unmoved(clip()))
    assert [tuple(f.shape) for f in features] == [(5, 8, 8, 8), (5, 16, 4, 4)]
    little = math.exp(-4)
    torch.testing.assert_close(estimate, (nearer + little * other) / (1 + little))
    moved_mask = torch.tensor([[[0.0, 0], [1, 0], [1, 1], [0, 1], [0, 0]]])
    moved = torch.tensor([100.0, 200.0])[:, None, None, None] * moved_mask[..., None, None, None] * torch.ones(3, 8, 8)
    _, estimate = network(clip(), mask(0, 4), FPS, moved, moved_mask, unmoved(clip())[2])
    count = moved_mask.sum(dim=2)[..., None, None, None]
    torch.testing.assert_close(estimate, (nearer + little * (other + moved.sum(dim=2))) / (1 + little * (1 + count)))


def test_it_sees_the_maps_once_it_has_learned_to() -> None:
    network = ContextNetwork(3, 2, (8, 16), 16, 8)
    moved, moved_mask, maps = unmoved(clip())
    torch.nn.init.normal_(network.estimate.weight)
    plain = network(clip(), mask(0), FPS, moved, moved_mask, maps)[1]
    assert torch.equal(plain, network(clip(), mask(0), FPS, moved, moved_mask, maps + 1)[1])
    torch.nn.init.normal_(network.maps.weight)
    assert not torch.allclose(plain, network(clip(), mask(0), FPS, moved, moved_mask, maps + 1)[1])


def test_without_a_given_frame_there_is_nothing_to_copy() -> None:
    _, estimate = ContextNetwork(3, 2, (8, 16), 16, 8)(clip(), mask(), FPS, *unmoved(clip()))
    assert not estimate.any()


def test_it_learns_to_move_a_dot_by_the_time_that_passes() -> None:
    """A dot that moves two cells to the right a frame: copying leaves it behind, the network learns to follow it."""
    torch.manual_seed(0)
    network = ContextNetwork(1, 2, (16, 16), 16, 16)
    optimizer = torch.optim.Adam(network.parameters(), lr=3e-3)
    draw = torch.Generator().manual_seed(1)

    def dots(batch: int) -> Tensor:
        clips = torch.zeros(batch, 3, 1, 4, 16)
        for moved in clips:
            row, start = (int(torch.randint(n, (), generator=draw)) for n in (4, 12))
            for f in range(3):
                moved[f, 0, row, start + 2 * f] = 4.0
        return clips

    seen, fps = torch.tensor([1.0, 0, 0]), torch.tensor([30.0])
    for _ in range(150):
        clips = dots(16)
        _, estimate = network(clips, seen.expand(16, 3), fps.expand(16), *unmoved(clips))
        loss = (estimate - clips)[:, 1:].square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    clips = dots(32)
    copied = (clips[:, :1] - clips[:, 1:]).square().mean()
    _, estimate = network(clips, seen.expand(32, 3), fps.expand(32), *unmoved(clips))
    assert (estimate - clips)[:, 1:].square().mean() < 0.2 * copied


def test_repeated_frames_stand_until_the_next_and_nothing_stands_before_the_first() -> None:
    latents, mask = torch.randn(2, 6, 3, 2, 2), torch.tensor([[1.0, 0, 0, 1, 0, 1], [0, 0, 1, 0, 0, 0]])
    context = RepeatedContext(3, 8)
    features, estimate = context(latents, mask, torch.ones(2))
    assert features == [] and not context.entry.weight.any()
    assert torch.equal(estimate[0], latents[0, [0, 0, 0, 3, 3, 5]])
    assert torch.equal(estimate[1, 2:], latents[1, [2, 2, 2, 2]]) and not estimate[1, :2].any()


def test_the_plain_context_is_of_each_given_frame_alone() -> None:
    torch.manual_seed(0)
    network, latents = PlainContext(3, (8, 16)), torch.randn(1, 5, 3, 8, 8)
    (fine, coarse), estimate = network(latents, mask(0, 4), FPS)
    assert fine.shape == (5, 8, 8, 8) and coarse.shape == (5, 16, 4, 4)
    assert torch.equal(fine[1], fine[2]) and not torch.equal(fine[0], fine[4])  # what is not given is not seen
    assert torch.equal(estimate[0, 1], latents[0, 0]) and torch.equal(estimate[0, 3], latents[0, 4])
