"""The video model: the image model at alpha 1, context frames, what is trained and saved, what it loads onto."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from toy_labels import toy_conditions
from toy_planes import drawn_planes

from drivesim.checkpoint import Checkpoint, write_checkpoint
from drivesim.config import InputError
from drivesim.diffusion.ddim import sample
from drivesim.diffusion.guidance import guide
from drivesim.models.conditions.all_groups import no_conditions
from drivesim.models.conditions.conditions import Conditions
from drivesim.models.image_ldm import ImageLDM, ImageLDMConfig
from drivesim.models.layers.blocks import zero_initialised
from drivesim.models.layers.context import MOVED
from drivesim.models.video_ldm import Context, VideoLDM, VideoLDMConfig, WholeVideoModel
from drivesim.scene.camera import Camera
from drivesim.scene.road import Road
from drivesim.training.job import initialise

SMALL = ImageLDMConfig(latent_channels=4, widths=(16, 32), blocks=1, head_width=16, token_width=32, encoder_layers=1)
TEMPORAL = VideoLDMConfig(context_widths=(16, 16), embedding_width=16, head_width=16)
INSIDE = TEMPORAL.model_copy(update={"mixing": "transformer", "positions": "rotary"})
B, F = 2, 4


def perturb(module: nn.Module, seed: int) -> None:
    torch.manual_seed(seed)
    for name, parameter in module.named_parameters():
        if not name.endswith("logit"):
            nn.init.normal_(parameter.data, std=0.15)


def video(seed: int = 0, config: VideoLDMConfig = TEMPORAL) -> VideoLDM:
    image = ImageLDM(SMALL)
    perturb(image, seed)
    model = VideoLDM(config, image)
    perturb(model, seed + 1)
    return model.eval()


def noise(seed: int, frames: int = F) -> Tensor:
    return torch.randn(B, frames, 4, 8, 8, generator=torch.Generator().manual_seed(seed))


X, T, FPS = noise(1), torch.tensor([300, 800]), torch.tensor([1.875, 30.0])
GIVEN = toy_conditions([None] * (B * F), "night", 2, Road("rural", 1), Camera(), 3.0, [drawn_planes(64, 64)] * (B * F))


def test_alpha_one_is_the_image_model_bit_for_bit() -> None:
    model = video()
    context = Context.of(X, {0: noise(2)[:, 0]})
    frames = X.flatten(0, 1)
    alone = model.image(frames, T.repeat_interleave(F), GIVEN).unflatten(0, (B, F))
    assert not torch.allclose(model(X, T, GIVEN, context, FPS), alone)
    for name, parameter in model.named_parameters():
        if name.endswith("logit"):
            nn.init.constant_(parameter.data, 40.0)
    assert torch.equal(model(X, T, GIVEN, context, FPS), alone)


def test_inside_transformers_a_fresh_model_is_the_image_model_bit_for_bit() -> None:
    model, context = video(config=INSIDE), Context.of(X, {0: noise(2)[:, 0]})
    alone = model.image(X.flatten(0, 1), T.repeat_interleave(F), GIVEN).unflatten(0, (B, F))
    other = Context.of(X, {0: noise(2)[:, 1]})
    made = model(X, T, GIVEN, context, FPS)
    assert not torch.allclose(made, alone, atol=1e-3)
    assert not torch.allclose(made[:, -1], model(X, T, GIVEN, other, FPS)[:, -1], atol=1e-5), "the first frame reaches the last"
    model.image.requires_grad_(False)
    for attention in model.temporal.attentions:
        zero_initialised(attention.attention.out)
    assert torch.equal(model(X, T, GIVEN, context, FPS), alone)
    (model(X, T, GIVEN, context, FPS) - 1).square().mean().backward()
    moved = {name for name, p in model.named_parameters() if p.grad is not None and p.grad.abs().max() > 0}
    assert moved and all(".attention.out." in name for name in moved) and len(moved) == 2 * len(model.temporal.attentions)
    assert all(p.grad is None for p in model.image.parameters())


def test_a_fresh_model_is_the_image_model() -> None:
    image = ImageLDM(SMALL)
    perturb(image, 0)
    model = VideoLDM(TEMPORAL, image).eval()
    alone = image(X.flatten(0, 1), T.repeat_interleave(F), GIVEN).unflatten(0, (B, F))
    torch.testing.assert_close(model(X, T, GIVEN, Context.none(X), FPS), alone, atol=1e-5, rtol=1e-5)


def test_context_is_seen_through_the_mask_alone() -> None:
    model, clip = video(), noise(2)
    none = model(X, T, GIVEN, Context.none(X), FPS)
    hidden = replace(Context.none(X), latents=clip)
    assert torch.equal(none, model(X, T, GIVEN, hidden, FPS))
    first = model(X, T, GIVEN, Context.of(X, {0: clip[:, 0]}), FPS)
    shown = replace(hidden, mask=Context.of(X, {0: clip[:, 0]}).mask)
    assert torch.equal(first, model(X, T, GIVEN, shown, FPS))
    two = model(X, T, GIVEN, Context.of(X, {0: clip[:, 0], 1: clip[:, 1]}), FPS)
    ends = model(X, T, GIVEN, Context.of(X, {0: clip[:, 0], -1: clip[:, -1]}), FPS)
    outs = [none, first, two, ends]
    assert all(not torch.allclose(a, b, atol=1e-4) for i, a in enumerate(outs) for b in outs[:i])


def test_a_first_frame_reaches_the_last() -> None:
    model, clip = video(), noise(2)
    a, b = (model(X, T, GIVEN, Context.of(X, {0: z}), FPS) for z in (clip[:, 0], clip[:, 1]))
    assert not torch.allclose(a[:, -1], b[:, -1], atol=1e-5)


def test_conditions_of_one_frame_and_the_frame_rate_matter() -> None:
    model = video()
    out = model(X, T, GIVEN, Context.none(X), FPS)
    other = GIVEN.drop(look=torch.arange(B * F) == 1)
    changed = model(X, T, other, Context.none(X), FPS)
    assert not torch.allclose(out[0, 1], changed[0, 1], atol=1e-4)
    torch.testing.assert_close(out[1], changed[1])
    assert not torch.allclose(out, model(X, T, GIVEN, Context.none(X), FPS.flip(0)), atol=1e-4)


@pytest.mark.parametrize("frames", [1, 5, 11])
def test_other_lengths_work(frames: int) -> None:
    x = noise(3, frames)
    out = video()(x, T, no_conditions(B * frames), Context.none(x), FPS)
    assert out.shape == x.shape
    assert out.isfinite().all()


def test_with_a_distance_the_weights_are_the_same_and_short_clips_too() -> None:
    model = video()
    near = model.with_distance(F)
    assert near.config.attention_distance == F and not near.training
    assert all(torch.equal(a, b) for a, b in zip(near.parameters(), model.parameters(), strict=True))
    assert torch.equal(near(X, T, GIVEN, Context.none(X), FPS), model(X, T, GIVEN, Context.none(X), FPS))
    x = noise(3, 11)
    out, masked = (one(x, T, no_conditions(B * 11), Context.none(x), FPS) for one in (model, near))
    assert not torch.allclose(out, masked, atol=1e-4)


def context_noise() -> Tensor:
    return torch.randn(B, F, 1 + MOVED, 4, 8, 8, generator=torch.Generator().manual_seed(7))


def test_noise_comes_upon_what_is_given_alone_and_is_told() -> None:
    moved, moved_mask = torch.stack([noise(3)] * MOVED, dim=2), torch.zeros(B, F, MOVED)
    moved_mask[:, 2] = 1.0
    clean = replace(Context.of(X, {0: noise(2)[:, 0]}), moved=moved * moved_mask[..., None, None, None], moved_mask=moved_mask)
    level = torch.tensor([0.5, 0.0])
    noised = clean.noised(level, context_noise())
    off, moved_off = noised.latents - clean.latents, noised.moved - clean.moved
    assert float(off[0, 0].std()) == pytest.approx(0.5, abs=0.1) and float(moved_off[0, 2].std()) == pytest.approx(0.5, abs=0.1)
    assert not off[0, 1:].any() and not moved_off[0, [0, 1, 3]].any() and not off[1].any() and not moved_off[1].any()
    model = video()
    clean_out = model(X, T, GIVEN, clean, FPS)
    told = model(X, T, GIVEN, replace(clean, level=level), FPS)
    assert not torch.equal(told[0], clean_out[0])
    assert torch.equal(model(X, T, GIVEN, replace(clean, level=torch.zeros(B)), FPS), clean_out)  # no noise: as if untold
    assert noised.without().level is None


def test_the_context_network_sees_the_layout() -> None:
    model = video()
    context = Context.of(X, {0: noise(2)[:, 0]})
    assert model.temporal.context.entry is not None
    seen = model.estimate(GIVEN, context, FPS)
    assert not torch.equal(seen, model.estimate(GIVEN.drop(vehicles=True), context, FPS))
    nn.init.zeros_(model.temporal.context.entry.weight)
    assert torch.equal(*(model.estimate(conditions, context, FPS) for conditions in (GIVEN, GIVEN.drop(vehicles=True))))


def test_only_temporal_layers_are_trained_and_saved() -> None:
    model = video()
    image_before = {k: v.clone() for k, v in model.image.state_dict().items()}
    assert set(model.state_dict()) == {name for name, _ in model.named_parameters()}
    assert all(name.startswith("temporal.") for name in model.state_dict())
    assert not any(p.requires_grad for p in model.image.parameters())
    model.train()
    assert not model.image.training
    moved, moved_mask = torch.stack([noise(3)] * MOVED, dim=2), torch.ones(B, F, MOVED)
    context = replace(Context.of(X, {0: noise(2)[:, 0]}), moved=moved, moved_mask=moved_mask)
    context = context.noised(torch.tensor([0.3, 0.0]), context_noise())
    model(X, T, GIVEN, context, FPS).square().sum().backward()
    # the embedding of the number of given frames gets gradients in the rows that were used
    assert [name for name, p in model.named_parameters() if p.grad is None or not p.grad.any()] == []
    torch.optim.SGD(model.parameters(), 1e-3).step()
    assert all(torch.equal(v, image_before[k]) for k, v in model.image.state_dict().items())


def test_the_image_model_moves_along() -> None:
    model = video().to(torch.float64)
    assert next(model.image.parameters()).dtype == torch.float64
    model.to(memory_format=torch.channels_last)
    assert model.image.unet.conv_in.weight.is_contiguous(memory_format=torch.channels_last)


def test_what_is_encoded_may_be_encoded_before() -> None:
    model, context = video(), Context.of(X, {0: noise(2)[:, 0]})
    encoded = model.image.encode(GIVEN, *X.shape[3:])
    made = model.denoise(GIVEN, context, FPS)(X, T)
    assert torch.equal(made, model.denoise(GIVEN, context, FPS, encoded)(X, T))
    assert torch.equal(made, model.denoise_encoded(encoded, model.encode_context(context, FPS, encoded))(X, T))


def test_context_guidance_is_the_ordinary_one() -> None:
    model = video()
    context = Context.of(X, {0: noise(2)[:, 0]})
    given, null = (model.denoise(GIVEN, c, FPS) for c in (context, context.without()))
    torch.testing.assert_close(guide(given, null, 2.0)(X, T), 2 * given(X, T) - null(X, T))
    assert torch.equal(guide(given, null, 1.0)(X, T), given(X, T))
    assert torch.equal(guide(given, null, 0.0)(X, T), model.denoise(GIVEN, Context.none(X), FPS)(X, T))
    made = sample(guide(given, null, 2.0), model.schedule, X, 3, 1.0, lambda i: noise(10 + i))
    assert made.shape == X.shape
    assert made.isfinite().all()


def test_loading_checks_the_image_weights(tmp_path: Path) -> None:
    model = video()
    image_folder, folder = tmp_path / "image", tmp_path / "video"
    kind = Checkpoint(format=1, kind="image-ldm", model=SMALL.model_dump(), training={})
    digest = write_checkpoint(image_folder, kind, model.image.state_dict(), {})
    made = Checkpoint(format=1, kind="video-ldm", model=TEMPORAL.model_dump(), training={}, base=digest)
    write_checkpoint(folder, made, model.state_dict(), {})
    loaded = VideoLDM.load(folder, ImageLDM.load(image_folder))
    context = Context.none(X)
    torch.testing.assert_close(loaded(X, T, GIVEN, context, FPS), model(X, T, GIVEN, context, FPS), atol=0.1, rtol=0.1)
    with pytest.raises(InputError, match="base"):
        VideoLDM.load(folder, ImageLDM(SMALL))
    write_checkpoint(image_folder, kind, video(seed=5).image.state_dict(), {})
    with pytest.raises(InputError, match="image weights"):
        VideoLDM.load(folder, ImageLDM.load(image_folder))


def test_image_layers_that_learned_with_temporal_ones_are_kept_with_them(tmp_path: Path) -> None:
    model, base = video(), ImageLDM(SMALL)
    whole = WholeVideoModel(model)
    assert {name.split(".")[0] for name, p in whole.named_parameters() if p.requires_grad} == {"temporal", "spatial"}
    assert sum(p.numel() for p in whole.parameters()) == sum(p.numel() for p in (*model.parameters(), *model.image.parameters()))
    perturb(base, 7)
    before = {name: value.clone() for name, value in base.state_dict().items()}
    made = Checkpoint(format=1, kind="video-ldm", model=TEMPORAL.model_dump(), training={})
    write_checkpoint(tmp_path, made, whole.state_dict(), {})
    loaded, context = VideoLDM.load(tmp_path, base), Context.none(X)
    assert loaded.image is not base and not any(p.requires_grad for p in loaded.image.parameters())
    assert all(torch.equal(value, before[name]) for name, value in base.state_dict().items()), "first frames are still its own"
    for name, value in loaded.image.state_dict().items():
        assert torch.equal(value, model.image.state_dict()[name].half().float())
    torch.testing.assert_close(loaded(X, T, GIVEN, context, FPS), model(X, T, GIVEN, context, FPS), atol=0.1, rtol=0.1)

    going_on = WholeVideoModel(VideoLDM(TEMPORAL, base))
    initialise(going_on, "video-ldm", tmp_path, "video-ldm")
    for name, value in going_on.state_dict().items():
        assert torch.equal(value, whole.state_dict()[name].half().float()), name
    with pytest.raises(InputError, match="image layers learned there, too"):
        initialise(VideoLDM(TEMPORAL, base), "video-ldm", tmp_path, "video-ldm")


@pytest.mark.parametrize("config", [TEMPORAL, INSIDE])
def test_stills_beside_clips_pass_the_temporal_layers_untouched(config: VideoLDMConfig) -> None:
    model, context = video(config=config), Context.of(X, {0: noise(2)[:, 0]})
    stills, times = noise(4)[0, :3], torch.tensor([10, 500, 990])
    asked = toy_conditions([None] * 3, "day", 1, Road("city", 2), Camera(), 1.0, [drawn_planes(64, 64)] * 3).drop(boxes=True)
    encoded = model.image.encode(Conditions.joined([GIVEN, asked]), 8, 8)
    features = model.encode_context(context, FPS, encoded.rows(slice(B * F)))
    clips, pictures = model.network_with_stills(X, T, encoded, features, (stills, times))
    torch.testing.assert_close(clips, model(X, T, GIVEN, context, FPS), atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(pictures, model.image(stills, times, asked), atol=1e-4, rtol=1e-4)


def test_the_estimate_keeps_what_is_given() -> None:
    model, clip = video(), noise(2)
    context = Context.of(X, {0: clip[:, 0], 3: clip[:, 3]})
    estimate = model.estimate(GIVEN, context, FPS)
    assert torch.equal(estimate[:, [0, 3]], clip[:, [0, 3]]) and not torch.equal(estimate[:, 1], clip[:, 1])
