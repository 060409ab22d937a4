"""A training job from its names: preset, data, stage, run folder, export."""

from __future__ import annotations

import difflib
import math
import os
from collections.abc import Iterable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from torch import nn

from drivesim.checkpoint import (
    FORMAT,
    Checkpoint,
    grown,
    load_strictly,
    read_checkpoint,
    weights_hash,
    write_checkpoint,
)
from drivesim.checksums import check_writable
from drivesim.config import InputError, Say, shipped
from drivesim.dataset.clips import ClipStore
from drivesim.dataset.synthesis import fill_store
from drivesim.models.image_ldm import ImageLDM
from drivesim.models.latent_space import LatentSpace
from drivesim.models.loading import load_latent_codec
from drivesim.models.stable_diffusion.folder import part_hash
from drivesim.models.stable_diffusion.latents import PublicLatents
from drivesim.models.stable_diffusion.saving import check_target, save_folder
from drivesim.models.video_ldm import SPATIAL, VideoLDM
from drivesim.seeds import stream_seed
from drivesim.tensors import pick_device
from drivesim.training.loop import start_state, train
from drivesim.training.optim import barrier, rank
from drivesim.training.presets import BACKBONE_PRESETS, PRESETS, DataSpec, PresetName
from drivesim.training.run import Run, has_state, last_figures, run_recipe
from drivesim.training.stage import Recipe, Stage
from drivesim.training.stages.all_stages import (
    FRESH_FIELDS,
    RESTS_ON,
    build_stage,
    check_backbone,
    kind_of,
    recipe_type,
    trained_part,
)
from drivesim.training.stages.driving import DrivingStage
from drivesim.training.stages.fine_tuning import FineTuningStage
from drivesim.video_format import TrainedName
from drivesim.world.generator import WORLD_VERSION

UNKNOWN = "unknown"
"""Device of runs that were started before it was noted."""


def beginning(
    run_folder: Path, recipe: Recipe, init_from: Path | None, checkpoints: Path, device: torch.device
) -> tuple[dict[str, Any], Path | None]:
    """What a run folder notes of the run's beginning (`stream`, `init_from`, `device`), and the checkpoint to start from.

    None where it starts afresh, or goes on with what it has saved: then the notes are those that are there.
    """
    if has_state(run_folder):
        noted = run_recipe(run_folder)
        return {"stream": noted.get("stream"), "init_from": noted.get("init_from"), "device": noted.get("device", UNKNOWN)}, None
    origin = init_from or (checkpoints / recipe.origin if recipe.origin else None)
    digest = None if origin is None else weights_hash(origin)
    stream = None if digest is None else stream_seed(recipe.seed, "goes on from", digest)
    return {"stream": stream, "init_from": digest, "device": device_label(device)}, origin


def inherited(
    values: dict[str, Any], name: TrainedName, backbone: Path | None, run_folder: Path, origin: Path | None
) -> dict[str, Any]:
    """`values` of a recipe, its model that of the checkpoint `origin`, of the run that goes on, or else the recipe's own, but
    for what they say of it.

    Fields that a model grows in when it starts from another (FRESH_FIELDS) are those of the recipe.
    """
    said, fields = values.get("model", {}), recipe_type(name, backbone, values).model_fields
    if "model" not in fields or not isinstance(said, dict):
        return values
    noted = run_recipe(run_folder) if has_state(run_folder) else {}
    if noted.get("init_from"):
        known = noted.get("model", {})
    elif origin is not None:
        known = read_checkpoint(origin, kind_of(name, backbone))[0].model
    else:
        known = fields["model"].default.model_dump(mode="json")
    return values | {"model": {key: value for key, value in known.items() if key not in FRESH_FIELDS[name]} | said}


def ensure_store(spec: DataSpec, folder: Path, workers: int | None, say: Say) -> Path:
    """The store of `spec` in `folder`, rendered if it is not there or not complete."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"world{WORLD_VERSION}-{spec.label}.h5"
    if rank() == 0:
        fill_store(path, spec.clips, spec.frames, (spec.fps,), spec.height, spec.width, spec.seed, workers, say=say)
    barrier()
    return path


def check_inputs(
    name: TrainedName, run_folder: Path, stores: list[Path], checkpoints: Path, origin: Path | None, backbone: Path | None
) -> None:
    """InputError for what would fail once the data are there, which may take an hour to render.

    `stores` are those given by name, `origin` the checkpoint to start from.
    """
    for store in stores:
        ClipStore(store).close()
    for stage in RESTS_ON[name] if backbone is None else ():
        read_checkpoint(checkpoints / stage, stage)
    if backbone is not None:
        check_backbone(name, backbone)
        if name == "image-ldm" and origin is not None:
            raise InputError(f"--init-from {origin}: a backbone is fine-tuned from itself; give that as --backbone")
    if origin is not None:
        read_checkpoint(origin, kind_of(name, backbone))
    there = next(path for path in (run_folder.absolute(), *run_folder.absolute().parents) if path.exists())
    try:
        check_writable(there / "state.safetensors")
    except InputError as error:
        raise InputError(f"--run {run_folder}: cannot be made or written; give another folder") from error


def check_fields(name: TrainedName, overrides: Mapping[str, Any], backbone: Path | None = None) -> None:
    """InputError for names that are no fields of the stage's recipe."""
    fields = list(recipe_type(name, backbone, overrides).model_fields)
    for field in overrides:
        if field not in fields:
            guess = difflib.get_close_matches(field, fields, 1)
            meant = f'did you mean "{guess[0]}"?' if guess else f"it has {', '.join(fields)}"
            raise InputError(f"--set {field}: the recipe of {name} has no such field; {meant}")


