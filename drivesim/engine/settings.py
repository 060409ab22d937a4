"""How every network is sampled: what a rollout's manifest keeps, and the presets of --quality."""

from __future__ import annotations

from typing import Literal, get_args

from pydantic import Field

from drivesim.config import Config, InputError
from drivesim.video_format import CONTEXT, LATENT_FACTOR, NETWORK_HEIGHT, UPSAMPLING_FACTOR

Quality = Literal["draft", "standard", "best"]
QUALITIES: tuple[Quality, ...] = get_args(Quality)


class ImageSampling(Config):
    """First frame. Its guidance is the scenario's; `rescale`: how far it is kept from making colours loud (see guide)."""

    steps: int = Field(default=50, ge=1)
    eta: float = Field(default=1.0, ge=0)
    rescale: float = Field(default=0.5, ge=0, le=1)


class PredictionSampling(Config):
    """Key frames. Their guidance is the scenario's; `rescale` as of the first frame, for each of the two.

    `context`: so many known ones are given to the next window: 2 (Video LDM, sec. 3.2) or 1 (LaVie). Networks learn both.
    """

    steps: int = Field(default=20, ge=1)
    eta: float = Field(default=1.0, ge=0)
    rescale: float = Field(default=0.3, ge=0, le=1)
    context: int = Field(default=CONTEXT, ge=1, le=CONTEXT)


class InterpolationSampling(Config):
    """Frames between two: `guidance` of the two that they join against none.

    `noise`, 0 to 1: sampling begins at the context network's estimate with the noise of this share of the times; 1 is noise alone.
    """

    steps: int = Field(default=2, ge=1)
    eta: float = Field(default=0.0, ge=0)
    guidance: float = Field(default=1.0, gt=0)
    noise: float = Field(default=0.5, gt=0, le=1)


class SuperResolutionSampling(Config):
    """Upsampling, in portions of `length` frames that share `overlap`; `level`: noise augmentation.

    `noise`, 0 to 1: sampling begins at the upsampler's estimate with the noise of this share of the times; 1 is noise alone. The
    estimate is what a first step from noise alone would predict, so that this one is saved.

    Where the upsampler has temporal layers frames of a portion see each other, and those that two portions share are blended: both
    decide pixels. The shipped one has none: each frame is made by itself, and portions need share nothing. Small ones stay in the
    processor's caches.
    """

    steps: int = Field(default=1, ge=1)
    eta: float = Field(default=0.0, ge=0)
    noise: float = Field(default=0.5, gt=0, le=1)
    level: int = Field(default=50, ge=0, le=250)
    length: int = Field(default=2, ge=1)
    overlap: int = Field(default=0, ge=0)


class SamplingSettings(Config):
    """Everything but scenario, seed and weights that decides the pixels. The size of batches is no setting: it would decide memory,
    and through rounding also bits, which nobody wants to choose. `height` is that of the decoded frames.

    `first_interpolation` is between key frames, `interpolation` between the frames that it leads to. These are four times nearer to
    each other, so that less is to be made up, and four times as many.

    `precision` of the networks' arithmetic; auto is bfloat16 where the processor has it, about twice as fast there.
    """

    image: ImageSampling = ImageSampling()
    prediction: PredictionSampling = PredictionSampling()
    first_interpolation: InterpolationSampling = InterpolationSampling(steps=4, noise=0.7)
    interpolation: InterpolationSampling = InterpolationSampling()
    super_resolution: SuperResolutionSampling = SuperResolutionSampling()
    height: int = Field(default=NETWORK_HEIGHT, ge=LATENT_FACTOR, multiple_of=LATENT_FACTOR)
    precision: Literal["auto", "float32", "bfloat16"] = "auto"

    @property
    def frame_shape(self) -> tuple[int, int, int]:
        """Height, width and channels of the finished frames."""
        return UPSAMPLING_FACTOR * self.height, 2 * UPSAMPLING_FACTOR * self.height, 3

    def interpolation_to(self, level: int) -> InterpolationSampling:
        """That of interpolation `level`: 1 makes 7.5 fps of 1.875, 2 makes 30 fps of 7.5."""
        return self.first_interpolation if level == 1 else self.interpolation

    @classmethod
    def preset(cls, quality: Quality) -> SamplingSettings:
        """`draft` for a quick look, `standard` for work on a CPU, `best` where time does not matter."""
        if quality == "draft":
            return cls(
                image=ImageSampling(steps=25),
                prediction=PredictionSampling(steps=10),
                first_interpolation=InterpolationSampling(steps=1, noise=0.1),
                interpolation=InterpolationSampling(steps=1, noise=0.1),
            )
        if quality == "best":
            return cls(
                image=ImageSampling(steps=100),
                prediction=PredictionSampling(steps=60),
                first_interpolation=InterpolationSampling(steps=8, noise=1.0),
                interpolation=InterpolationSampling(steps=8, noise=1.0),
                super_resolution=SuperResolutionSampling(steps=4, noise=1.0),
            )
        return cls()


class TextSampling(Config):
    """How a text becomes video: `guidance` away from the negative text, in frames and key frames by `steps` of DDIM.

    Frames between are guided by nothing but the two that they join. `height` and `width` of the decoded frames. An upscaler
    makes `upscaler_steps`, from frames with noise of `upscaler_level`, a diffusion time.

    `at_once`: all key frames are one prediction, not windows, and attend to those near them (Video LDM: convolution in time).
    """

    guidance: float = Field(default=7.5, ge=0)
    steps: int = Field(default=50, ge=1)
    eta: float = Field(default=0.0, ge=0)
    interpolation_steps: int = Field(default=25, ge=1)
    height: int = Field(default=256, ge=LATENT_FACTOR, multiple_of=LATENT_FACTOR)
    width: int = Field(default=512, ge=LATENT_FACTOR, multiple_of=LATENT_FACTOR)
    upscaler_steps: int = Field(default=25, ge=1)
    upscaler_level: int = Field(default=20, ge=0)
    at_once: bool = False
    precision: Literal["auto", "float32", "bfloat16"] = "auto"


def parse_quality(name: str, height: int | None = None, context: int | None = None) -> SamplingSettings:
    """The preset of a --quality option, with this `height` of decoded frames and `context` of prediction where they are given.

    InputError for what is none.
    """
    if name not in QUALITIES:
        raise InputError(f"--quality {name}: choose one of {', '.join(QUALITIES)}")
    settings = SamplingSettings.preset(name)
    if context is not None:
        if not 1 <= context <= CONTEXT:
            raise InputError(f"--context {context}: networks are given 1 to {CONTEXT} key frames")
        settings = settings.model_copy(update={"prediction": settings.prediction.model_copy(update={"context": context})})
    if height is None:
        return settings
    if height < LATENT_FACTOR or height % LATENT_FACTOR:
        raise InputError(f"--height {height}: give a multiple of {LATENT_FACTOR} pixels, such as 256")
    return settings.model_copy(update={"height": height})
