"""The arm in pixel space: cells are folded pixels, the image model learns first, and small frames alone are compared."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from tiny_detector import write_detector
from torch import Tensor, nn

from drivesim.dataset.clips import ClipStore, ClipWriter
from drivesim.dataset.moved import cache_moved
from drivesim.evaluation.ablation.pixels import PIXEL_CHANNELS, FoldedPixels, PixelData
from drivesim.evaluation.ablation.run import AblationQuestion, run_study
from drivesim.evaluation.ablation.sampled import CLIPS, full_size, half_size, renders
from drivesim.evaluation.ablation.staged import StagedVideoStage
from drivesim.models.image_ldm import ImageLDM
from drivesim.tensors import to_network
from drivesim.training.clip_tasks import PREDICTION
from drivesim.training.loop import start_state, step
from drivesim.training.run import Run
from drivesim.training.stages.video_ldm import VideoLDMRecipe
from drivesim.world.generator import generate_clip

SMALL = {"model": {"context_widths": [16, 16], "embedding_width": 16, "head_width": 8}}


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("pixels") / "keys.h5"
    with ClipWriter(path) as writer:
        writer.append(generate_clip(3, 10, 1.875, 16, 32))
    return path


@pytest.fixture(scope="module")
def stage(store: Path, checkpoints: Path) -> StagedVideoStage:
    values = {"batch": 2, "samples": 4, "warmup": 0, "learning_rate": 1e-2, "bf16": False, "prediction": 1.0,
              "spatial": "all", **SMALL}  # fmt: skip
    config = ImageLDM.load(checkpoints / "image-ldm").config
    stage = StagedVideoStage(VideoLDMRecipe.parse(values, "test"), checkpoints, config, pixels=True)
    stage.open([store], [store])
    return stage


def test_small_frames_are_kept_as_they_are() -> None:
    pixels, cells = FoldedPixels(), torch.rand(2, PIXEL_CHANNELS, 2, 4) * 2 - 1
    frames = pixels.decode(cells)
    assert frames.shape == (2, 3, 16, 32)
    torch.testing.assert_close(pixels.encode(frames), cells)
    film = np.random.default_rng(0).integers(256, size=(1, 2, 8, 16, 3), dtype=np.uint8)
    assert np.array_equal(half_size(full_size(film)), film)


def test_the_image_model_learns_first_and_the_temporal_layers_then(stage: StagedVideoStage, tmp_path: Path) -> None:
    def values(module: nn.Module) -> list[Tensor]:
        return [parameter.detach().clone() for parameter in module.parameters()]

    def differ(before: Sequence[Tensor], after: Sequence[Tensor]) -> bool:
        return any(not torch.equal(a, b) for a, b in zip(before, after, strict=True))

    state = start_state(stage, Run(tmp_path / "run", {}))
    image, temporal = stage.model.image, stage.model.temporal
    for first, learning, staying in ((0, image, temporal), (2, temporal, image)):
        before = values(learning), values(staying)
        step(stage, state, stage.draw(first, range(first, first + 2)), torch.device("cpu"))
        assert differ(before[0], values(learning)) and not differ(before[1], values(staying))


def test_what_is_held_out_is_what_is_rendered(stage: StagedVideoStage) -> None:
    batch, _ = stage.held_out_batch(PREDICTION, 0, CLIPS, (0,))
    pictures = to_network(renders(stage, 0).reshape(-1, 16, 32, 3))
    torch.testing.assert_close(batch["latents"].flatten(0, 1), FoldedPixels().encode(pictures), atol=1e-3, rtol=0)


def test_cells_are_moved_as_they_are_read_as_they_would_be_before(store: Path, tmp_path: Path) -> None:
    data = PixelData(layouts=True)
    windows = data.windows([store], 10, 1.875)
    ready = cache_moved(ClipStore(store), windows.latents[0], data.move, "key", [PREDICTION.use])  # type: ignore[index]
    read = data.moved([windows], [PREDICTION.use])[store]
    for to, source in ((1, 0), (5, 1), (0, 1)):
        one, other = ready.read(0, to, source), read.read(0, to, source)
        assert one is not None and other is not None
        np.testing.assert_allclose(one.latents, other.latents, atol=2e-3)
        np.testing.assert_allclose(one.seen, other.seen, atol=3e-3)


def test_the_arm_is_compared_with_its_like_by_small_frames_alone(store: Path, checkpoints: Path, tmp_path: Path) -> None:
    question = AblationQuestion(
        "video", tmp_path / "out", checkpoints, write_detector(tmp_path / "detector"), ("pixels",), samples=4, seeds=1, parts=1,
        preset="tiny", data=(store,), held_out=(store,), overrides=SMALL, device="cpu", workers=0,
    )  # fmt: skip
    text = run_study(question, lambda _: None).read_text(encoding="utf-8")
    arms = json.loads((tmp_path / "out" / "report.json").read_text())["arms"]
    assert list(arms) == ["ours", "from-nothing", "pixels"]
    pixels, likewise = arms["pixels"], arms["from-nothing"]
    assert {"sharpness_small", "clip_distance_small"} == {name for name in likewise if name in pixels and name.endswith("small")}
    assert not {"predict_1", "sharpness", "clip_distance", "predict_2_own"} & pixels.keys()
    difference = abs(pixels["sharpness_small"] - 1) - abs(likewise["sharpness_small"] - 1)
    assert pixels["sharpness_small_difference"] == pytest.approx(difference, abs=1e-6)
    assert ", against from-nothing | 0 | - |" in text and '- **pixels** against "from-nothing" (seeds 0)' in text
