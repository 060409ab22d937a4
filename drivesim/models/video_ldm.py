"""The video latent diffusion model: temporal layers in a frozen image model (Video LDM, sec. 3).

It predicts and interpolates. The two differ in which frames are given and in the frame rate alone: prediction is given
the first one or two frames, interpolation the first and the last.
"""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from pathlib import Path
from typing import Annotated, Any, Generic, Literal, Self

import torch
from einops import rearrange
from pydantic import Field
from torch import Tensor, nn

from drivesim.checkpoint import load_strictly, read_checkpoint
from drivesim.config import Config, InputError
from drivesim.diffusion.denoiser import Denoise, denoiser
from drivesim.diffusion.schedule import NoiseSchedule
from drivesim.models.backbone import Backbone, C, Encoded
from drivesim.models.layers.blocks import Hook
from drivesim.models.layers.context import MOVED
from drivesim.models.layers.temporal import MAX_INNER
from drivesim.models.layers.video_unet import ContextFeatures, TemporalLayers
from drivesim.models.wider_latents import wider_video_model

KIND = "video-ldm"
SPATIAL = "spatial."  # what names of image layers' tensors begin with in a checkpoint that has some
FAR_ENOUGH = 8  # frames: the paper's `attention_distance` in long clips
OLDER_FIELDS: dict[str, Any] = {"context_noise": False}
"""What a configuration without these fields means."""


class VideoLDMConfig(Config):
    """Architecture of the temporal layers; the rest follows from the image model they sit in.

    `context_noise`: the networks are told the level of noise on given frames. Temporal convolutions have at most `inner_width`
    channels between their two factors. With an `attention_distance` frames attend to frames at most so far away, so
    that clips of any length can be sampled at once (see FAR_ENOUGH).

    For comparison with what others do (drivesim evaluate ablation): `mixing` of frames by "both" kinds of layers, by
    "attention" alone, or by attention that stands inside the transformers of the image model ("transformer", LaVie); `positions`
    of frames in attention as an added "sinusoid" or as "rotary" angles; `context` by the "network" that moves what is seen, by the
    paper's convolutions ("plain"), or by given frames that are "repeated" beside the noise, as LaVie interpolates: of a clip
    `base_frames` are given, every fourth, and all are made anew.
    """

    context_noise: bool = True
    inner_width: int = MAX_INNER
    context_widths: tuple[int, ...] = (48, 96, 128)
    embedding_width: int = 128
    head_width: int = 32
    attention_distance: int | None = None
    mixing: Literal["both", "attention", "transformer"] = "both"
    positions: Literal["sinusoid", "rotary"] = "sinusoid"
    context: Literal["network", "plain", "repeated"] = "network"
    base_frames: Annotated[int, Field(ge=2)] = 16


