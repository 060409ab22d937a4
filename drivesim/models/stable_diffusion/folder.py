"""A Stable Diffusion folder in the format of diffusers (1.x and 2.x): is it one, are all parts there, what do they say?

    FOLDER/model_index.json   unet/   vae/   text_encoder/   tokenizer/   scheduler/

diffusers and transformers (extra `text`) read the parts; weights are safetensors alone, never pickles.
"""

from __future__ import annotations

import hashlib
import importlib.util
import math
from pathlib import Path
from typing import Any

from safetensors import safe_open

from drivesim.config import InputError, read_json

PIPELINE = "StableDiffusionPipeline"
_CONFIGS = {
    "unet": "config.json",
    "vae": "config.json",
    "text_encoder": "config.json",
    "tokenizer": "tokenizer_config.json",
    "scheduler": "scheduler_config.json",
}
_CLASSES = {"unet": "UNet2DConditionModel", "vae": "AutoencoderKL"}
WITH_WEIGHTS = ("unet", "vae", "text_encoder")


def check_folder(folder: Path, pipeline: str = PIPELINE) -> None:
    """InputError unless `folder` holds all parts of a Stable Diffusion that `pipeline` of diffusers would load."""
    check_packages(folder)
    if not (folder / "model_index.json").is_file():
        raise InputError(f"{folder}: no Stable Diffusion folder (model_index.json is missing); give one that diffusers has saved")
    name = read_json(folder / "model_index.json").get("_class_name")
    if name != pipeline:
        raise InputError(f"{folder}: holds a {name}; Stable Diffusion 1.x or 2.x as {pipeline} is needed here")
    for part, file in _CONFIGS.items():
        if not (folder / part / file).is_file():
            raise InputError(f"{folder}: its {part} is missing ({part}/{file}); copy the whole folder")
    for part, wanted in _CLASSES.items():
        if (found := part_config(folder, part).get("_class_name")) != wanted:
            raise InputError(f"{folder / part}: holds a {found}, expected a {wanted}; give Stable Diffusion 1.x or 2.x")
    for part in WITH_WEIGHTS:
        weight_files(folder, part)


def check_packages(folder: Path) -> None:
    """InputError if the libraries are missing that the public model in `folder` needs."""
    missing = [name for name in ("diffusers", "transformers") if importlib.util.find_spec(name) is None]
    if missing:
        raise InputError(f"{folder}: public image models need {' and '.join(missing)}; pip install 'drivesim[text]'")


def part_config(folder: Path, part: str) -> dict[str, Any]:
    """What the configuration of a part says."""
    return read_json(folder / part / _CONFIGS[part])


def weight_files(folder: Path, part: str) -> list[Path]:
    """The weight files of a part, in order of name: the full ones, else those of half precision. InputError if there are none."""
    files = sorted((folder / part).glob("*.safetensors"))
    full = [file for file in files if ".fp16" not in file.name and ".non_ema" not in file.name]
    if not files:
        raise InputError(f"{folder / part}: has no *.safetensors (pickled weights are not read); save it with safe_serialization")
    return full or [file for file in files if ".fp16" in file.name]


def variant(folder: Path, part: str) -> str | None:
    """The variant under which diffusers finds `weight_files`."""
    return "fp16" if ".fp16" in weight_files(folder, part)[0].name else None


def parameters(folder: Path, part: str) -> int:
    """How many numbers the weights of a part are, by the files' headers."""
    count = 0
    for file in weight_files(folder, part):
        with safe_open(file, framework="pt") as opened:
            count += sum(math.prod(opened.get_slice(name).get_shape()) for name in opened.keys())  # noqa: SIM118
    return count


def part_hash(folder: Path, part: str) -> str:
    """sha256 over the weight files of a part, in order of name."""
    digest = hashlib.sha256()
    for file in weight_files(folder, part):
        with file.open("rb") as opened:
            while block := opened.read(2**24):
                digest.update(block)
    return digest.hexdigest()


def load_part(folder: Path, part: str, cls: Any) -> Any:
    """A part as `cls` of diffusers or transformers, float32, in eval mode; InputError naming what it says is wrong."""
    options = {"use_safetensors": True, "local_files_only": True, "variant": variant(folder, part)}
    if cls.__module__.startswith("diffusers"):
        options["low_cpu_mem_usage"] = False  # which needs accelerate
    _hush()
    try:
        loaded, found = cls.from_pretrained(str(folder / part), output_loading_info=True, **options)
    except Exception as error:  # libraries of others raise what they like for damaged files
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise InputError(f"{folder / part}: cannot be loaded ({reason}); copy it again") from error
    if missing := sorted(found["missing_keys"]):  # which would be random numbers now
        raise InputError(f"{folder / part}: {len(missing)} of its weights are missing ({missing[0]}); copy it again")
    return loaded.float().eval()


def _hush() -> None:
    """No bars and advice of the libraries between the lines of ours."""
    import diffusers.utils.logging
    import transformers.utils.logging

    for logging in (diffusers.utils.logging, transformers.utils.logging):
        logging.set_verbosity_error()
        logging.disable_progress_bar()
