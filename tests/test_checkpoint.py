"""Checkpoints: what is written is read back, in files small enough, and anything that does not fit is refused by name."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from torch import nn
from torch.nn.functional import conv2d

from drivesim import checkpoint as module
from drivesim.checkpoint import (
    Checkpoint,
    grown,
    load_strictly,
    read_checkpoint,
    weight_files,
    weights_hash,
    write_checkpoint,
)
from drivesim.config import InputError

CONFIG = Checkpoint(format=1, kind="toy", model={"width": 3}, training={"samples": 7})


def linear() -> nn.Linear:
    layer = nn.Linear(3, 2)
    with torch.no_grad():
        layer.weight.copy_(torch.arange(6.0).reshape(2, 3) / 8)  # exact in fp16
        layer.bias.zero_()
    return layer


def test_round_trip(tmp_path: Path) -> None:
    digest = write_checkpoint(tmp_path, CONFIG, linear().state_dict(), {"seed": 1})
    assert digest == weights_hash(tmp_path)
    config, tensors = read_checkpoint(tmp_path, "toy")
    assert config == CONFIG
    assert torch.equal(load_strictly(nn.Linear(3, 2), tensors, tmp_path).weight, linear().weight)


def test_weights_are_cut_into_small_files_and_joined_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_FILE_BYTES", 2**16 + 3000)
    tensors = {f"layer{i}": torch.full((1000,), float(i)) for i in range(4)}
    write_checkpoint(tmp_path, CONFIG, tensors, {})
    assert len(weight_files(tmp_path)) == 4
    assert all(file.stat().st_size < 3000 for file in weight_files(tmp_path))
    _, read = read_checkpoint(tmp_path, "toy")
    assert all(torch.equal(read[name], x) for name, x in tensors.items())
    write_checkpoint(tmp_path, CONFIG, {"layer0": torch.zeros(3)}, {})
    assert [file.name for file in weight_files(tmp_path)] == ["weights.safetensors"]


@pytest.mark.parametrize("stage", range(5))
def test_interrupted_writing_never_pairs_new_weights_with_an_old_config(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stage: int
) -> None:
    """Cut short before any of its moves the folder is the old checkpoint or none, and writing again mends it."""
    folder = tmp_path / "model"
    write_checkpoint(folder, CONFIG, linear().state_dict(), {})
    (folder / "README.md").write_text("mine")
    changed = CONFIG.model_copy(update={"model": {"width": 4}})
    replace, moves = Path.replace, []

    def interrupted(path: Path, target: Path) -> Path:
        moves.append(path)
        if len(moves) > stage:
            raise KeyboardInterrupt
        return replace(path, target)

    tensors = {"weight": torch.ones(2)}
    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", interrupted)
        with pytest.raises(KeyboardInterrupt):
            write_checkpoint(folder, changed, tensors, {})
    if stage == 0:  # the sums of the new files, beside the folder
        assert read_checkpoint(folder, "toy")[0] == CONFIG
    else:
        with pytest.raises(InputError, match="no checkpoint there"):
            read_checkpoint(folder, "toy")
    write_checkpoint(folder, changed, tensors, {})
    config, read = read_checkpoint(folder, "toy")
    assert config == changed and read.keys() == tensors.keys()
    assert (folder / "README.md").read_text() == "mine"
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


def test_another_kind_or_format_and_damage_are_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"config\.json is missing"):
        read_checkpoint(tmp_path, "toy")
    write_checkpoint(tmp_path, CONFIG, linear().state_dict(), {})
    with pytest.raises(InputError, match="expected other"):
        read_checkpoint(tmp_path, "other")
    (tmp_path / "weights.safetensors").write_bytes(b"\0" * 20)
    with pytest.raises(InputError, match=r"weights\.safetensors: is not what was written"):
        read_checkpoint(tmp_path, "toy")
    values = json.loads((tmp_path / "config.json").read_text()) | {"format": 99}
    (tmp_path / "config.json").write_text(json.dumps(values))
    with pytest.raises(InputError, match="format 99"):
        read_checkpoint(tmp_path, "toy")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t.pop("bias"), "1 missing"),
        (lambda t: t.update(extra=torch.zeros(1)), "1 unknown"),
        (lambda t: t.update(weight=torch.zeros(2, 4)), "of another shape"),
    ],
)
def test_loading_is_strict(tmp_path: Path, change: object, message: str) -> None:
    tensors = dict(linear().state_dict())
    change(tensors)  # type: ignore[operator]
    with pytest.raises(InputError, match=message):
        load_strictly(nn.Linear(3, 2), tensors, tmp_path)


@pytest.mark.parametrize("name", ["config.json", "train.yaml", "weights.safetensors", "SHA256SUMS"])
def test_one_changed_byte_is_noticed(tmp_path: Path, name: str) -> None:
    write_checkpoint(tmp_path, CONFIG, linear().state_dict(), {"seed": 1})
    data = bytearray((tmp_path / name).read_bytes())
    data[-3] ^= 1
    (tmp_path / name).write_bytes(data)
    with pytest.raises(InputError, match="damaged|not valid|is missing"):
        read_checkpoint(tmp_path, "toy")


def test_a_checkpoint_without_sums_is_not_trusted(tmp_path: Path) -> None:
    write_checkpoint(tmp_path, CONFIG, linear().state_dict(), {})
    (tmp_path / "SHA256SUMS").unlink()
    with pytest.raises(InputError, match="SHA256SUMS: is missing.*--repair"):
        read_checkpoint(tmp_path, "toy")


def test_a_convolution_that_is_shown_more_begins_with_zeros_for_it() -> None:
    old = torch.ones(2, 3, 1, 1)
    assert grown(old, torch.empty(2, 5, 1, 1)).squeeze().tolist() == [[1, 1, 1, 0, 0], [1, 1, 1, 0, 0]]
    for other in ((2, 3, 1, 1), (2, 2, 1, 1), (3, 3, 1, 1), (3, 4, 1, 1), (2, 4, 3, 3), (2, 4)):
        assert grown(old, torch.empty(other)) is old
    flat = torch.ones(2, 3)
    assert grown(flat, torch.empty(2, 5)) is flat


def test_a_convolution_that_shall_see_one_place_says_the_same_of_what_is_even() -> None:
    kernel, even = torch.randn(2, 3, 3, 3), torch.randn(1, 3, 1, 1).expand(-1, -1, 5, 5)
    single = grown(kernel, torch.empty(2, 3, 1, 1))
    torch.testing.assert_close(conv2d(even, single), conv2d(even, kernel)[..., :1, :1].expand(-1, -1, 5, 5))
