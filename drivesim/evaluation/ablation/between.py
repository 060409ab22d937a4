"""Frames between given ones, sampled link by link or all in one go, beside the rendered ones."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from drivesim.config import InputError
from drivesim.dataset.batches import ClipWindow, ClipWindows
from drivesim.dataset.clips import ClipStore
from drivesim.diffusion.ddim import sample
from drivesim.evaluation.ablation.studies import BETWEEN
from drivesim.metrics.pulse import pulse
from drivesim.metrics.reconstruction import gradient_energy, psnr
from drivesim.models.video_ldm import hold
from drivesim.tensors import computes_bfloat16, numpy_stream, torch_stream
from drivesim.training.clip_tasks import Task
from drivesim.training.latent_data import has_windows
from drivesim.training.stage import mean_figures
from drivesim.training.stages.video_ldm import VideoLDMStage
from drivesim.video_format import FRAME_RATES
from drivesim.video_format import INTERPOLATION_FACTOR as FACTOR

CLIPS, STEPS = 4, 8  # of a part and rate


class ChosenWindows(ClipWindows):
    """Of these windows of others those that are `chosen`, whatever is drawn."""

    def __init__(self, others: ClipWindows, chosen: Sequence[ClipWindow]) -> None:
        self.__dict__.update(vars(others))
        self.chosen = list(chosen)

    def draw(self, rng: np.random.Generator, n: int) -> list[ClipWindow]:
        """The chosen ones, of which there are n."""
        return self.chosen


class InterpolationStage(VideoLDMStage):
    """A video LDM that is judged by the frames that it makes between given ones: every fourth, `base_frames` of each clip.

    It is told boxes and layout. Where it does not make given frames anew, it goes from each to the next by itself, as rollouts do.
    """

    def open(self, data: list[Path], held_out: list[Path]) -> None:
        """Windows to learn from, and those of all given frames and the ones between, at each rate that is held out."""
        super().open(data, held_out)
        stores, length = [ClipStore(path) for path in held_out], FACTOR * (self.recipe.model.base_frames - 1) + 1
        rates = [fps for fps in FRAME_RATES[1:] if any(has_windows(store, length, fps) for store in stores)]
        if not rates:
            names = ", ".join(str(path) for path in held_out)
            raise InputError(f"{names}: no clip has {length} frames at 7.5 or 30 fps; hold out longer clips, or set base_frames")
        self.whole = {fps: self.latent_data.windows(held_out, length, fps) for fps in rates}

    def held_out_figures(self, part: int) -> dict[str, float]:
        """The figures of BETWEEN for CLIPS clips, means over the rates."""
        return mean_figures([self._figures(part, fps) for fps in self.whole])

    def _figures(self, part: int, fps: float) -> dict[str, float]:
        windows, rng = self.whole[fps], numpy_stream(0, "between", part)
        labelled = ChosenWindows(windows, chosen := windows.draw(rng, CLIPS)).batch(rng, CLIPS, pictures=False)
        assert labelled.latents is not None
        made = self._sampled(windows, chosen, part, fps)
        films, kept = ([self.latent_data.decode(clip) for clip in clips] for clips in (made, torch.from_numpy(labelled.latents)))
        between = np.arange(windows.length) % FACTOR > 0
        ours, theirs = (np.stack([film[between] for film in side]) for side in (films, kept))
        beats = [np.mean([pulse(film, FACTOR) for film in side]) for side in (films, kept)]
        shares = gradient_energy(ours).sum() / max(gradient_energy(theirs).sum(), 1e-9), abs(beats[0] / beats[1] - 1)
        return dict(zip(BETWEEN, map(float, (np.minimum(psnr(ours, theirs), 99).mean(), *shares)), strict=True))

    def _sampled(self, windows: ClipWindows, chosen: Sequence[ClipWindow], part: int, fps: float) -> Tensor:
        """Latents [CLIPS f c h w] of the chosen windows, of which every fourth frame is given."""
        task = next(task for task in self.held_out if task.fps == fps)
        if self.model.remakes:
            return self._made(task, windows, chosen, part)
        numbers = {store.path: number for number, store in enumerate(self.held_out[task].stores)}
        links = [
            ClipWindow(numbers[windows.stores[w.store].path], w.clip, start, start + FACTOR * w.step + 1, w.step)
            for w in chosen
            for start in range(w.start, w.stop - 1, FACTOR * w.step)
        ]
        made = self._made(task, self.held_out[task], links, part).unflatten(0, (len(chosen), -1))
        return torch.cat([made[:, :, :FACTOR].flatten(1, 2), made[:, -1, FACTOR:]], dim=1)

    def _made(self, task: Task, windows: ClipWindows, chosen: Sequence[ClipWindow], part: int) -> Tensor:
        """Latents [n f c h w] of the chosen windows of a task, sampled of what it gives most often."""
        before, self.held_out[task] = self.held_out[task], ChosenWindows(windows, chosen)
        try:
            batch, conditions = self.held_out_batch(task, part, len(chosen), task.given[-1][1])
        finally:
            self.held_out[task] = before
        context, latents = self.context(batch, conditions), batch["latents"]
        noise = torch.randn(latents.shape, generator=torch_stream(self.recipe.seed, "between", part)).to(latents.device)
        denoise = hold(self.model.denoise(conditions, context, batch["fps"]), context)
        with torch.autocast(latents.device.type, torch.bfloat16, enabled=computes_bfloat16(latents.device)):
            return sample(denoise, self.model.schedule, noise, STEPS).float()