@dataclass(frozen=True, eq=False)
class Context:
    """The given frames of clips: clean `latents` [b f c h w], of which `mask` float [b f] (1: given) says what may be seen.

    `moved` [b f MOVED c h w]: given frames as the road takes them to where the camera is at this frame (see road_ahead.move_along),
    where `moved_mask` float [b f MOVED] is 1, and zero where it is 0. `moved_seen` float [b f MOVED h w]: the share of each cell
    of which that is known; None: of the whole picture. `level` float [b], 0 to 1: the deviation of the noise that all of them
    have (see `noised`); None: they have none. `remade`: they are made anew like all others, and not held.
    """

    latents: Tensor
    mask: Tensor
    moved: Tensor
    moved_mask: Tensor
    level: Tensor | None = None
    moved_seen: Tensor | None = None
    remade: bool = False

    @classmethod
    def none(cls, like: Tensor) -> Self:
        """No frame given, for clips shaped `like` [b f c h w]: the null branch of context guidance."""
        nothing, never = torch.zeros_like(like), like.new_zeros(like.shape[:2])
        return cls(nothing, never, torch.stack([nothing] * MOVED, dim=2), torch.stack([never] * MOVED, dim=2))

    @classmethod
    def of(cls, like: Tensor, given: dict[int, Tensor]) -> Self:
        """Latents [b c h w] given at frame numbers (negative from the end), for clips shaped `like` [b f c h w]."""
        clips, mask = torch.zeros_like(like), like.new_zeros(like.shape[:2])
        for frame, latents in given.items():
            clips[:, frame] = latents
            mask[:, frame] = 1.0
        return replace(cls.none(like), latents=clips, mask=mask)

    def noised(self, level: Tensor, noise: Tensor) -> Context:
        """With noise of the deviations `level` [b] on all given frames, from unit `noise` [b f 1 + MOVED c h w].

        Noise hides what predicted frames get wrong, and a network that is told how much there is learns how far to trust them
        (GameNGen, sec. 3.2.1).
        """
        scaled = level[:, None, None, None, None, None] * noise
        shown, moved = self.mask[..., None, None, None], self.moved_mask[..., None, None, None]
        if self.moved_seen is not None:
            moved = moved * (self.moved_seen > 0)[:, :, :, None]
        return replace(
            self, latents=self.latents + shown * scaled[:, :, 0], moved=self.moved + moved * scaled[:, :, 1:], level=level
        )

    def without(self) -> Context:
        """The same clips with no frame given."""
        return Context.none(self.latents)


