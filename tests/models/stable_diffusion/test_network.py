"""A public backbone: the same bits as diffusers, one process, temporal layers between its blocks, the published sizes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from tiny_backbone import write_backbone
from torch import Tensor, nn

from drivesim.diffusion.ddim import sample
from drivesim.diffusion.guidance import guide
from drivesim.models.layers.blocks import zero_initialised
from drivesim.models.layers.video_unet import TemporalLayers
from drivesim.models.stable_diffusion.network import StableDiffusion
from drivesim.models.video_ldm import Context, VideoLDM, VideoLDMConfig, WholeVideoModel, hold

diffusers = pytest.importorskip("diffusers")
TEMPORAL = VideoLDMConfig(context_widths=(16, 16), embedding_width=16, head_width=16)
REPEATED = TEMPORAL.model_copy(update={"context": "repeated"})
INSIDE = TEMPORAL.model_copy(update={"mixing": "transformer", "positions": "rotary"})
B, F = 2, 3
X = torch.randn(B, F, 4, 8, 8, generator=torch.Generator().manual_seed(1))
T, FPS = torch.tensor([300, 800]), torch.tensor([1.875, 30.0])
TEXTS = ["a red car", "a city street at night"]
GIVEN = Context.of(X, {0: X[:, 1]})


def video(folder: Path, alpha_one: bool = False, config: VideoLDMConfig = TEMPORAL) -> VideoLDM[Tensor]:
    """Random temporal layers on the backbone, merged with alpha 1 or 1/2."""
    torch.manual_seed(0)
    model = VideoLDM(config, StableDiffusion.load(folder)).eval()
    for name, parameter in model.named_parameters():
        if not name.endswith("logit"):
            nn.init.normal_(parameter.data, std=0.2)
        elif alpha_one:
            nn.init.constant_(parameter.data, 40.0)
    return model


def inside(folder: Path, fresh: bool = False) -> VideoLDM[Tensor]:
    """Attention among frames within the transformers, its outputs random or, as in a `fresh` model, zero."""
    model = video(folder, config=INSIDE)
    for attention in model.temporal.attentions if fresh else ():
        zero_initialised(attention.attention.out)
    return model


def ids(model: VideoLDM[Tensor], texts: list[str], frames: int = F) -> Tensor:
    assert isinstance(model.image, StableDiffusion)
    return model.image.text.ids(texts).repeat_interleave(frames, dim=0)


def test_with_alpha_one_it_is_the_unet_of_diffusers_bit_for_bit(backbone: Path) -> None:
    model = video(backbone, alpha_one=True)
    unet = diffusers.UNet2DConditionModel.from_pretrained(str(backbone / "unet")).eval()
    conditions = ids(model, TEXTS)
    with torch.no_grad():
        made = model(X, T, conditions, GIVEN, FPS)
        tokens = model.image.encode(conditions, 8, 8).tokens
        alone = unet(X.flatten(0, 1), T.repeat_interleave(F), encoder_hidden_states=tokens).sample
        assert torch.equal(made.flatten(0, 1), alone)
        assert not torch.allclose(video(backbone)(X, T, conditions, GIVEN, FPS), made)


def test_where_the_unet_learns_too_the_text_encoder_moves_along(backbone: Path) -> None:
    model = video(backbone)
    whole = WholeVideoModel(model).to(torch.float64)
    assert {p.dtype for p in (*whole.parameters(), *model.image.parameters())} == {torch.float64}
    assert not any(name.startswith("spatial.text") for name in whole.state_dict())
    assert all(p.requires_grad for p in whole.parameters()) and not any(p.requires_grad for p in model.image.text.parameters())


def test_repeated_frames_are_concatenated_to_the_noisy_ones(backbone: Path) -> None:
    """As for a U-Net whose first convolution has their channels, too; these weights start at zero."""
    model, conditions = video(backbone, config=REPEATED), ids(video(backbone), TEXTS)
    context = replace(Context.of(X, {0: X[:, 1], 2: X[:, 0]}), remade=True)
    for attention, convolution in zip(model.temporal.attentions, model.temporal.convolutions, strict=True):
        zero_initialised(attention.attention.out)
        zero_initialised(attention.text.attention.out)
        zero_initialised(convolution.conv2)
    unet = diffusers.UNet2DConditionModel.from_pretrained(str(backbone / "unet")).eval()
    tokens, times = model.image.encode(conditions, 8, 8).tokens, T.repeat_interleave(F)

    def alone(x: Tensor) -> Tensor:
        return unet(x, times, encoder_hidden_states=tokens).sample.unflatten(0, (B, F))

    with torch.no_grad():
        made, plain = model(X, T, conditions, context, FPS), alone(X.flatten(0, 1))
        shown = torch.stack([X[:, 1], X[:, 1], X[:, 0]], dim=1)
        unet.conv_in.weight = nn.Parameter(torch.cat([unet.conv_in.weight, model.temporal.context.entry.weight], dim=1))
        torch.testing.assert_close(made, alone(torch.cat([X, shown], dim=2).flatten(0, 1)), atol=1e-4, rtol=1e-4)
        zero_initialised(model.temporal.context.entry)
        assert torch.equal(model(X, T, conditions, context, FPS), plain) and not torch.allclose(made, plain, atol=1e-3)
    assert torch.equal(hold(lambda x, t: x, context)(X, T), X), "given frames are made anew, too"


@pytest.mark.parametrize("prediction", ["epsilon", "v_prediction"])
def test_sampling_is_that_of_diffusers_own_pipeline_frame_by_frame(prediction: str, tmp_path: Path, backbone: Path) -> None:
    """DDIM, guided away from a negative prompt; alpha 1; last steps to clean latents, as this sampler has them."""
    folder = write_backbone(tmp_path, 3, prediction_type=prediction, timestep_spacing="trailing", set_alpha_to_one=True)
    pipeline = diffusers.StableDiffusionPipeline.from_pretrained(str(folder))
    pipeline.set_progress_bar_config(disable=True)
    model, noise = video(folder, alpha_one=True), X[:1]
    asked, unwanted = ids(model, ["a red car"]), ids(model, ["blurred"])
    context = Context.none(noise)
    denoise = guide(model.denoise(asked, context, FPS[:1]), model.denoise(unwanted, context, FPS[:1]), 7.5)
    made = sample(denoise, model.schedule, noise, steps=5)[0]
    for frame in range(F):
        alone = pipeline("a red car", negative_prompt="blurred", guidance_scale=7.5, num_inference_steps=5, eta=0.0,
                         latents=noise[:, frame].clone(), output_type="latent").images  # fmt: skip
        assert torch.allclose(made[frame], alone[0], rtol=1e-3, atol=1e-3)


def test_fresh_layers_inside_transformers_leave_the_unet_of_diffusers_as_it_is_bit_for_bit(backbone: Path) -> None:
    model, conditions = inside(backbone, fresh=True), ids(video(backbone), TEXTS)
    unet = diffusers.UNet2DConditionModel.from_pretrained(str(backbone / "unet")).eval()
    with torch.no_grad():
        tokens = model.image.encode(conditions, 8, 8).tokens
        alone = unet(X.flatten(0, 1), T.repeat_interleave(F), encoder_hidden_states=tokens).sample
        assert torch.equal(model(X, T, conditions, GIVEN, FPS).flatten(0, 1), alone)
        assert not torch.allclose(inside(backbone)(X, T, conditions, GIVEN, FPS).flatten(0, 1), alone, atol=1e-3)


def test_layers_inside_transformers_stand_between_attention_to_the_text_and_feed_forward(backbone: Path) -> None:
    image = StableDiffusion.load(backbone)
    encoded = image.encode(image.text.ids(TEXTS), 8, 8)
    seen: dict[int, Tensor] = {}
    read: list[Tensor] = []

    def inner(i: int, h: Tensor) -> Tensor:
        seen[i] = h
        return 0.5 * h

    transformers = [block.module for block in image._blocks if hasattr(block.module, "transformer_blocks")]
    for transformer in transformers:
        transformer.transformer_blocks[-1].norm3.register_forward_pre_hook(lambda module, inputs: read.append(inputs[0]))
    with torch.no_grad():
        image.network(X[:, 0], T, encoded, inner=inner)
    assert list(seen) == list(range(len(image.shape.blocks))) and len(read) == len(transformers) < len(seen)
    maps = [h for i, h in seen.items() if image._blocks[i].module in transformers]
    for h, places in zip(maps, read, strict=True):
        torch.testing.assert_close(places, 1.5 * h.flatten(2).mT)


def test_the_text_reaches_the_temporal_layers(backbone: Path) -> None:
    model = video(backbone)
    encoded = model.image.encode(ids(model, TEXTS), 8, 8)
    features = model.encode_context(GIVEN, FPS, encoded)
    h = torch.randn(B * F, 16, 8, 8)
    first, other = (model.temporal.hook(T, features, text)(0, h) for text in (encoded.tokens[::F], encoded.tokens[::F].flip(0)))
    assert not torch.allclose(first, other)


@pytest.mark.parametrize("made", [video, inside])
def test_a_step_moves_the_temporal_layers_alone(made: Callable[[Path], VideoLDM[Tensor]], backbone: Path) -> None:
    model = made(backbone)
    conditions = ids(model, TEXTS)
    features = model.encode_context(GIVEN, FPS, model.image.encode(conditions, 8, 8))
    output = model.network(X, T, model.image.encode(conditions, 8, 8), features)
    (output.square().mean() + features.estimate.square().mean()).backward()
    without = {name for name, parameter in model.named_parameters() if parameter.grad is None}
    assert without == {"temporal.level.weight"}, "no noise on given frames"
    assert all(parameter.grad is None for parameter in model.image.parameters())


@pytest.mark.parametrize("made", [video, inside])
def test_gradients_are_the_same_with_checkpointing(made: Callable[[Path], VideoLDM[Tensor]], backbone: Path) -> None:
    gradients = []
    for checkpointing in (False, True):
        model = made(backbone)
        assert isinstance(model.image, StableDiffusion)
        if checkpointing:
            model.image.unet.enable_gradient_checkpointing()
        model(X, T, ids(model, TEXTS), GIVEN, FPS).square().mean().backward()
        gradients.append([p.grad for p in model.temporal.attentions.parameters()])
    for plain, recomputed in zip(*gradients, strict=True):
        assert torch.allclose(plain, recomputed, rtol=1e-4, atol=1e-7)


COMMON = {"in_channels": 4, "out_channels": 4, "block_out_channels": (320, 640, 1280, 1280), "layers_per_block": 2}
PUBLISHED = {
    "1.5": ({"cross_attention_dim": 768, "attention_head_dim": 8}, 859_520_964),
    "2.1": ({"cross_attention_dim": 1024, "attention_head_dim": (5, 10, 20, 20), "use_linear_projection": True}, 865_910_724),
}


@pytest.mark.parametrize("version", PUBLISHED)
def test_temporal_layers_fit_the_published_unets(version: str) -> None:
    """The sizes of the public configurations, without memory."""
    config, parameters = PUBLISHED[version]
    with torch.device("meta"):
        unet = diffusers.UNet2DConditionModel(**COMMON, **config)
        assert sum(p.numel() for p in unet.parameters()) == parameters
        model = StableDiffusion(unet, nn.Identity(), (None, "epsilon"))  # type: ignore[arg-type]
        shape = model.shape
        assert len(shape.blocks) == 4 * 2 + 2 + 4 * 3 and shape.text_width == config["cross_attention_dim"]
        assert [level for _, level in shape.blocks] == [0, 0, 1, 1, 2, 2, 3, 3, 3, 3, 3, 3, 3, 2, 2, 2, 1, 1, 1, 0, 0, 0]
        TemporalLayers(list(shape.blocks), 4, 0, (128,) * 4, 512, 64, text_width=shape.text_width)
