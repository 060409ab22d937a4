"""A study from end to end: every arm and seed trained in a folder of its own, measured, and reported as far as it has come."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol, cast

import numpy as np
import torch

from drivesim.checkpoint import read_checkpoint, weights_hash
from drivesim.checksums import make_folder
from drivesim.config import InputError, MachineError, Say, write_atomic
from drivesim.evaluation.ablation.between import InterpolationStage
from drivesim.evaluation.ablation.report import write_report
from drivesim.evaluation.ablation.sampled import film_features, sampled_part
from drivesim.evaluation.ablation.scores import ArmScores, read_scores
from drivesim.evaluation.ablation.staged import StagedVideoStage
from drivesim.evaluation.ablation.studies import OURS, STUDIES, Arm, Study
from drivesim.models.detector.detector import Detector
from drivesim.models.image_ldm import ImageLDM
from drivesim.tensors import pick_device
from drivesim.training.job import ensure_store, initialise
from drivesim.training.loop import start_state, train
from drivesim.training.presets import PRESETS, PresetName
from drivesim.training.run import Run
from drivesim.training.stage import Stage, seeded
from drivesim.training.stages.all_stages import RESTS_ON, build_stage, kind_of, recipe_type
from drivesim.training.stages.video_ldm import VideoLDMRecipe, VideoLDMStage
from drivesim.video_format import TrainedName
from drivesim.world.generator import WORLD_VERSION

CPU_SECONDS = "cpu_seconds.txt"
INSTRUMENTS = 2
"""Rises when a figure comes to mean something else: what was measured before is measured again."""


class HeldOut(Protocol):
    """A stage that is measured on its held-out data part by part."""

    def held_out_figures(self, part: int) -> dict[str, float]:
        """Figures of one part."""

    def held_out_films(self, part: int) -> dict[str, np.ndarray]:
        """Clips uint8 [n f h w 3] of one part, by the names of scores.DISTANCES: of stages whose studies are `filmed`."""


@dataclass(frozen=True)
class AblationQuestion:
    """The `study`, some of its `arms` (none: all) with so many `seeds`, each of `samples` (None: as the study says), measured on
    `parts` of what is held out. Runs and report go to `folder`; stages that others rest on are in `checkpoints`.

    `data`, `held_out`: stores; none: rendered in `data_folder` as the preset says. `overrides` hold for all arms.
    """

    study: str
    folder: Path
    checkpoints: Path
    detector: Path
    arms: tuple[str, ...] = ()
    seeds: int = 2
    samples: int | None = None
    parts: int = 8
    preset: PresetName = "cpu"
    data: tuple[Path, ...] = ()
    held_out: tuple[Path, ...] = ()
    data_folder: Path = Path("runs/data")
    overrides: Mapping[str, Any] = field(default_factory=dict)
    device: str = "auto"
    workers: int | None = None


def chosen_arms(study: str, names: tuple[str, ...]) -> dict[str, Arm]:
    """The arms of a study with these names, or all, and those that they are compared with. InputError for a name that is none."""
    if study not in STUDIES:
        raise InputError(f"{study}: no such study; choose one of {', '.join(STUDIES)}")
    arms = STUDIES[study].arms
    if unknown := [name for name in names if name not in arms]:
        raise InputError(f"--arms {unknown[0]}: the study {study} has no such arm; there are {', '.join(arms)}")
    wanted = {OURS, *names, *(arms[name].against for name in names)}
    return {name: arm for name, arm in arms.items() if not names or name in wanted}


def run_study(question: AblationQuestion, say: Say = print) -> Path:
    """Trains and measures what is not yet there, seed by seed, one arm after the other; the same call again goes on where the last
    one stopped. Writes report.json and report.md anew after each; returns the latter's path. InputError for what does not fit."""
    study, arms = STUDIES[question.study], chosen_arms(question.study, question.arms)
    for stage in _rests_on(study):
        read_checkpoint(question.checkpoints / stage, stage)
    for arm in arms.values():
        arm_recipe(question, arm, 0)
    make_folder(question.folder)
    detector = Detector.load(question.detector) if study.sampled or study.filmed else None
    specs = PRESETS[question.preset][study.stage].data

    def stores(given: tuple[Path, ...], held_out: bool) -> list[Path]:
        rendered = (spec.held_out if held_out else spec for spec in specs)
        return list(given) or [ensure_store(spec, question.data_folder, question.workers, say) for spec in rendered]

    places = stores(question.data, False), stores(question.held_out, True)
    scores: dict[str, list[ArmScores]] = {}
    failed: list[str] = []
    facts = {"study": question.study, "stage": study.stage, "samples": _samples(question), "parts": question.parts,
             "seeds": question.seeds, "preset": question.preset, "world_version": WORLD_VERSION,
             "data": [path.name for path in places[0]], "held_out": [path.name for path in places[1]],
             "weights": {stage: weights_hash(question.checkpoints / stage) for stage in _rests_on(study)}}  # fmt: skip
    report = question.folder / "report.md"
    for seed in range(question.seeds):
        for name, arm in arms.items():
            say(f"{question.study}: {name}, seed {seed}: {arm.about}")
            try:
                scores.setdefault(name, []).append(_arm_scores(question, name, arm, seed, places, detector, say))
            except MachineError as error:  # its gradients are not finite any more, say: the other arms go on
                if name == OURS:
                    raise
                failed.append(f"{name}, seed {seed}: {error}")
                say(failed[-1])
            measured = {name: found for name, found in scores.items() if found}
            write_report(question.folder, study, facts | {"failed": failed}, arms, measured)
    return report