class VideoLDM(nn.Module, Generic[C]):
    """Temporal layers inside a frozen image model, which says what conditions `C` are.

    Parameters and state_dict are those of the temporal layers alone, `image` moves along with `to` but is no submodule
    (and is frozen, in eval mode, from here on; WholeVideoModel is for where it learns, too). With every alpha at 1 the output
    equals the image model's, bit for bit; inside transformers there is no alpha, and a fresh model's does. `decoder` is the
    fingerprint of the decoder through which its context passed in training; None where it was not noted.
    """

    def __init__(self, config: VideoLDMConfig, image: Backbone[C]) -> None:
        super().__init__()
        self.config = config
        self.decoder: str | None = None
        self._image = (image.eval().requires_grad_(False),)  # in a tuple: not registered
        shape = image.shape
        self.temporal = TemporalLayers(
            list(shape.blocks),
            context_channels=shape.latent_channels,
            map_channels=shape.map_channels,
            feature_channels=shape.feature_channels,
            text_width=shape.text_width,
            inner_width=config.inner_width,
            context_noise=config.context_noise,
            context_widths=config.context_widths,
            embedding_width=config.embedding_width,
            head_width=config.head_width,
            reach=1 if config.mixing == "both" else 0,
            rotary=config.positions == "rotary",
            context=config.context,
            distance=config.attention_distance,
            inside=config.mixing == "transformer",
        )

    @property
    def image(self) -> Backbone[C]:
        """The frozen image model."""
        return self._image[0]

    @property
    def remakes(self) -> bool:
        """Whether it makes given frames anew, and so interpolates alone."""
        return self.config.context == "repeated"

    @property
    def schedule(self) -> NoiseSchedule:
        """The image model's: temporal layers share its process (Video LDM, app. on training)."""
        return self.image.schedule

    def _apply(self, fn: Any, recurse: bool = True) -> Self:
        self.image._apply(fn, recurse)
        return super()._apply(fn, recurse)

    @classmethod
    def load(cls, folder: Path, image: Backbone[C], transfer: bool = False) -> Self:
        """The model of a checkpoint folder on top of `image`, in eval mode.

        Where image layers have learned, too (WholeVideoModel), these are the folder's own, in a copy of `image`.
        InputError if it is missing or damaged, or was trained on top of other image weights. These may be others with `transfer`
        (Video LDM, sec. 4.3): temporal layers learned with a backbone work with one that was fine-tuned from it.
        """
        checkpoint, tensors = read_checkpoint(folder, KIND)
        if checkpoint.base is not None and checkpoint.base != image.weights and not transfer:
            raise InputError(
                f"{folder}/config.json: base: trained on top of image weights {checkpoint.base[:12]}, but these are "
                f"{(image.weights or 'untrained')[:12]}; give the image checkpoint it belongs to or train it again"
            )
        config = VideoLDMConfig.parse(OLDER_FIELDS | checkpoint.model, folder / "config.json")
        own = {name.removeprefix(SPATIAL): tensors.pop(name) for name in list(tensors) if name.startswith(SPATIAL)}
        if own:
            image = deepcopy(image)
            load_strictly(image.spatial, own, folder)
        model = load_strictly(cls(config, image), tensors, folder).eval()
        model.decoder = checkpoint.decoder
        return model

    def with_distance(self, distance: int | None) -> Self:
        """The same weights, whose frames attend to frames at most `distance` away."""
        model = type(self)(self.config.model_copy(update={"attention_distance": distance}), self.image)
        model.load_state_dict(self.state_dict(), assign=True)
        model.decoder = self.decoder
        return model.train(self.training)

    def fitted(self, model: dict[str, Any], tensors: dict[str, Tensor]) -> dict[str, Tensor]:
        """Tensors of a checkpoint whose configuration is `model`, as this model can start from them.

        Its latents may have fewer channels than this model's.
        """
        last, channels = tensors.get("temporal.context.estimate.bias"), self.image.shape.latent_channels
        if last is None or len(last) >= channels:
            return tensors
        return wider_video_model(tensors, self.state_dict(), len(last), channels)

    def check_predicts(self, folder: Path) -> None:
        """InputError, naming where it is from, if it interpolates alone."""
        if self.remakes:
            raise InputError(f"{folder}: interpolates alone, and makes no key frames; give one that does; in text to video it "
                             "stands as interpolation beside video-ldm")  # fmt: skip

    def check_decoder(self, fingerprint: str) -> None:
        """InputError unless the context passed through the decoder of this fingerprint (LatentSpace.decoder_fingerprint).

        Given frames are decoded, moved along the road and encoded again (road_ahead.move_along).
        """
        if self.decoder is not None and self.decoder != fingerprint:
            raise InputError(
                f"video-ldm: trained with context through decoder {self.decoder[:12]}, but the autoencoder beside it has decoder "
                f"{fingerprint[:12]}; give the autoencoder it belongs to or train it again"
            )

    def forward(self, x: Tensor, t: Tensor, conditions: C, context: Context, fps: Tensor) -> Tensor:
        """Network output [b f c h w] for noisy clips `x` [b f c h w] at `t` int64 [b].

        `conditions` has a row for every frame (b * f, frames innermost); `fps` float [b].
        """
        encoded = self.image.encode(conditions, x.shape[3], x.shape[4])
        return self.network(x, t, encoded, self.encode_context(context, fps, encoded))

    def encode_context(self, context: Context, fps: Tensor, encoded: Encoded) -> ContextFeatures:
        """Features of the given frames and of the maps of the conditions; the same at all diffusion times."""
        c = context
        return self.temporal.encode_context(
            c.latents, c.mask, fps, c.moved, c.moved_mask, encoded.maps, c.moved_seen, encoded.features, c.level
        )

    def estimate(self, conditions: C, context: Context, fps: Tensor) -> Tensor:
        """The context network's own guess of the clips [b f c h w], without noise; given frames as they are."""
        encoded = self.image.encode(conditions, *context.latents.shape[3:])
        return with_given(self.encode_context(context, fps, encoded).estimate, context)

    def network(self, x: Tensor, t: Tensor, encoded: Encoded, features: ContextFeatures) -> Tensor:
        """`forward` with conditions and context encoded before."""
        return self._outputs(x, t, encoded, features, None)[0]

    def network_with_stills(
        self, x: Tensor, t: Tensor, encoded: Encoded, features: ContextFeatures, stills: tuple[Tensor, Tensor]
    ) -> tuple[Tensor, Tensor]:
        """`network`, and in the same pass the output [s c h w] for stills, noisy ones [s c h w] at times [s].

        They pass the temporal layers untouched (LaVie). `encoded` has their rows behind those of frames.
        """
        return self._outputs(x, t, encoded, features, stills)

    def _outputs(
        self, x: Tensor, t: Tensor, encoded: Encoded, features: ContextFeatures, stills: tuple[Tensor, Tensor] | None
    ) -> tuple[Tensor, Tensor]:
        clips, frames = x.shape[:2]
        pictures, times = rearrange(x, "b f c h w -> (b f) c h w"), t.repeat_interleave(frames)
        text = encoded.tokens[: clips * frames : frames] if self.image.shape.text_width else None
        hook = self.temporal.hook(t, features, text)
        encoded = encoded if features.entry is None else encoded.with_entry(features.entry)
        if stills is not None:
            hook = _of_first(clips * frames, hook, added=self.temporal.inside)
            pictures, times = torch.cat([pictures, stills[0]]), torch.cat([times, stills[1]])
        hooks = (None, hook) if self.temporal.inside else (hook, None)
        out = self.image.network(pictures, times, encoded, *hooks)
        return rearrange(out[: clips * frames], "(b f) c h w -> b f c h w", f=frames), out[clips * frames :]

    def denoise(self, conditions: C, context: Context, fps: Tensor, encoded: Encoded | None = None) -> Denoise:
        """(x_t [b f c h w], t [b]) -> x_0 under these conditions (b * f rows), context and `fps` [b].

        Conditions and context are encoded once, in the first call; conditions not at all where they have been already (`encoded`).
        """
        encode = lru_cache(maxsize=1)(partial(self.image.encode, conditions))
        encode_context = lru_cache(maxsize=1)(partial(self.encode_context, context, fps))

        def network(x: Tensor, t: Tensor) -> Tensor:
            known = encoded or encode(x.shape[3], x.shape[4])
            return self.network(x, t, known, encode_context(known))

        return denoiser(network, self.schedule, self.image.prediction)

    def denoise_encoded(self, encoded: Encoded, features: ContextFeatures) -> Denoise:
        """The same with conditions and context encoded before."""
        return denoiser(lambda x, t: self.network(x, t, encoded, features), self.schedule, self.image.prediction)


