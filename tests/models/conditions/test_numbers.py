"""Codes of numbers: the farther apart two numbers are, the farther apart is what the networks are told."""

import itertools

import pytest
import torch
from torch import Tensor

from drivesim.models.conditions.numbers import feature_count, number_features
from drivesim.scenario.sections import LANES, SHARPEST_BEND
from drivesim.scene.road import MAX_CURVATURE, MAX_LANES
from drivesim.video_format import MAX_VEHICLES

RANGES = {  # as the groups scale their fields
    "crowdedness": torch.arange(MAX_VEHICLES + 1) / MAX_VEHICLES,
    "lanes": torch.arange(1, max(high for _, high in LANES.values()) + 1) / MAX_LANES,
    "curvature": torch.linspace(-SHARPEST_BEND, SHARPEST_BEND, 101) / MAX_CURVATURE,
    "any curvature": torch.linspace(-1, 1, 201),
    "pitch": torch.linspace(-15, 15, 121) / 15,
    "height": torch.linspace(0.5, 3.0, 101) / 3,
    "focal length": 1 / torch.tan(torch.linspace(20, 150, 131).deg2rad() / 2) / 3,
    "edges of boxes": torch.linspace(0, 1, 257),
}


def distances(x: Tensor, code: str) -> Tensor:
    """Between the features of each two numbers [n n]."""
    features = number_features(x.double()[:, None], code)  # type: ignore[arg-type]
    assert features.shape[1] == feature_count(1, code)  # type: ignore[arg-type]
    return torch.cdist(features, features, compute_mode="donot_use_mm_for_euclid_dist")


@pytest.mark.parametrize("name", RANGES)
def test_farther_numbers_have_farther_features(name: str) -> None:
    x = RANGES[name].sort().values
    apart = distances(x, "monotone")
    for i in range(len(x)):
        assert (apart[i, i:].diff() > 0).all() and (apart[i, : i + 1].diff() < 0).all()


def test_the_first_weights_code_takes_a_full_road_for_nearly_an_empty_one() -> None:
    """What the other code is there for: in it, 24 vehicles are as near to none as one vehicle is."""
    apart = distances(RANGES["crowdedness"], "periodic")[0]
    assert apart[24] < apart[1]
    assert distances(RANGES["crowdedness"], "monotone")[0].argmax() == 24


def test_several_numbers_are_coded_each_for_itself() -> None:
    for code in ("periodic", "monotone"):
        x = torch.rand(5, 3)
        whole = number_features(x, code)  # type: ignore[arg-type]
        for a, b in itertools.combinations(range(3), 2):
            other = number_features(x[:, [b if i == a else i for i in range(3)]], code)  # type: ignore[arg-type]
            assert int((whole != other).any(dim=0).sum()) <= feature_count(1, code)  # type: ignore[arg-type]
