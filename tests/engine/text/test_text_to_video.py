"""Text to video: whole films from random folders, the same bits however they are cut, and what cannot be made is said first."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from tiny_backbone import write_backbone, write_clip_decoder, write_clip_upscaler, write_temporal, write_upscaler
from torch import nn
from typer.testing import CliRunner

from drivesim.cli.main import app
from drivesim.config import InputError, MachineError
from drivesim.engine.settings import TextSampling
from drivesim.engine.text import memory
from drivesim.engine.text.temporal_parts import TemporalParts
from drivesim.engine.text.text_to_video import TextPrompt, TextToVideo
from drivesim.engine.text.upscaling import TextUpscaling
from drivesim.engine.timeline import Timeline
from drivesim.tensors import to_frames
from drivesim.video_format import FRAME_RATES
from drivesim.video_io import read_video

KEYS, MIDDLE, FULL = FRAME_RATES
SETTINGS = TextSampling(steps=2, interpolation_steps=1, height=16, width=32, precision="float32")
PROMPT = TextPrompt("a red car", "blurred")
CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def temporal(backbone: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_temporal(tmp_path_factory.mktemp("temporal") / "video-ldm", backbone)


@pytest.fixture(scope="module")
def upscaler(backbone: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_upscaler(tmp_path_factory.mktemp("upscaler"))


@pytest.fixture
def maker(backbone: Path, temporal: Path) -> TextToVideo:
    return TextToVideo.load(backbone, temporal, SETTINGS, CPU)


def film(maker: TextToVideo, seconds: float, fps: float, prompt: TextPrompt = PROMPT, seed: int = 1) -> np.ndarray:
    return np.concatenate(list(maker.frames(prompt, Timeline.of(seconds, fps), seed)))


def test_a_longer_or_slower_film_has_the_same_frames(maker: TextToVideo) -> None:
    """In two windows of prediction, interpolated once."""
    whole = film(maker, 6.4, MIDDLE)
    assert whole.shape == (48, 16, 32, 3)
    np.testing.assert_array_equal(film(maker, 2.0, MIDDLE), whole[:15])
    np.testing.assert_array_equal(film(maker, 6.4, KEYS), whole[::4])
    assert film(maker, 0.3, FULL).shape == (9, 16, 32, 3)


def test_a_film_of_the_papers_length(maker: TextToVideo) -> None:
    """113 frames: 8 key frames in one window, 7 links between them that become 28, and these 112."""
    maker.settings = maker.settings.model_copy(update={"steps": 1})
    maker.latent_codec.decode = lambda latents: latents[:, :3].repeat_interleave(8, 2).repeat_interleave(8, 3)  # type: ignore
    timeline = Timeline.of(113 / FULL, FULL)
    assert (timeline.frames, timeline.keys, timeline.windows) == (113, 8, 1)
    links = [[link for batch in timeline.links(timeline.window(0), level) for link in batch] for level in (1, 2)]
    assert links == [list(range(8)), list(range(28))]  # batches are whole: one link more than is needed
    frames = film(maker, 113 / FULL, FULL)
    assert frames.shape == (113, 16, 32, 3)
    np.testing.assert_array_equal(frames[::16], film(maker, 8 / KEYS, KEYS))


def test_all_key_frames_are_one_prediction_where_asked(backbone: Path, temporal: Path, maker: TextToVideo) -> None:
    whole = TextToVideo.load(backbone, temporal, SETTINGS.model_copy(update={"at_once": True}), CPU)
    timeline = Timeline.of(6.4, KEYS)
    assert [len(window.keys) for window in whole.windows(timeline)] == [timeline.keys] and timeline.windows == 2
    assert whole.units(timeline)["predict"] == SETTINGS.steps
    frames = film(whole, 6.4, MIDDLE)
    assert frames.shape == (48, 16, 32, 3)
    keys = film(whole, 13 / KEYS, KEYS)  # the last one is where the last interpolation ends
    np.testing.assert_array_equal(keys[:12], frames[::4])
    assert not np.array_equal(keys, film(maker, 13 / KEYS, KEYS))


def test_an_interpolation_of_its_own_makes_all_frames_anew(
    backbone: Path, temporal: Path, parts: Path, maker: TextToVideo
) -> None:
    """From 3 frames 9 at once, after LaVie; key frames are the video model's, and the same."""
    folder = parts / "interpolation"
    whole = TextToVideo.load(backbone, temporal, SETTINGS, CPU, interpolation=folder)
    timeline = Timeline.of(2.1, MIDDLE)
    assert [len(links) for links in whole._batches(timeline, timeline.window(0), 1)] == [2, 2]
    frames, keys = film(whole, 2.1, MIDDLE), film(maker, 2.1, KEYS)
    assert frames.shape == (16, 16, 32, 3) and not any(np.array_equal(a, b) for a, b in zip(frames[::4], keys, strict=True))
    np.testing.assert_array_equal(film(whole, 1.2, MIDDLE), frames[:9])
    np.testing.assert_array_equal(film(whole, 2.1, KEYS), keys)
    with pytest.raises(InputError, match="interpolates alone"):
        TextToVideo.load(backbone, folder, SETTINGS, CPU)
    few, many = (TemporalParts(temporal, None, None, part) for part in (None, folder))
    assert memory.needed_memory(backbone, many, None, SETTINGS) > memory.needed_memory(backbone, few, None, SETTINGS)