def _samples(question: AblationQuestion) -> int:
    return question.samples or STUDIES[question.study].samples


def _arm_scores(
    question: AblationQuestion, name: str, arm: Arm, seed: int, places: tuple[list[Path], list[Path]], detector: Detector | None,
    say: Say,
) -> ArmScores:  # fmt: skip
    """The scores of one arm and seed, trained and measured unless its folder has them."""
    study, device = STUDIES[question.study], pick_device(question.device)
    values = arm_recipe(question, arm, seed)
    folder = question.folder / name / f"seed-{seed}"
    asked = {"parts": question.parts, "held_out": [path.name for path in places[1]], "recipe": json.loads(json.dumps(values)),
             "weights": {stage: weights_hash(question.checkpoints / stage) for stage in _rests_on(study)},
             "guidance": [arm.context_guidance, arm.layout_guidance], "instruments": INSTRUMENTS}  # fmt: skip
    if (found := read_scores(folder / "scores.json", asked)) is not None:
        return found
    stage = arm_stage(study, arm, values, question.checkpoints)
    if study.from_checkpoint or arm.shipped:
        kind = kind_of(study.stage, None)
        initialise(stage.modules["model"], study.stage, question.checkpoints / kind, kind)
    stage.open(*places)
    run = Run(
        question.folder / (arm.weights_of or name) / f"seed-{seed}",
        {"stage": study.stage, "preset": question.preset, **stage.recipe.model_dump(mode="json")},
    )
    if arm.trained and arm.weights_of is None:
        with cpu_time_noted(folder):
            train(stage, run, device, say)
    for module in stage.modules.values():
        module.to(device)
    state = start_state(stage, run)
    model = stage.modules["model"]
    with state.emas["model"].applied(model), torch.no_grad():
        scores = _scored(stage, study, arm, question.parts, detector, asked)
    scores = replace(scores, cpu_seconds=cpu_seconds(folder))
    folder.mkdir(parents=True, exist_ok=True)
    scores.write(folder / "scores.json")
    return scores


def cpu_seconds(folder: Path) -> float:
    """What was spent so far on training in a run's folder, over all cores (s)."""
    file = folder / CPU_SECONDS
    return float(file.read_text(encoding="utf-8")) if file.is_file() else 0.0


