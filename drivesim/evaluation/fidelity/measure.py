"""All figures of fidelity at once: of the autoencoder, of the world, and of what the cascade makes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, get_args

import numpy as np

from drivesim.checkpoint import weights_hash
from drivesim.config import InputError, Say
from drivesim.engine.cascade import Cascade
from drivesim.engine.engine import Engine
from drivesim.engine.settings import SamplingSettings
from drivesim.evaluation import held_out
from drivesim.evaluation.autoencoder import Fidelity, autoencoder_fidelity, autoencoder_figures, restored_pairs
from drivesim.evaluation.fidelity.continuations import continuations, diversity_figures
from drivesim.evaluation.fidelity.cut_in import cut_in_figures, cut_ins
from drivesim.evaluation.fidelity.figures import drift_figures, film_figures, still_figures
from drivesim.evaluation.fidelity.full_size import FullSize, full_size, full_size_figures
from drivesim.evaluation.fidelity.material import FULL, KEYS, ONE_WINDOW, Amounts, films, stills
from drivesim.evaluation.fidelity.published import film_features, frame_features, load_network, published_figures
from drivesim.evaluation.fidelity.seen import look_at
from drivesim.evaluation.fidelity.sheets import film_rows, still_sheet
from drivesim.evaluation.world import WorldFigures, world_figures
from drivesim.metrics.intervals import Figures, Interval, flat
from drivesim.models.detector.detector import Detector
from drivesim.models.latent_space import LatentSpace
from drivesim.tensors import pick_device
from drivesim.world.generator import WORLD_VERSION

Part = Literal["autoencoder", "world", "generated"]
PARTS: tuple[Part, ...] = get_args(Part)
_FULL_SIZE_ROWS = 4  # of pairs that are shown


@dataclass(frozen=True)
class Question:
    """What is to be measured: `parts` of the weights in `checkpoints`, by the `detector`, on so much of held-out worlds of `seed`.

    `footage` uint8 [n h w 3] by name is measured beside; `fid`, `fvd`: TorchScript files (see published).
    """

    checkpoints: Path
    detector: Path
    amounts: Amounts
    parts: tuple[Part, ...] = PARTS
    seed: int = held_out.HELD_OUT_SEED
    footage: dict[str, np.ndarray] = field(default_factory=dict)
    fid: Path | None = None
    fvd: Path | None = None
    settings: SamplingSettings = field(default_factory=SamplingSettings)
    device: str = "auto"
    workers: int | None = None


@dataclass
class Answer:
    """`figures` by name; `rows` and `world` are for tables; `facts` say what was measured, `sheets` uint8 [h w 3] show it."""

    figures: Figures = field(default_factory=dict)
    rows: dict[str, Fidelity] = field(default_factory=dict)
    world: WorldFigures | None = None
    facts: dict[str, str | int] = field(default_factory=dict)
    sheets: dict[str, np.ndarray] = field(default_factory=dict)

    def values(self) -> dict[str, str | int | float | None]:
        """All as one flat table of names: each figure with its _low and _high."""
        return self.facts | flat(self.figures)


def measure(question: Question, say: Say | None = None) -> Answer:
    """Measures what is asked for; InputError for weights or files that are missing, before anything else."""
    device, answer = pick_device(question.device), Answer()
    answer.facts = {"seed": question.seed, "world_version": WORLD_VERSION}
    space, engine, detector = None, None, None
    if "autoencoder" in question.parts:
        space = LatentSpace.load(question.checkpoints / "autoencoder").to(device)
        answer.facts |= {"autoencoder_weights": weights_hash(question.checkpoints / "autoencoder")}
    if "generated" in question.parts:
        detector = Detector.load(question.detector).to(device)
        engine = Engine(Cascade.load(question.checkpoints, device), question.settings)
        answer.facts |= {"detector_weights": weights_hash(question.detector)}
    if {"autoencoder", "world"} & set(question.parts):
        pairs = held_out.held_out_pairs(question.amounts.worlds, question.seed, question.workers, say)
        answer.facts["frames"] = len(pairs)
        if space is not None:
            _measure_autoencoder(answer, space, pairs, question.footage, say)
        if "world" in question.parts:
            _measure_world(answer, pairs, question)
    if engine is not None and detector is not None:
        _measure_generated(answer, engine, detector, question, say)
    return answer


def _measure_autoencoder(
    answer: Answer, space: LatentSpace, pairs: Sequence[held_out.Pair], footage: dict[str, np.ndarray], say: Say | None
) -> None:
    restored = restored_pairs(space, pairs, say)
    answer.rows = autoencoder_fidelity(space, restored, pairs, footage)
    answer.figures |= autoencoder_figures(restored, pairs)
    for name, row in answer.rows.items():
        if name.startswith("real "):
            answer.figures[f"autoencoder_psnr_{name.replace(' ', '_')}"] = Interval(row.psnr, np.nan, np.nan)


def _measure_world(answer: Answer, pairs: Sequence[held_out.Pair], question: Question) -> None:
    world = answer.world = world_figures(pairs, question.footage, question.seed)
    plain = {"world_gradient_energy": world.gradient_energy, "world_seconds_a_world": world.seconds_a_world}
    plain |= {f"world_gradient_energy_share_of_{name}": real.ratio for name, real in world.real.items()}
    plain |= {f"world_frames_per_second_{size}": rate for size, rate in world.frames_per_second.items()}
    answer.figures |= {name: Interval(value, np.nan, np.nan) for name, value in plain.items()}


def _measure_generated(answer: Answer, engine: Engine, detector: Detector, question: Question, say: Say | None) -> None:
    amounts, seed, workers = question.amounts, question.seed, question.workers
    frames_network = None if question.fid is None else load_network(question.fid)
    material = stills(engine, amounts.frames, seed, workers, say)
    answer.figures |= still_figures(material, detector)
    answer.sheets["frames"] = still_sheet(material, seed)
    if frames_network is not None:
        sets = (frame_features(frames_network, x) for x in (material.composed, material.rendered, material.others))
        answer.figures |= published_figures("fid", *sets)
    _measure_films(answer, engine, detector, question, say)
    count = round(amounts.long_seconds * KEYS)
    long = list(films(engine, amounts.long_clips, count, KEYS, seed, workers, say))
    answer.figures |= drift_figures(long, detector, KEYS)
    answer.sheets["long_rollouts"] = np.concatenate([row for film in long for row in film_rows(film)])
    answer.figures |= cut_in_figures(cut_ins(engine, detector, amounts.cut_ins, min(ONE_WINDOW, amounts.clip_frames), seed, say))
    answer.figures |= diversity_figures(list(continuations(engine, amounts.continued, seed, say)), detector)


def _measure_films(answer: Answer, engine: Engine, detector: Detector, question: Question, say: Say | None) -> None:
    amounts, seed = question.amounts, question.seed
    clips_network = None if question.fvd is None else load_network(question.fvd)
    seen, made, rendered, rows = [], [], [], []
    whole: list[FullSize] = []
    for film in films(engine, amounts.clips, amounts.clip_frames, FULL, seed, question.workers, say):
        seen.append(look_at(film, detector))
        rows += film_rows(film)
        if len(whole) < amounts.full_size:
            whole.append(full_size(engine, film, seed))
        if clips_network is not None:
            made.append(film_features(clips_network, [film.made])[0])
            rendered.append(film_features(clips_network, [film.rendered])[0])
    answer.figures |= film_figures(seen) | full_size_figures(whole)
    if clips_network is not None:
        answer.figures |= published_figures("fvd", np.stack(made), np.stack(rendered))
    answer.sheets["rollouts"] = np.concatenate(rows)
    answer.sheets["full_size"] = np.concatenate([np.concatenate(pair, axis=1) for pair in whole[:_FULL_SIZE_ROWS]])


def parse_part(name: str | None) -> tuple[Part, ...]:
    """The parts of an --only option; InputError for what is none."""
    chosen = tuple(part for part in PARTS if name in (None, part))
    if not chosen:
        raise InputError(f"--only {name}: choose {', '.join(PARTS[:-1])} or {PARTS[-1]}")
    return chosen
