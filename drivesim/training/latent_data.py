"""What the two latent diffusion stages share: stores seen through the frozen autoencoder, and samples as tensors."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import chain
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d

from drivesim.config import Say
from drivesim.dataset.batches import ClipWindows, WindowBatch
from drivesim.dataset.clips import ClipStore
from drivesim.dataset.latents import FrameLatents, cache_latents
from drivesim.dataset.layouts import LayoutCache, cache_layouts, is_known
from drivesim.dataset.moved import MovedFrames, MovedUse, cache_moved, moved_key
from drivesim.diffusion.denoiser import Prediction, training_target
from drivesim.diffusion.schedule import NoiseSchedule
from drivesim.layout.flow import Flow
from drivesim.layout.labelled_flow import labelled_flows
from drivesim.models.backbone import LatentCodec
from drivesim.models.conditions.all_groups import LAYOUT_GROUPS, label_conditions
from drivesim.models.conditions.boxes import box_map
from drivesim.models.conditions.conditions import Conditions, stacked
from drivesim.models.conditions.layout.vehicles import KIND_PLANE
from drivesim.models.moved_frames import move_frames
from drivesim.scene.boxes import Boxes
from drivesim.scene.clip import ClipLabels
from drivesim.tensors import computes_bfloat16, to_frames, to_network
from drivesim.training.optim import barrier, rank
from drivesim.training.stage import Batch
from drivesim.video_format import LATENT_FACTOR

GOLDEN = (5**0.5 - 1) / 2


class LatentData:
    """The frozen latent space, and windows of stores with their latents, encoded once and cached beside each store.

    With `layouts` windows have layouts, too, made once of the stores' labels.
    """

    def __init__(self, space: LatentCodec, layouts: bool = False) -> None:
        self.space = space.requires_grad_(False)
        self.fingerprint = self.space.fingerprint()
        self.layouts = layouts
        self._caches: dict[Path, FrameLatents] = {}
        self._layouts: dict[Path, LayoutCache] = {}

    @torch.no_grad()
    def encode(self, frames: np.ndarray) -> np.ndarray:
        """Pictures uint8 [f h w 3] to normalised latents [f c h/8 w/8]."""
        return self.space.encode(to_network(frames).to(self._device)).cpu().numpy()

    @torch.no_grad()
    def decode(self, latents: Tensor) -> np.ndarray:
        """Normalised latents [f c h w] to pictures uint8 [f 8h 8w 3]."""
        return to_frames(self.space.decode(latents.float().to(self._device)).cpu())

    @property
    def _device(self) -> torch.device:
        return next(self.space.parameters()).device

    def windows(self, stores: Iterable[Path], length: int, fps: float | None) -> ClipWindows:
        """Windows of `length` frames at `fps` (None: any) of the stores that have such."""
        opened = [ClipStore(path) for path in stores]
        fitting = [store for store in opened if has_windows(store, length, fps)]
        for store in fitting:
            if store.path in self._caches:
                continue
            if rank() == 0:
                self._make(store, print)
            barrier()
            if rank() != 0:
                self._make(store, None)
        latents = [self._caches[store.path] for store in fitting]
        layouts = [self._layouts[store.path] for store in fitting] if self.layouts else None
        return ClipWindows(fitting or opened, length, fps, latents, layouts)

    def moved(self, windows: Iterable[ClipWindows], uses: Collection[MovedUse]) -> Mapping[Path, MovedFrames]:
        """Given frames of the stores of these windows as the layout moves them, made once and cached beside each store."""
        key = moved_key(self.fingerprint + self.space.decoder_fingerprint(), uses)
        stores = {store.path: store for each in windows for store in each.stores}
        caches = {}
        for path, store in stores.items():
            if rank() == 0:
                cache_moved(store, self._caches[path], self.move, key, uses, print)
            barrier()
            caches[path] = cache_moved(store, self._caches[path], self.move, key, uses)
        return caches

    @torch.no_grad()
    def move(self, latents: np.ndarray, flows: Sequence[Flow]) -> tuple[np.ndarray, np.ndarray]:
        """See dataset.moved.Move. In bfloat16 where the device has it, as when sampling."""
        device = self._device
        seen_at: dict[bytes, int] = {}
        place = [seen_at.setdefault(one.tobytes(), len(seen_at)) for one in latents]  # each frame is decoded once
        sources = latents[[place.index(number) for number in range(len(seen_at))]]
        flow = torch.from_numpy(np.stack([(one.right, one.down) for one in flows])).to(device)
        seen = torch.from_numpy(np.stack([one.seen for one in flows])).to(device)
        with torch.autocast(device.type, torch.bfloat16, enabled=computes_bfloat16(device)):
            shown = self.space.decode(torch.from_numpy(sources).float().to(device)).float()
            moved, share = move_frames(self.space, shown[place], flow, seen)
        return moved.float().cpu().numpy(), share.cpu().numpy()

    def _make(self, store: ClipStore, say: Say | None) -> None:
        """Opens the caches of a store, once what they lack is made."""
        self._caches[store.path] = cache_latents(store, self.encode, self.fingerprint, progress=say)
        if self.layouts:
            self._layouts[store.path] = cache_layouts(store, progress=say)


def layout_caches(stores: Iterable[ClipStore]) -> list[LayoutCache]:
    """The layouts of each store, made once of its labels and cached beside it, by one process for all."""
    if rank() == 0:
        for store in stores:
            cache_layouts(store, progress=print)
    barrier()
    return [LayoutCache(store) for store in stores]


def has_windows(store: ClipStore, length: int, fps: float | None) -> bool:
    """Whether any clip of the store has `length` frames at `fps`, perhaps by leaving frames out."""
    for clip in range(len(store)):
        step = 1 if fps is None else store.fps(clip) / fps
        if step >= 1 and abs(step - round(step)) < 1e-6 and store.frames(clip) > (length - 1) * round(step):
            return True
    return False


def shows_layout(groups: Iterable[str]) -> bool:
    """Whether any of these groups shows layout maps."""
    return not LAYOUT_GROUPS.keys().isdisjoint(groups)


def known_conditions(batch: WindowBatch) -> Conditions:
    """What is known of each frame of the windows, rows [(b f)]."""
    layouts = None if batch.layouts is None else list(chain.from_iterable(batch.layouts))
    return label_conditions(batch.labels, layouts)


def drawn_drops(
    drop: Mapping[str, float], drop_layout: float, rng: np.random.Generator, drop_all: float = 0.0
) -> dict[str, bool]:
    """Which groups a sample goes without: each by its own chance in `drop`, all that show the layout, or all."""
    alone = rng.random(len(drop)) < np.array(list(drop.values()))
    everything, layout = rng.random(2) < (drop_all, drop_layout)
    return {
        name: bool(dropped or everything or (layout and name in LAYOUT_GROUPS))
        for name, dropped in zip(drop, alone, strict=True)
    }


def flow_within(labels: ClipLabels, cells: Sequence[int], corner: Sequence[int], size: Sequence[int]) -> tuple[Tensor, Tensor]:
    """Flow [f-1 2 h w] in pixels from each frame of a clip but the first to the one before it, and where that is seen [f-1 1 h w].

    Of the cells from `corner` on, so many as `size` says, of pictures of so many `cells` (y, x).
    """
    height, width = (LATENT_FACTOR * side for side in cells)
    top, left = (LATENT_FACTOR * side for side in corner)
    rows, columns = (slice(LATENT_FACTOR * at, LATENT_FACTOR * (at + side)) for at, side in zip(corner, size, strict=True))
    part = (LATENT_FACTOR * size[0], LATENT_FACTOR * size[1])
    moved, seen = np.zeros((len(labels) - 1, 2, *part), np.float32), np.zeros((len(labels) - 1, 1, *part), np.float32)
    if len(labels) == 1 or not all(is_known(labels, frame) for frame in range(len(labels))):
        return torch.from_numpy(moved), torch.from_numpy(seen)
    y, x = np.mgrid[rows, columns]
    for k, flow in enumerate(labelled_flows(labels, range(len(labels) - 1), height, width)[0]):
        right, down = (shift[rows, columns] for shift in (flow.right, flow.down))
        across, along = x + right - left, y + down - top  # places in the part
        inside = (across >= 0) & (across <= part[1] - 1) & (along >= 0) & (along <= part[0] - 1)
        moved[k], seen[k] = np.where(inside, np.stack([right, down]), 0.0), inside & flow.seen[rows, columns]
    return torch.from_numpy(moved), torch.from_numpy(seen)


def asked_boxes(boxes: Sequence[Boxes | None], rng: np.random.Generator) -> tuple[Boxes | None, ...]:
    """The boxes that a scenario might ask for, of those that are there, in every frame of a clip [f].

    A scenario lists some vehicles and leaves others to the model. So a fifth of the clips gets all boxes, two fifths those
    that count, and two fifths a random part of these; a track stays or goes as a whole. Size and paint are left out of a
    quarter of the clips each: boxes in pixels have no size, and photos no paint. None stays None: not labelled.
    """
    luck, share = rng.random(), rng.random()
    no_size, no_paint = rng.random(2) < 0.25
    boxes = [None if table is None else without_details(table, no_size, no_paint) for table in boxes]
    if luck < 0.2:
        return tuple(boxes)
    counted = [table.track[table.counted] for table in boxes if table is not None]
    tracks = np.unique(np.concatenate(counted)) if counted else np.zeros(0, np.int64)
    if luck >= 0.6:
        tracks = tracks[rng.random(len(tracks)) < share]
    return tuple(None if table is None else table.take(np.isin(table.track, tracks)) for table in boxes)


def without_details(table: Boxes, no_size: bool, no_paint: bool) -> Boxes:
    """The boxes with their size, paint or both unknown."""
    cuboid, paint = table.cuboid.copy(), table.paint
    if no_size:
        cuboid[:, 3:6] = np.nan
    return replace(table, cuboid=cuboid, paint=np.full_like(paint, np.nan) if no_paint else paint)


def constant_crowdedness(labels: ClipLabels) -> ClipLabels:
    """The labels with the crowdedness of the first frame in all frames, as a scenario tells it."""
    return replace(labels, crowdedness=np.full_like(labels.crowdedness, labels.crowdedness[0]))


def pack(conditions: Conditions) -> Batch:
    """Conditions as entries of a batch; `unpack` is the way back."""
    return {f"conditions/{name}": value for name, value in conditions.tensors().items()}


def unpack(batch: Batch, like: str = "latents") -> Conditions:
    """The conditions of a batch, rows [(b f)] where it holds them, and the pictures `like`, as [b f ...]."""
    leading = batch[like].ndim - 3
    packed = {name.removeprefix("conditions/"): value for name, value in batch.items() if name.startswith("conditions/")}
    return Conditions.of_tensors({name: value.flatten(0, leading - 1) for name, value in packed.items()})


def stack(samples: list[Batch]) -> Batch:
    """Samples as one batch."""
    return {name: stacked([sample[name] for sample in samples]) for name in samples[0]}


def diffusion_time(sample: int, rng: np.random.Generator, steps: int) -> Tensor:
    """The diffusion time int64 [] of sample number `sample`: jittered golden-ratio steps cover all times evenly."""
    place = (sample * GOLDEN + rng.uniform(0, 1 / 64)) % 1.0
    return torch.tensor(min(steps - 1, int(place * steps)))


def diffusion_error(
    prediction: Prediction, schedule: NoiseSchedule, output: Tensor, latents: Tensor, noise: Tensor, t: Tensor
) -> Tensor:
    """Squared error of the network's output against its target, averaged over the channels: [b h w] or [b f h w]."""
    target = training_target(prediction, schedule, latents, noise, t)
    return (output.float() - target).square().mean(dim=-3)


def foreground_weight(conditions: Conditions, height: int, width: int, extra: float) -> Tensor:
    """Weight of each cell in the error of pictures with these vehicles, 1 on average over each picture: [b h w].

    A cell that vehicles cover counts 1 + `extra` times, because vehicles are few cells of a picture and most of what is
    asked for (GeoDiffusion, sec. 3.3): as the layout shows them where it is given, else as given boxes do.
    """
    vehicles = conditions["vehicles"]
    boxes = box_map(conditions, height, width)[:, 0]
    shown = adaptive_avg_pool2d((vehicles["planes"][:, KIND_PLANE] > 0).float(), (height, width))
    weight = 1.0 + extra * torch.where(vehicles.given[:, None, None], shown, boxes)
    return weight / weight.mean(dim=(1, 2), keepdim=True)
