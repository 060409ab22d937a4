"""Frechet distances by TorchScript files, small random ones whose features have a known distribution."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from drivesim.config import InputError
from drivesim.evaluation.fidelity.published import (
    CLIP_LENGTH,
    film_features,
    frame_features,
    load_network,
    published_figures,
)


class Means(nn.Module):
    """Mean colours, in the signature of the published Inception network."""

    def forward(self, images: Tensor, return_features: bool = False) -> Tensor:
        return images.float().mean(dim=[2, 3])


class Motion(nn.Module):
    """Mean colour and its change, in the signature of the published I3D network."""

    def forward(self, x: Tensor, rescale: bool = False, resize: bool = False, return_features: bool = False) -> Tensor:
        x = x / 127.5 - 1 if rescale else x
        return torch.cat([x.mean(dim=[2, 3, 4]), (x[:, :, 1:] - x[:, :, :-1]).abs().mean(dim=[2, 3, 4])], dim=1)


def scripted(module: nn.Module, file: Path) -> torch.jit.ScriptModule:
    torch.jit.script(module).save(str(file))
    return load_network(file)


def test_frames_of_known_distribution(tmp_path: Path) -> None:
    network = scripted(Means(), tmp_path / "frames.pt")
    rng = np.random.default_rng(0)
    a, b = rng.integers(100, 150, (400, 1, 1, 3)), rng.integers(100, 150, (400, 1, 1, 3)) + 20
    features = [frame_features(network, np.broadcast_to(x, (400, 8, 8, 3)).astype(np.uint8)) for x in (a, b)]
    assert np.allclose(features[0], a[:, 0, 0], atol=1e-4)
    figures = published_figures("fid", features[1], features[0], features[0][::-1])
    assert figures["fid"].value == pytest.approx(3 * 20**2, rel=0.1)
    assert figures["fid_floor"].value == pytest.approx(0, abs=1e-3)


def test_films_are_told_by_their_motion(tmp_path: Path) -> None:
    network = scripted(Motion(), tmp_path / "clips.pt")
    films = np.random.default_rng(0).integers(0, 256, (6, CLIP_LENGTH + 3, 8, 8, 3), dtype=np.uint8)
    moving, still = film_features(network, list(films)), film_features(network, [np.repeat(film[:1], 20, axis=0) for film in films])
    assert moving.shape == (6, 6) and (np.abs(moving[:, :3]) < 0.3).all() and (moving[:, 3:] > 0.4).all()
    assert (still[:, 3:] == 0).all()
    assert published_figures("fvd", still, moving)["fvd"].value > 1


def test_what_is_no_such_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        load_network(tmp_path / "none.pt")
    (tmp_path / "text.pt").write_text("nothing")
    with pytest.raises(InputError, match="no TorchScript"):
        load_network(tmp_path / "text.pt")
