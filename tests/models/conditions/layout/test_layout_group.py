"""How networks read planes of the layout."""

from __future__ import annotations

import torch
import torch.nn.functional as F

from drivesim.models.conditions.layout.layout_group import draw_pictures, picture_channels, plane_pictures

MEMBERS = ((1, 3), None)


def test_classes_become_codes_and_the_rest_shares() -> None:
    planes = torch.tensor([[[[0, 1], [2, 3]], [[0, 51], [102, 255]]]], dtype=torch.uint8)
    pictures = plane_pictures(planes, MEMBERS, torch.zeros(()))
    assert pictures[0, :2].tolist() == [[[0, 1], [0, 0]], [[0, 0], [0, 1]]]
    torch.testing.assert_close(pictures[0, 2], torch.tensor([[0, 0.2], [0.4, 1]]))


def test_places_of_several_pixels_are_pictures_folded() -> None:
    planes = torch.randint(0, 5, (2, 2, 8, 12), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    places = torch.full((2, 4, 6, picture_channels(MEMBERS), 4), torch.nan)
    draw_pictures(planes, MEMBERS, places)
    assert torch.equal(places.flatten(3).movedim(-1, 1), F.pixel_unshuffle(plane_pictures(planes, MEMBERS, torch.zeros(())), 2))