class WholeVideoModel(nn.Module):
    """Temporal layers and the image layers that they sit in, as one module that learns; VideoLDM.load reads its checkpoints."""

    def __init__(self, video: VideoLDM[C]) -> None:
        super().__init__()
        self.temporal, self.spatial = video.temporal, video.image.spatial.requires_grad_(True)
        self._image = (video.image,)  # not registered: what of it does not learn moves along

    def _apply(self, fn: Any, recurse: bool = True) -> Self:
        self._image[0]._apply(fn, recurse)
        return super()._apply(fn, recurse)


def _of_first(rows: int, hook: Hook, added: bool) -> Hook:
    """The hook for the first so many pictures alone; to the others nothing is `added`, or they stay as they are."""

    def first(i: int, h: Tensor) -> Tensor:
        changed, others = hook(i, h[:rows]), h[rows:]
        return torch.cat([changed, (torch.zeros_like(others) if added else others).to(changed.dtype)])

    return first


def with_given(clips: Tensor, context: Context) -> Tensor:
    """`clips` [b f c h w] with the given frames as they were given, unless they are made anew."""
    if context.remade:
        return clips
    return torch.where(context.mask[:, :, None, None, None] > 0, context.latents, clips.to(context.latents.dtype))


def hold(denoise: Denoise, context: Context) -> Denoise:
    """The same denoiser, whose estimate of given frames is what was given.

    So a sampler keeps them at their own values under the noise of each step, as they were in training; what a network says
    of them is trained nowhere.
    """
    return lambda x, t: with_given(denoise(x, t), context)