def test_text_negative_text_and_seed_matter(maker: TextToVideo) -> None:
    first = film(maker, 1.1, KEYS)
    for other in (film(maker, 1.1, KEYS, TextPrompt("a bus", "blurred")), film(maker, 1.1, KEYS, TextPrompt("a red car")),
                  film(maker, 1.1, KEYS, seed=2)):  # fmt: skip
        assert not np.array_equal(first, other)


def test_with_alpha_one_frames_are_pictures_of_the_image_model(maker: TextToVideo) -> None:
    """No frame depends on another then: key frame 1 is what the image model makes of its own noise."""
    for name, parameter in maker.video.named_parameters():
        if name.endswith("logit"):
            nn.init.constant_(parameter.data, 40.0)
    before = film(maker, 1.1, KEYS)
    for name, parameter in maker.video.named_parameters():
        if not name.endswith("logit"):
            nn.init.normal_(parameter.data)
    np.testing.assert_array_equal(film(maker, 1.1, KEYS), before)
    first = maker.latent_codec.decode(maker.first_frame(PROMPT, 1)[None])
    np.testing.assert_array_equal(to_frames(first)[0], before[0])


def test_progress_counts_every_unit(maker: TextToVideo) -> None:
    from drivesim.engine.progress import Progress

    timeline = Timeline.of(1.6, MIDDLE)
    maker.progress = Progress(maker.units(timeline))
    list(maker.frames(PROMPT, timeline, 0))
    assert maker.progress.units == maker.progress.totals


Run = Callable[..., str]


@pytest.fixture
def run(backbone: Path, temporal: Path, tmp_path: Path) -> Run:
    def command(**changes: str | Path) -> str:
        options: dict[str, str | Path] = {
            "backbone": backbone, "temporal": temporal, "out": tmp_path / "film.mp4", "seconds": "1.1", "fps": "1.875",
            "size": "16x32", "steps": "1", "device": "cpu",
        } | changes  # fmt: skip
        flags = [str(part) for name, value in options.items() for part in (f"--{name}", value)]
        result = CliRunner().invoke(app, ["text-to-video", "a red car", *flags])
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result.output

    return command


def test_the_command_writes_a_film_and_what_made_it(run: Run, tmp_path: Path) -> None:
    assert f"wrote {tmp_path / 'film.mp4'}" in run(negative="blurred")
    frames, fps = read_video(tmp_path / "film.mp4")
    assert frames.shape == (2, 16, 32, 3) and float(fps) == KEYS
    notes = json.loads((tmp_path / "film.json").read_text())
    assert notes["prompt"] == {"text": "a red car", "negative": "blurred"} and notes["settings"]["steps"] == 1


def test_upscaled_it_is_four_times_as_large(run: Run, upscaler: Path, tmp_path: Path) -> None:
    run(upscaler=upscaler)
    assert read_video(tmp_path / "film.mp4")[0].shape == (2, 64, 128, 3)
    assert json.loads((tmp_path / "film.json").read_text())["upscaler"] is not None


def test_the_noise_on_small_frames_can_be_chosen(run: Run, upscaler: Path, tmp_path: Path) -> None:
    films = []
    for level in ("20", "0"):
        run(upscaler=upscaler, **{"upscaler-level": level})
        films.append(read_video(tmp_path / "film.mp4")[0])
        assert json.loads((tmp_path / "film.json").read_text())["settings"]["upscaler_level"] == int(level)
    assert not np.array_equal(*films)
    assert "--upscaler-level 5000: this upscaler knows 0 to" in run(upscaler=upscaler, **{"upscaler-level": "5000"})
    assert "--upscaler-level 5: is for an upscaler" in run(**{"upscaler-level": "5"})


@pytest.fixture(scope="module")
def parts(backbone: Path, temporal: Path, upscaler: Path) -> Path:
    """Temporal layers for U-Net, interpolation, decoder and upscaler, in one folder."""
    write_temporal(temporal.parent / "interpolation", backbone, seed=1, context="repeated", base_frames=3)
    write_clip_decoder(temporal.parent / "decoder", backbone)
    write_clip_upscaler(temporal.parent / "super-resolution", upscaler)
    return temporal.parent


