"""Context that streams: which frames get it, and that it shows what the road brings."""


import pytest
import torch
from torch import Tensor, nn
from toy_labels import toy_conditions

from drivesim.models.latent_space import LatentSpace
from drivesim.models.road_ahead import REACH, move_along
from drivesim.models.road_view import RoadView, road_flow, warp
from drivesim.models.video_ldm import Context
from drivesim.scene.camera import Camera
from drivesim.scene.road import Road

F, SHAPE = 5, (3, 8, 16)


class Plain(nn.Module):
    """A latent space whose latents are the picture at a quarter of its size, so that the way there and back is plain."""

    def encode(self, frames: Tensor) -> Tensor:
        return nn.functional.avg_pool2d(frames, 4)

    def decode(self, latents: Tensor) -> Tensor:
        return nn.functional.interpolate(latents, scale_factor=4.0)


SPACE: LatentSpace = Plain()  # type: ignore[assignment]
CAMERA = toy_conditions([None] * F, camera=Camera())


def context(*given: int) -> Context:
    return context_of(torch.rand(1, F, *SHAPE, generator=torch.Generator().manual_seed(0)), given)


def context_of(clip: Tensor, given: tuple[int, ...]) -> Context:
    return Context.of(torch.zeros_like(clip), {frame: clip[:, frame] for frame in given})


def metres(step: float) -> Tensor:
    return step * torch.arange(F)[None]


@pytest.mark.parametrize(
    ("given", "step", "sides_of_frames"),
    [
        ((0, 1), 10.0, ["", "", "<", "<", "<"]),
        ((0, 4), 1.0, ["", "<>", "<>", "<>", ""]),
        ((2,), 10.0, [">", ">", "", "<", "<"]),
        ((0, 4), REACH / 3, ["", "<>", "<>", "<>", ""]),
        ((0, 4), REACH / 2, ["", "<", "<>", ">", ""]),
        ((0,), 0.0, ["", "<", "<", "<", "<"]),  # a camera that stands is not one of which nothing is known
        ((0,), float("nan"), [""] * 5),
        ((), 10.0, [""] * 5),
    ],
)
def test_frames_within_reach_of_a_given_frame_before_or_after_them_get_it(
    given: tuple[int, ...], step: float, sides_of_frames: list[str]
) -> None:
    """<: of the given frame before, >: of the one after."""
    seen = move_along(SPACE, context(*given), CAMERA, metres(step))
    expected = [[float(side in sides) for side in "<>"] for sides in sides_of_frames]
    assert seen.moved_mask[0].tolist() == expected
    assert seen.moved[0].flatten(2).any(dim=2).float().tolist() == expected


def test_they_show_the_given_frames_moved_by_the_way_between() -> None:
    before = context(0, 1, 4)
    seen = move_along(SPACE, before, CAMERA, metres(4.0))
    for side, source, way in ((0, 1, 8.0), (1, 4, -4.0)):
        picture = SPACE.decode(before.latents[:, source])
        view = RoadView.of(*(torch.tensor([value]) for value in (1.4, 0.0, 60.0, 0.0)), size=picture.shape[2:])
        flow = road_flow(view, torch.tensor([way]))
        torch.testing.assert_close(seen.moved[:, 3, side], SPACE.encode(warp(picture, flow)))
        above = slice(0, SHAPE[1] // 2)
        expected = before.latents[:, source, :, above]
        torch.testing.assert_close(seen.moved[:, 3, side, :, above], expected, atol=1e-5, rtol=1e-5)


def test_where_the_road_is_known_things_beside_it_come_nearer_too() -> None:
    known = toy_conditions([None] * F, road=Road("city", 1), camera=Camera())
    without, seen = (move_along(SPACE, context(0), c, metres(4.0)).moved[:, 1, 0] for c in (CAMERA, known))
    row = SHAPE[1] // 2 - 1  # just above the horizon
    assert not torch.allclose(seen[..., row, :3], without[..., row, :3], atol=1e-2)
    road = slice(SHAPE[2] // 2 - 1, SHAPE[2] // 2 + 1)
    torch.testing.assert_close(seen[..., -2:, road], without[..., -2:, road])


def test_without_a_camera_nobody_knows_where_the_road_is() -> None:
    seen = move_along(SPACE, context(0), toy_conditions([None] * F), metres(4.0))
    assert not seen.moved_mask.any()
    assert not seen.moved.any()


def test_clips_do_not_mix() -> None:
    clips = torch.rand(2, F, *SHAPE, generator=torch.Generator().manual_seed(1))
    one, other = context_of(clips[:1], (0,)), context_of(clips[1:], (0, 4))
    names = ("latents", "mask", "moved", "moved_mask")
    both = Context(*(torch.cat([getattr(context, name) for context in (one, other)]) for name in names))
    ways = torch.cat([metres(2.0), metres(0.5)])
    together = move_along(SPACE, both, toy_conditions([None] * 2 * F, camera=Camera()), ways)
    for i in range(2):
        one = Context(*(value[i : i + 1] for value in (both.latents, both.mask, both.moved, both.moved_mask)))
        alone = move_along(SPACE, one, CAMERA, ways[i : i + 1])
        torch.testing.assert_close(together.moved[i : i + 1], alone.moved)