@contextmanager
def cpu_time_noted(folder: Path) -> Iterator[None]:
    """What this process spends within it is added to what the folder notes, however it ends."""
    before, begun = cpu_seconds(folder), time.process_time()
    try:
        yield
    finally:
        write_atomic(folder / CPU_SECONDS, f"{before + time.process_time() - begun:.1f}\n")


def _scored(
    stage: Stage, study: Study, arm: Arm, parts: int, detector: Detector | None, asked: dict[str, Any]
) -> ArmScores:
    """What a stage with these weights scores. Losses in pixel space are left out: they compare with none in another space."""
    suffix = study.suffix if arm.suffix is None else arm.suffix
    held_out = cast(HeldOut, stage)
    measured = [held_out.held_out_figures(part) for part in range(parts)] if study.figures and not arm.pixels else []
    there = [name for name in study.figures if measured and name + suffix in measured[0]]
    figures = {name: [part[name + suffix] for part in measured] for name in there}
    if detector is None:
        return ArmScores(asked, figures)
    detector.to(next(stage.modules["model"].parameters()).device)
    if study.filmed:
        films = [held_out.held_out_films(part) for part in range(parts)]
        seen = {name: film_features(detector, np.concatenate([part[name] for part in films])) for name in films[0]}
    else:
        assert isinstance(stage, VideoLDMStage)
        sampled = [sampled_part(stage, part, arm, detector, with_layout=bool(suffix)) for part in range(parts)]
        figures |= {name: [part.figures[name] for part in sampled] for name in sampled[0].figures}
        seen = {name: np.concatenate([part.features[name] for part in sampled]) for name in sampled[0].features}
    return ArmScores(asked, figures, {name: rows.round(5).tolist() for name, rows in seen.items()})


def arm_recipe(question: AblationQuestion, arm: Arm, seed: int) -> dict[str, Any]:
    """Fields of the recipe of an arm that differ from the stage's defaults: the preset's, the question's, then the arm's own.

    All lengths follow from the samples. InputError for fields that there are not.
    """
    study, samples = STUDIES[question.study], _samples(question)
    lengths = {"samples": samples, "warmup": samples // 20, "ema": max(1.0, samples / 8), "evaluate_every": samples,
               "save_every": max(1, samples // 8), "seed": seed, "held_out_batches": 1}  # fmt: skip
    values = PRESETS[question.preset][study.stage].recipe | lengths
    if study.from_checkpoint:
        checkpoint, _ = read_checkpoint(question.checkpoints / study.stage, study.stage)
        values = values | {"model": checkpoint.model}
    for changes in (study.recipe, question.overrides, arm.recipe):
        model = {**values.get("model", {}), **changes.get("model", {})}
        values = values | dict(changes) | ({"model": model} if model else {})
    recipe_type(study.stage, None, values).parse(values, f"recipe of {study.stage}")
    return values


def _rests_on(study: Study) -> tuple[TrainedName, ...]:
    """The stages whose checkpoints are read."""
    return (*RESTS_ON[study.stage], *((study.stage,) if study.from_checkpoint else ()))


def arm_stage(study: Study, arm: Arm, values: dict[str, Any], checkpoints: Path) -> Stage:
    """The stage of an arm, without data."""
    if study.between:
        return InterpolationStage(VideoLDMRecipe.parse(values, "recipe of video-ldm"), checkpoints)
    if not arm.fresh:
        return build_stage(study.stage, values, checkpoints)
    recipe, config = VideoLDMRecipe.parse(values, "recipe of video-ldm"), ImageLDM.load(checkpoints / "image-ldm").config
    if arm.staged:
        return StagedVideoStage(recipe, checkpoints, config, arm.pixels)
    with seeded(recipe.seed):
        image = ImageLDM(config)
    return VideoLDMStage(recipe, checkpoints, image)