def run_training(
    name: TrainedName,
    run_folder: Path,
    preset: PresetName = "cpu",
    data: list[Path] | None = None,
    held_out: list[Path] | None = None,
    data_folder: Path = Path("runs/data"),
    checkpoints: Path | None = None,
    init_from: Path | None = None,
    overrides: dict[str, Any] | None = None,
    minutes: float = math.inf,
    device_name: str = "auto",
    workers: int | None = None,
    say: Say = print,
    backbone: Path | None = None,
) -> None:
    """Trains one stage in `run_folder`; the same call again goes on where the last one stopped.

    `overrides` replace fields of the preset's recipe; `init_from` is read when there is nothing yet to go on from, and makes
    a random stream of its own (Recipe.stream). `workers` as of fill_store. `backbone`: a folder of diffusers, whose
    spatial layers image-ldm trains on captioned frames, and in which the others train temporal layers. Under torchrun every
    process calls this.
    """
    if not minutes >= 0:
        raise InputError(f"--minutes {minutes:g}: give a number of minutes")
    if workers is not None and workers < 0:
        raise InputError(f"--workers {workers}: give a number of processes, or 0 to render in this one")
    device = join_processes(device_name)
    say = say if rank() == 0 else lambda _: None
    check_fields(name, overrides or {}, backbone)
    chosen = (PRESETS if backbone is None else BACKBONE_PRESETS)[preset][name]
    checkpoints = checkpoints or shipped("checkpoints")
    values = chosen.recipe | (overrides or {})
    if isinstance(sizes := values.get("model"), dict):
        values["model"] = chosen.recipe.get("model", {}) | sizes
    recipe = recipe_type(name, backbone, values).parse(values, f"recipe of {name}")
    notes, origin = beginning(run_folder, recipe, init_from, checkpoints, device)
    values = inherited(values, name, backbone, run_folder, origin)
    check_inputs(name, run_folder, [*(data or []), *(held_out or [])], checkpoints, origin, backbone)
    stage = build_stage(name, {"stream": notes.pop("stream")} | values, checkpoints, backbone)
    if origin is not None:
        initialise(stage.modules["model"], name, origin, kind_of(name, backbone))
    notes |= {} if backbone is None else {"backbone": str(backbone), "backbone_weights": part_hash(backbone, trained_part(name))}
    if data and not held_out:
        say("held-out figures are measured on rendered worlds; give --held-out to measure on stores of your own")
    data = data or [ensure_store(spec, data_folder, workers, say) for spec in chosen.data]
    held_out = held_out or [ensure_store(spec.held_out, data_folder, workers, say) for spec in chosen.data]
    stage.open(data, held_out)
    written = {"stage": name, "preset": preset, **notes, "data": [str(path) for path in data],
              **stage.recipe.model_dump(mode="json")}  # fmt: skip
    say(describe(stage, device))
    train(stage, Run(run_folder, written), device, say, minutes * 60, goes_on=origin is not None)


def initialise(model: nn.Module, name: TrainedName, folder: Path, kind: str) -> None:
    """Starts `model` from the checkpoint `folder` of this kind.

    A part of which the checkpoint has nothing (a group of conditions, layout networks, temporal layers) stays as it is. A
    convolution that is shown further maps begins with zeros for them, and computes what it did. InputError for any other
    difference of sizes, be it blocks or channels: further blocks would begin untrained between those that are trained, and a
    layer that is padded to more channels would have dead ones.
    """
    checkpoint, tensors = read_checkpoint(folder, kind)
    tensors = model.fitted(checkpoint.model, tensors) if isinstance(model, LatentSpace | ImageLDM | VideoLDM) else tensors
    if isinstance(model, VideoLDM) and any(name.startswith(SPATIAL) for name in tensors):
        raise InputError(f"{folder}: image layers learned there, too; go on with --set spatial=joint, or all")
    own = model.state_dict()
    fresh = {key: own[key] for key in own.keys() - tensors.keys() if _is_new_part(key, tensors)}
    fitting = fresh | {key: grown(value, own[key]) if key in own else value for key, value in tensors.items()}
    advice = "start from one of the same sizes, or choose its sizes by --preset and --set model={...}"
    load_strictly(model, fitting, folder, f"the {name} model of this recipe", advice)