def test_temporal_layers_of_decoder_and_upscaler_are_used(run: Run, parts: Path, upscaler: Path, tmp_path: Path) -> None:
    films = []
    for folder in (parts / "video-ldm", parts):
        run(upscaler=upscaler, temporal=folder)
        films.append(read_video(tmp_path / "film.mp4")[0])
    assert films[1].shape == (2, 64, 128, 3) and not np.array_equal(films[0], films[1])
    assert all(json.loads((tmp_path / "film.json").read_text())["temporal"].values())


def test_a_clip_decoder_sees_over_the_edges_of_windows(backbone: Path, parts: Path) -> None:
    """All frames of a film of two windows are those of its latents decoded as one clip."""
    maker = TextToVideo.load(backbone, parts / "video-ldm", SETTINGS, CPU, decoder=parts / "decoder")
    assert maker.clip_decoder is not None
    seen: list[torch.Tensor] = []
    decode = maker.clip_decoder.decode
    made = film(maker, 6.4, KEYS)
    maker.clip_decoder.decode = lambda latents, start, stop: (seen.append(latents[start:stop]), decode(latents, start, stop))[1]  # type: ignore[method-assign]
    np.testing.assert_array_equal(film(maker, 6.4, KEYS), made)
    with torch.inference_mode():
        whole = to_frames(decode(torch.cat(seen), 0, len(made)))
    assert np.abs(whole.astype(int) - made).max() <= 1 and len(made) == 12


def test_clips_are_upscaled_in_portions_whatever_the_pieces(upscaler: Path, parts: Path) -> None:
    large = TextUpscaling.load(upscaler, SETTINGS.model_copy(update={"upscaler_steps": 1}), CPU, parts / "super-resolution")
    frames = np.random.default_rng(0).integers(256, size=(13, 8, 8, 3), dtype=np.uint8)
    once, cut = (
        np.concatenate(list(large.upscaled(iter(pieces), 13, PROMPT, 0)))
        for pieces in ([frames], np.split(frames, [1, 5, 12]))
    )
    assert once.shape == (13, 32, 32, 3) and large.units(13) == 2
    np.testing.assert_array_equal(once, cut)


def test_what_cannot_be_made_is_said_in_a_sentence(
    run: Run, tmp_path: Path, backbone: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "multiples of 16 pixels" in run(size="24x32")
    assert "give HEIGHTxWIDTH" in run(size="big")
    assert "ends in .mp4" in run(out=tmp_path / "film.avi")
    assert "model_index.json is missing" in run(backbone=tmp_path)
    assert "no checkpoint there" in run(temporal=tmp_path)
    assert "holds a StableDiffusionPipeline" in run(upscaler=backbone)
    assert "cannot be made" in run(fps="25")
    monkeypatch.setattr(memory, "free_memory", lambda device: 1000)
    assert "GiB of memory are needed and 0.0 are free" in run()


def test_temporal_layers_move_into_another_backbone_when_asked_to(temporal: Path, tmp_path: Path) -> None:
    other = write_backbone(tmp_path / "other", seed=9)
    with pytest.raises(InputError, match="trained on top of"):
        TextToVideo.load(other, temporal, SETTINGS, CPU)
    moved = TextToVideo.load(other, temporal, SETTINGS, CPU, transfer=True)
    assert film(moved, 1.1, KEYS).shape == (2, 16, 32, 3)


def test_a_lora_folder_changes_the_film(run: Run, tmp_path: Path) -> None:
    name = "unet.down_blocks.0.attentions.0.transformer_blocks.0.attn1.to_q"
    down = torch.arange(32.0).reshape(2, 16).sin()  # rows that are all alike see nothing of what is normalised
    save_file({f"{name}.lora_A.weight": down, f"{name}.lora_B.weight": down.T.contiguous()},
              tmp_path / "pytorch_lora_weights.safetensors")  # fmt: skip
    films = []
    for options in ({}, {"lora": tmp_path}, {"lora": tmp_path, "lora-strength": "2"}):
        run(**options)
        films.append(read_video(tmp_path / "film.mp4")[0])
    assert not np.array_equal(films[0], films[1]) and not np.array_equal(films[1], films[2])


def test_memory_is_predicted_by_size(backbone: Path, temporal: Path, upscaler: Path) -> None:
    def needed(height: int, large: Path | None = None) -> int:
        settings = SETTINGS.model_copy(update={"height": height})
        return memory.needed_memory(backbone, TemporalParts(temporal, None, None), large, settings)

    assert 1e6 < needed(16) < needed(32) < needed(32, upscaler) < 1e8
    parts, once = TemporalParts(temporal, None, None), SETTINGS.model_copy(update={"at_once": True})
    assert memory.needed_memory(backbone, parts, None, once, keys=10) == needed(16)
    assert memory.needed_memory(backbone, parts, None, once, keys=1000) > 2 * needed(16)
    with pytest.raises(MachineError, match="GiB"):
        memory.check_memory(2**60, CPU)
