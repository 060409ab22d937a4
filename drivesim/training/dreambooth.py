"""DreamBooth (Ruiz et al. 2208.12242; Video LDM, sec. 4.3): a few pictures of one thing teach a public backbone a word for it.

The word stands for the thing together with its kind ("sks car"). So that the kind keeps its meaning (prior preservation), every
second sample is a picture that the untrained backbone makes of the kind. The text encoder learns, too. It is image-ldm on a
backbone with two stores, and exported like it; temporal layers that were learned in the backbone move into what comes of it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch

from drivesim.config import InputError, Say
from drivesim.dataset.clips import ClipWriter
from drivesim.dataset.importers.pictures import import_pictures
from drivesim.dataset.importers.unknown import unknown_labels
from drivesim.dataset.progress_line import ProgressLine
from drivesim.diffusion.ddim import sample
from drivesim.diffusion.guidance import guide
from drivesim.models.stable_diffusion.folder import check_folder, part_hash
from drivesim.models.stable_diffusion.latents import PublicLatents
from drivesim.models.stable_diffusion.network import StableDiffusion
from drivesim.scene.clip import Clip
from drivesim.tensors import pick_device, to_frames, torch_stream
from drivesim.training.job import run_training
from drivesim.training.presets import PresetName
from drivesim.video_format import FRAME_RATES, LATENT_FACTOR

RECIPE: dict[str, Any] = {"train_text": True, "even_stores": True, "drop_caption": 0.0}
LENGTH: dict[str, Any] = {"batch": 2, "samples": 1_600, "learning_rate": 2e-6, "warmup": 0, "ema": 100, "cooldown": 0.0}
"""About what the paper takes: 1,000 steps at rates of 1e-6 to 5e-6. The preset `tiny` has a length of its own."""
GUIDANCE = 7.5


class Subject(NamedTuple):
    """What is learned: `pictures` of one thing, the rare `token` that shall stand for it, and its `kind` in a word or two."""

    pictures: Sequence[Path]
    token: str
    kind: str

    @property
    def caption(self) -> str:
        """Of its own pictures."""
        return f"a photo of {self.token} {self.kind}"

    @property
    def prior(self) -> str:
        """Of pictures of its kind."""
        return f"a photo of a {self.kind}"


def train_dreambooth(
    run_folder: Path,
    backbone: Path,
    subject: Subject,
    prior: int = 100,
    steps: int = 50,
    height: int = 256,
    preset: PresetName = "gpu",
    overrides: dict[str, Any] | None = None,
    minutes: float = math.inf,
    device_name: str = "auto",
    say: Say = print,
) -> None:
    """Makes the stores that it learns from in `run_folder`, `prior` pictures by `steps` of sampling, and trains; see run_training.

    Held-out figures are measured on the same pictures: there are too few to spare some.
    """
    if not (subject.token.strip() and subject.kind.strip()):
        raise InputError("--token and --kind: give a rare word for the thing, and what it is, such as sks and car")
    check_folder(backbone)
    folder = run_folder / "data"
    folder.mkdir(parents=True, exist_ok=True)
    stores = [folder / "pictures.h5"]
    say(f"{import_pictures(stores[0], subject.pictures, height, subject.caption)} pictures of {subject.caption!r}")
    if prior:
        stores.append(folder / "prior.h5")
        make_prior(stores[-1], backbone, subject.prior, prior, steps, height, pick_device(device_name), say)
    chosen = RECIPE | ({} if preset == "tiny" else LENGTH) | (overrides or {})
    run_training("image-ldm", run_folder, preset, stores, stores, overrides=chosen, minutes=minutes, device_name=device_name,
                 say=say, backbone=backbone)  # fmt: skip


@torch.no_grad()
def make_prior(
    out: Path, backbone: Path, caption: str, count: int, steps: int, height: int, device: torch.device, say: Say
) -> None:
    """Fills the store `out` with pictures that the backbone makes of `caption`, each from a random stream of its own.

    The same call again goes on where it stopped.
    """
    recipe = {"caption": caption, "steps": steps, "height": height, "backbone": part_hash(backbone, "unet")}
    with ClipWriter(out, recipe) as writer:
        if len(writer) >= count:
            return
        line = ProgressLine("picture of the kind", len(writer), count, say)
        model, codec = StableDiffusion.load(backbone).to(device), PublicLatents.load(backbone).to(device)
        text, nothing = model.text.ids([caption, ""]).to(device).split(1)
        shape = (1, model.shape.latent_channels, height // LATENT_FACTOR, 2 * height // LATENT_FACTOR)
        for number in range(len(writer), count):
            noise = torch.randn(shape, generator=torch_stream(0, "prior", number)).to(device)
            latents = sample(guide(model.denoise(text), model.denoise(nothing), GUIDANCE), model.schedule, noise, steps)
            writer.append(Clip(to_frames(codec.decode(latents)), unknown_labels(1, FRAME_RATES[-1], f"made {number}", caption)))
            line(number + 1)