def _is_new_part(key: str, known: Iterable[str]) -> bool:
    """Whether a tensor belongs to a part of a model of which nothing is `known`, and not to one more item of a list."""
    names = key.split(".")
    for length in range(1, len(names) + 1):
        if names[length - 1].isdigit():
            return False
        part = ".".join(names[:length])
        if not any(other == part or other.startswith(f"{part}.") for other in known):
            return True
    return False


def export_run(
    run_folder: Path,
    folder: Path,
    data: list[Path],
    checkpoints: Path | None,
    say: Say = print,
    backbone: Path | None = None,
) -> str:
    """Writes the averaged weights of a run as a checkpoint folder; returns the hash of the weights.

    Of a backbone that was fine-tuned it is a folder as the backbone's. `data` are the stores, and `backbone` that of the run,
    where they are not where the run found them; held-out figures come from the log.
    """
    recipe = run_recipe(run_folder)
    name: TrainedName = recipe["stage"]
    if "backbone" in recipe:
        backbone = backbone or Path(recipe["backbone"])
    skip = {"stage", "preset", "init_from", "device", "data", "backbone", "backbone_weights"}
    values = {key: value for key, value in recipe.items() if key not in skip}
    data = data or [Path(path) for path in recipe["data"]]
    stage = build_stage(name, values, checkpoints or shipped("checkpoints"), backbone)
    if isinstance(stage, FineTuningStage):
        check_target(folder)
    if isinstance(stage, DrivingStage):
        latents = check_latents_beside(folder, stage.codec)
    stage.open(data, data)
    state = start_state(stage, Run(run_folder, recipe))
    if state.samples == 0:
        raise InputError(f"{run_folder}: nothing is trained there yet")
    description = stage.description()
    training = {
        "samples": state.samples,
        "steps": math.ceil(state.samples / stage.recipe.batch),
        "seconds": round(state.seconds),
        "seed": stage.recipe.seed,
        "data": [Path(path).stem for path in recipe["data"]],
        "init_from": recipe["init_from"],
        "held_out": last_figures(run_folder),
        "device": recipe.get("device", UNKNOWN),
    }
    with state.emas["model"].applied(stage.modules["model"]):
        stage.finish()
        recipe["data"] = training["data"]
        if isinstance(stage, FineTuningStage):
            digest = save_folder(stage.model, stage.backbone, folder, training, recipe)
        else:
            checkpoint = Checkpoint(format=FORMAT, kind=kind_of(name, backbone), training=training, **description._asdict())
            digest = write_checkpoint(folder, checkpoint, stage.modules["model"].state_dict(), recipe)
    if isinstance(stage, DrivingStage) and not latents.exists():
        say(f"{latents}: the backbone's autoencoder, weights sha256 {stage.codec.write(latents)}")
    say(f"{folder}: {name} after {state.samples} samples, weights sha256 {digest}")
    return digest


def check_latents_beside(folder: Path, codec: PublicLatents) -> Path:
    """Where the latent space of an image model in `folder` stands in a cascade; InputError if another one is there."""
    latents = folder.resolve().with_name("autoencoder")
    if latents.exists() and load_latent_codec(latents).fingerprint() != codec.fingerprint():
        raise InputError(f"{latents}: is there already, and is not the autoencoder that {folder.name} was trained with; give a "
                         "folder in another one")  # fmt: skip
    return latents


def join_processes(device_name: str) -> torch.device:
    """Joins the process group when started by torchrun; the device of this process. InputError for one that is not there."""
    device = pick_device(device_name)
    if int(os.environ.get("WORLD_SIZE", "1")) > 1 and not dist.is_initialized():
        backend = "nccl" if device.type == "cuda" else "gloo"
        dist.init_process_group(backend, timeout=timedelta(hours=2))  # the others wait while the first renders and evaluates
    if device.type == "cuda":
        device = torch.device("cuda", int(os.environ.get("LOCAL_RANK", device.index or 0)))
        torch.cuda.set_device(device)
        torch.set_float32_matmul_precision("high")
    return device


def device_label(device: torch.device) -> str:
    """What this process trains on, in words."""
    return torch.cuda.get_device_name(device) if device.type == "cuda" else f"{torch.get_num_threads()} CPU threads"


def describe(stage: Stage, device: torch.device) -> str:
    """One line about what is about to be trained."""

    def millions(module: nn.Module) -> str:
        return f"{sum(p.numel() for p in module.parameters() if p.requires_grad) / 1e6:.2f}M"

    parts = ", ".join(f"{key} {millions(module)}" for key, module in stage.modules.items())
    return f"{stage.name}: trains {parts} parameters on {device}, {stage.recipe.samples} samples in batches of {stage.recipe.batch}"
