"""A study from end to end with tiny networks; what its arms are; how differences are told."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from tiny_detector import write_detector

from drivesim.config import InputError
from drivesim.dataset.clips import ClipWriter
from drivesim.evaluation.ablation import between
from drivesim.evaluation.ablation import run as ablation_run
from drivesim.evaluation.ablation.between import ChosenWindows, InterpolationStage
from drivesim.evaluation.ablation.report import compared, verdict, write_report
from drivesim.evaluation.ablation.run import AblationQuestion, arm_recipe, chosen_arms, run_study
from drivesim.evaluation.ablation.sampled import clip_frechet
from drivesim.evaluation.ablation.scores import ArmScores, drawn
from drivesim.evaluation.ablation.studies import OURS, STUDIES
from drivesim.metrics.intervals import Interval
from drivesim.world.generator import generate_clip


@pytest.fixture(scope="module")
def question(tmp_path_factory: pytest.TempPathFactory, checkpoints: Path) -> AblationQuestion:
    folder = tmp_path_factory.mktemp("ablation")
    for name, frames, fps in (("keys", 10, 1.875), ("full", 17, 30.0)):
        with ClipWriter(folder / f"{name}.h5") as writer:
            writer.append(generate_clip(3, frames, fps, 16, 32))
    stores = folder / "keys.h5", folder / "full.h5"
    small = {"model": {"context_widths": [16, 16], "embedding_width": 16, "head_width": 8}}
    return AblationQuestion(
        "video", folder / "out", checkpoints, write_detector(folder / "detector"), samples=2, seeds=1, parts=1, preset="tiny",
        data=stores, held_out=stores, overrides=small, device="cpu", workers=0,
    )  # fmt: skip


def test_arms_are_trained_measured_and_reported_once(question: AblationQuestion, monkeypatch: pytest.MonkeyPatch) -> None:
    some = replace(question, arms=("no-temporal-layers", "context-guidance", "joint"))
    text = run_study(some, lambda _: None).read_text(encoding="utf-8")
    report = json.loads((question.folder / "report.json").read_text())
    assert list(report["arms"]) == [OURS, "no-temporal-layers", "context-guidance", "joint"]
    ours = report["arms"][OURS]
    assert ours["predict_1"] > 0 and ours["predict_1_difference"] == 0 and ours["clip_distance"] is not None
    guided = report["arms"]["context-guidance"]
    assert guided["predict_1"] == ours["predict_1"] and guided["clip_distance"] != ours["clip_distance"]
    assert report["arms"]["joint"]["predict_1"] != ours["predict_1"]
    assert ours["cpu_seconds"][0] > 0 and guided["cpu_seconds"] == [0]
    assert "| **joint**: the image model learns, too" in text and "lower is better" in text
    assert not (question.folder / "no-temporal-layers" / "seed-0" / "state.safetensors").exists()

    def train(*_: object) -> None:
        raise AssertionError("what is there is trained again")

    monkeypatch.setattr(ablation_run, "train", train)
    assert run_study(some, lambda _: None).read_text(encoding="utf-8") == text


def test_interpolations_are_compared_by_the_frames_between(
    question: AblationQuestion, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """17 frames of 5, link by link or in one go; link by link the given frames are those that were given."""
    monkeypatch.setattr(between, "CLIPS", 1)
    monkeypatch.setattr(between, "STEPS", 1)
    asked = replace(question, study="interpolation", arms=("lavie",), folder=tmp_path / "out")
    text = run_study(asked, lambda _: None).read_text(encoding="utf-8")
    report = json.loads((tmp_path / "out" / "report.json").read_text())
    assert list(report["arms"]) == [OURS, "lavie"] and "psnr (higher is better) | sharpness (1 is best) | pulse" in text
    assert all(np.isfinite(arm[name]) for arm in report["arms"].values() for name in STUDIES["interpolation"].figures)
    stages = {}
    for name, arm in chosen_arms("interpolation", ("lavie",)).items():
        stage = ablation_run.arm_stage(STUDIES["interpolation"], arm, arm_recipe(asked, arm, 0), asked.checkpoints)
        assert isinstance(stage, InterpolationStage)
        stage.open(list(asked.data), list(asked.held_out))
        windows = stage.whole[30.0]
        chosen = windows.draw(np.random.default_rng(0), 1)
        with torch.no_grad():
            stages[name] = stage._sampled(windows, chosen, 0, 30.0)
        latents = torch.from_numpy(ChosenWindows(windows, chosen).batch(np.random.default_rng(0), 1, pictures=False).latents)
        assert stages[name].shape == latents.shape and latents.shape[:2] == (1, 17)
        given = stages[name][:, ::4] == latents[:, ::4].float()
        assert given.all() if name == OURS else not given.any()


def test_upsampled_clips_are_compared_with_rendered_ones(question: AblationQuestion, tmp_path: Path) -> None:
    """Clip distances of Table 3; the arm that is not trained makes each frame as it does alone."""
    with ClipWriter(store := tmp_path / "large.h5") as writer:
        writer.append(generate_clip(3, 5, 30.0, 64, 128))
    sizes = {"model": {"temporal_widths": [8, 8]}, "crop": 32}
    asked = replace(question, study="upsampling", folder=tmp_path / "out", data=(store,), held_out=(store,), overrides=sizes)
    text = run_study(asked, lambda _: None).read_text(encoding="utf-8")
    arms = json.loads((tmp_path / "out" / "report.json").read_text())["arms"]
    assert list(arms) == [OURS, "frame-wise", "own-noise"] and "clip_frechet (lower is better)" in text
    figures = ("psnr", "flicker", "clip_frechet", "clip_frechet_clean")
    assert all(np.isfinite(arm[name]) for arm in arms.values() for name in figures)
    assert len({arm["flicker"] for arm in arms.values()}) == 3


@pytest.mark.parametrize("study", [name for name, one in STUDIES.items() if not one.from_checkpoint])
def test_every_arm_is_a_recipe_of_its_own(study: str, question: AblationQuestion) -> None:
    asked = replace(question, study=study, preset="cpu", overrides={})
    recipes = {name: (json.dumps(arm_recipe(asked, arm, 0)), arm.staged, arm.pixels) for name, arm in chosen_arms(study, ()).items()
               if arm.trained and arm.weights_of is None}  # fmt: skip
    assert len(set(recipes.values())) == len(recipes) and OURS in recipes
    recipe = arm_recipe(asked, STUDIES[study].arms[OURS], 1)
    assert (recipe["samples"], recipe["seed"]) == (2, 1)


def test_what_is_no_study_and_no_arm_is_told(question: AblationQuestion) -> None:
    with pytest.raises(InputError, match="no such study"):
        chosen_arms("sky", ())
    with pytest.raises(InputError, match="no such arm; there are ours, no-temporal-layers"):
        chosen_arms("video", ("sky",))


def scores(*seeds: list[float]) -> list[ArmScores]:
    return [ArmScores({"recipe": {"seed": seed}}, {"loss": values}) for seed, values in enumerate(seeds)]


def test_differences_are_of_pairs() -> None:
    """Parts differ far more than arms do: only in pairs is the difference seen."""
    parts = np.random.default_rng(0).normal(1, 0.3, 8)
    ours = drawn("loss", scores((parts).tolist(), (parts + 0.01).tolist()))
    worse = drawn("loss", scores((parts + 0.05).tolist(), (parts + 0.06).tolist()))
    assert ours.interval.low < worse.interval.value < ours.interval.high
    difference = worse.difference(ours)
    assert 0 < difference.low <= difference.value == pytest.approx(0.05)
    assert verdict(difference, "loss") == "worse" and verdict(difference, "psnr") == "better"
    assert verdict(Interval(0.1, -0.1, 0.3), "psnr") == "no difference seen"
    assert verdict(Interval(1e-8, 9e-9, 2e-8), "psnr") == "no difference seen"
    single = drawn("loss", scores([1.0])).difference(drawn("loss", scores([0.5])))
    assert np.isnan(single.low) and verdict(single, "psnr") == "no difference seen"


def test_reconstructions_are_as_far_as_they_are_off() -> None:
    """Of the same clips: nothing where they are alike, and more for more of the same fault."""
    clips = np.random.default_rng(0).normal(size=(12, 4))
    none, some, more = (clip_frechet(clips + off, clips) for off in (0.0, 0.1, 0.2))
    assert none == pytest.approx(0, abs=1e-6) and 0 < some < more
    assert np.isnan(clip_frechet(clips[:1], clips[:1]))


def test_sharper_than_rendered_is_as_bad_as_softer(tmp_path: Path) -> None:
    """Noise has more detail than any render."""

    def sharp(*values: float) -> list[ArmScores]:
        return [ArmScores({"recipe": {"seed": 0}}, {"edges": list(values)})]

    arms = chosen_arms("decoder", ("no-adversary", "no-stills"))
    measured = {OURS: sharp(0.8, 0.9), "no-adversary": sharp(4.7, 4.9), "no-stills": sharp(0.9, 1.0)}
    table = compared(STUDIES["decoder"], arms, measured)
    assert table["no-adversary"]["edges"].value.value == pytest.approx(4.8)
    differences = {name: row["edges"].difference for name, row in table.items()}
    assert verdict(differences["no-adversary"], "edges") == "worse" and verdict(differences["no-stills"], "edges") == "better"


def test_the_report_says_each_arm_in_words_and_each_run_by_its_seed(tmp_path: Path) -> None:
    arms = chosen_arms("image", ("muon", "no-boxes"))
    measured = {
        OURS: scores([1.0, 1.2, 1.1], [1.1, 1.2, 1.3]),
        "no-boxes": scores([2.0, 2.2, 2.1], [2.1, 2.3, 2.2]),
        "muon": [replace(scores([0.0], [1.0, 1.3, 1.2])[1], cpu_seconds=90.0)],  # seed 0 failed
    }
    facts = {"study": "image", "stage": "image-ldm", "samples": 2, "parts": 3, "held_out": ["held.h5"],
             "failed": ["muon, seed 0: lost"]}  # fmt: skip
    write_report(tmp_path, STUDIES["image"], facts, arms, measured)
    text = (tmp_path / "report.md").read_text(encoding="utf-8")
    assert '- **no-boxes** against "ours" (seeds 0, 1): worse in loss +1.0' in text
    assert '- **muon** against "ours" (seeds 1): no difference seen: loss -0.03' in text
    assert "| muon | 1 | 1.5 | 1.1667 |" in text and "FAILED: muon, seed 0: lost" in text
    difference = compared(STUDIES["image"], arms, measured)["muon"]["loss"].difference
    assert difference.value == pytest.approx(1.1667 - 1.2, abs=1e-3), "of seed 1 alone"
