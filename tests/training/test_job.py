"""The whole chain at toy size, by the same calls that train the shipped weights: data, four stages, export, loading."""

from __future__ import annotations

import json
import math
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from safetensors.torch import load_file
from tiny_cascade import write_cascade

from drivesim.checkpoint import FORMAT, Checkpoint, weights_hash, write_checkpoint
from drivesim.config import InputError, MachineError, read_json, read_yaml
from drivesim.models.detector.detector import Detector
from drivesim.models.image_ldm import ImageLDM
from drivesim.models.latent_space import LatentSpace
from drivesim.models.layers.autoencoder import Autoencoder
from drivesim.models.super_resolution import SuperResolution
from drivesim.models.video_ldm import VideoLDM
from drivesim.training.__main__ import main, parse_overrides
from drivesim.training.job import export_run, inherited, initialise, run_training
from drivesim.training.loop import train
from drivesim.training.run import Run
from drivesim.training.stage import Stage
from drivesim.training.stages import detector
from drivesim.training.stages.all_stages import RECIPES, build_stage
from drivesim.video_format import TRAINED_NAMES, TrainedName


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with data/, checkpoints/ and a run folder a stage, all made by the tiny presets."""
    root = tmp_path_factory.mktemp("chain")
    (root / "checkpoints").mkdir()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(detector, "_LOOKED_AT", 32)  # there are 24 frames
        for stage in TRAINED_NAMES:
            run_training(stage, root / stage, "tiny", data_folder=root / "data", checkpoints=root / "checkpoints",
                         device_name="cpu", workers=0, say=lambda _: None)  # fmt: skip
            export_run(root / stage, root / "checkpoints" / stage, [], root / "checkpoints", say=lambda _: None)
    return root


def test_exported_checkpoints_load_and_know_what_they_rest_on(trained: Path) -> None:
    checkpoints = trained / "checkpoints"
    space = LatentSpace.load(checkpoints / "autoencoder")
    image = ImageLDM.load(checkpoints / "image-ldm")
    VideoLDM.load(checkpoints / "video-ldm", image)
    SuperResolution.load(checkpoints / "super-resolution")
    Detector.load(checkpoints / "detector")
    configs = {stage: json.loads((checkpoints / stage / "config.json").read_text()) for stage in TRAINED_NAMES}
    video = LatentSpace.load(checkpoints / "decoder")
    assert video.fingerprint() == space.fingerprint() and video.decoder_fingerprint() == space.decoder_fingerprint()
    assert video.temporal is not None and video.layout is not None
    bases = {stage: config["base"] for stage, config in configs.items()}
    assert bases["image-ldm"] == space.fingerprint()
    assert bases["video-ldm"] == weights_hash(checkpoints / "image-ldm")
    assert bases["autoencoder"] is bases["super-resolution"] is bases["detector"] is None
    assert configs["video-ldm"]["decoder"] == space.decoder_fingerprint() and configs["image-ldm"]["decoder"] is None


def test_latents_have_unit_variance_after_export(trained: Path) -> None:
    space = LatentSpace.load(trained / "checkpoints" / "autoencoder")
    assert (space.scale > 0).all()
    assert not torch.equal(space.scale, torch.ones_like(space.scale))


def test_a_decoder_trained_alone_keeps_the_latents_that_others_rest_on(trained: Path, tmp_path: Path) -> None:
    checkpoints = trained / "checkpoints"
    before = LatentSpace.load(checkpoints / "autoencoder")
    run_training("autoencoder", tmp_path / "run", "tiny", data_folder=trained / "data", checkpoints=checkpoints,
                 overrides={"decoder_only": True}, device_name="cpu", workers=0, say=lambda _: None)  # fmt: skip
    export_run(tmp_path / "run", tmp_path / "better", [], checkpoints, say=lambda _: None)
    after = LatentSpace.load(tmp_path / "better")
    assert after.fingerprint() == before.fingerprint() and after.decoder_fingerprint() != before.decoder_fingerprint()
    assert not torch.equal(after.autoencoder.decoder.stem.weight, before.autoencoder.decoder.stem.weight)


def test_every_stage_logs_held_out_figures_and_a_preview(trained: Path) -> None:
    for stage in TRAINED_NAMES:
        lines = [json.loads(line) for line in (trained / stage / "log.jsonl").read_text().splitlines()]
        assert any(line.get("held_out") for line in lines), stage
        assert list((trained / stage).glob("preview-*.png")), stage


def test_a_base_that_is_another_is_refused(trained: Path, tmp_path: Path) -> None:
    other = ImageLDM.load(trained / "checkpoints" / "image-ldm")
    other.weights = "0" * 64
    with pytest.raises(InputError, match="trained on top of"):
        VideoLDM.load(trained / "checkpoints" / "video-ldm", other)


def test_training_starts_from_another_checkpoint(trained: Path, tmp_path: Path) -> None:
    """With a learning rate of next to nothing the exported weights are those of the checkpoint it started from.

    What was before is measured, too.
    """
    run_training("image-ldm", tmp_path / "run", "tiny", data_folder=trained / "data", checkpoints=trained / "checkpoints",
                 init_from=trained / "checkpoints" / "image-ldm", overrides={"learning_rate": 1e-12, "samples": 2},
                 device_name="cpu", say=lambda _: None)  # fmt: skip
    export_run(tmp_path / "run", tmp_path / "out", [], trained / "checkpoints", say=lambda _: None)
    before, after = ImageLDM.load(trained / "checkpoints" / "image-ldm"), ImageLDM.load(tmp_path / "out")
    for (name, x), y in zip(before.state_dict().items(), after.state_dict().values(), strict=True):
        torch.testing.assert_close(x, y, rtol=1e-3, atol=1e-5, msg=name)
    lines = [json.loads(line) for line in (tmp_path / "run" / "log.jsonl").read_text().splitlines()]
    first, last = ((line["samples"], line["held_out"]) for line in lines if "held_out" in line)
    assert (first[0], last[0]) == (0, 2) and first[1] == pytest.approx(last[1], rel=1e-3)
    assert (tmp_path / "run" / "preview-000000000.png").is_file()


def test_a_run_that_goes_on_from_another_is_shown_what_that_was(tmp_path: Path) -> None:
    """Groups of conditions that there are besides would make a model of it on which no other of its chain fits."""
    known = {"groups": ["look", "road"], "widths": [8, 16]}
    write_checkpoint(tmp_path / "origin", Checkpoint(format=FORMAT, kind="image-ldm", model=known, training={}), {}, {})
    model = inherited({}, "image-ldm", None, tmp_path / "run", tmp_path / "origin")["model"]
    assert model == known
    said = inherited({"model": {"groups": ["look"]}}, "image-ldm", None, tmp_path / "run", tmp_path / "origin")["model"]
    assert said == known | {"groups": ["look"]}


def test_what_is_said_of_a_model_leaves_its_other_sizes(tmp_path: Path) -> None:
    """On a public backbone the recipe's own sizes are others than the model's."""
    said = inherited({"model": {"mixing": "attention"}}, "video-ldm", Path("backbone"), tmp_path / "run", None)["model"]
    assert (said["mixing"], said["inner_width"], len(said["context_widths"])) == ("attention", 1280, 4)


def test_a_run_that_goes_on_from_another_draws_other_samples_and_notes_what_from(trained: Path, tmp_path: Path) -> None:
    """Not those that the weights have seen already; whoever repeats the run draws the same."""
    checkpoints = trained / "checkpoints"
    data = sorted((trained / "data").glob("world*seed1.h5"))[:1]
    digest = weights_hash(checkpoints / "autoencoder")
    for name, init_from, overrides in (
        ("fresh", None, {}),
        ("continued", checkpoints / "autoencoder", {}),
        ("repeated", checkpoints / "autoencoder", {}),
        ("decoder", None, {"decoder_only": True}),
    ):
        run_training("autoencoder", tmp_path / name, "tiny", data, data, checkpoints=checkpoints, init_from=init_from,
                     overrides=overrides, minutes=0, device_name="cpu", say=lambda _: None)  # fmt: skip
        noted = read_yaml(tmp_path / name / "train.yaml")
        assert noted["init_from"] == (None if name == "fresh" else digest)
        assert (noted["stream"] is None) == (name == "fresh")
    streams = {name: read_yaml(tmp_path / name / "train.yaml")["stream"] for name in ("fresh", "continued", "repeated", "decoder")}
    first = {
        name: stage_of("autoencoder", trained, stream=stream).draw(0, range(1))["frames"] for name, stream in streams.items()
    }
    assert torch.equal(first["fresh"], stage_of("autoencoder", trained).draw(0, range(1))["frames"])
    assert torch.equal(first["continued"], first["repeated"])
    assert torch.equal(first["continued"], first["decoder"])
    assert not torch.equal(first["fresh"], first["continued"])


def test_a_continued_run_that_is_resumed_equals_one_that_was_not(trained: Path, tmp_path: Path) -> None:
    """Both from what it went on from and from a run folder of before streams were noted."""
    data = sorted((trained / "data").glob("world*seed1.h5"))[:1]

    def run(name: str, minutes: float) -> None:
        run_training("autoencoder", tmp_path / name, "tiny", data, data, checkpoints=trained / "checkpoints",
                     overrides={"decoder_only": True, "optimizer": "muon"}, minutes=minutes, device_name="cpu",
                     say=lambda _: None)  # fmt: skip

    run("whole", math.inf)
    run("parts", 0.0)
    assert read_yaml(tmp_path / "parts" / "train.yaml")["stream"] is not None
    run("parts", math.inf)
    states = [load_file(tmp_path / name / "state.safetensors") for name in ("whole", "parts")]
    assert states[0].keys() == states[1].keys()
    assert all(torch.equal(tensor, states[1][name]) for name, tensor in states[0].items())


def test_a_run_of_before_streams_were_noted_goes_on_with_its_seed(trained: Path, tmp_path: Path) -> None:
    shutil.copytree(trained / "autoencoder", tmp_path / "run")
    noted = read_yaml(tmp_path / "run" / "train.yaml") | {"init_from": "0" * 64}
    del noted["stream"]
    (tmp_path / "run" / "train.yaml").write_text(yaml.safe_dump(noted))
    run_training("autoencoder", tmp_path / "run", "tiny", data_folder=trained / "data", checkpoints=trained / "checkpoints",
                 init_from=trained / "checkpoints" / "autoencoder", device_name="cpu", say=lambda _: None)  # fmt: skip
    after = read_yaml(tmp_path / "run" / "train.yaml")
    assert after["stream"] is None
    assert after["init_from"] == "0" * 64


def stage_of(name: TrainedName, trained: Path, **changes: object) -> Stage:
    """A stage as it was trained, but for some fields of its recipe."""
    noted = read_yaml(trained / name / "train.yaml")
    values = {key: value for key, value in noted.items() if key in RECIPES[name].model_fields}
    data = [Path(path) for path in noted["data"]]
    stage = build_stage(name, values | changes, trained / "checkpoints")
    stage.open(data, data)
    return stage


@pytest.mark.parametrize("name", TRAINED_NAMES)
def test_what_is_compiled_does_the_work_of_every_stage(name: TrainedName, trained: Path) -> None:
    """Its networks are called, not only methods of theirs, which torch.compile would not see; little is computed beside them."""
    stage = stage_of(name, trained)
    running: list[torch.nn.Module] = []
    within, beside = set(), set()
    for network in stage.networks:
        network.register_forward_pre_hook(lambda module, _: running.append(module))
        network.register_forward_hook(lambda module, _, __: running.remove(module))
    for kernel in {m for model in (*stage.networks, *stage.modules.values()) for m in model.modules()}:
        if isinstance(kernel, torch.nn.Conv2d):
            kernel.register_forward_pre_hook(lambda module, _: (within if running else beside).add(module))
    for _ in stage.losses(stage.draw(0, range(2)), 0):
        pass
    assert len(within) > 10
    assert not beside


def test_compile_compiles(trained: Path, tmp_path: Path) -> None:
    """The convolutions of a step are seen by the compiler, or none is."""
    graphs: list[torch.fx.GraphModule] = []

    def compiler(graph: torch.fx.GraphModule, inputs: list[torch.Tensor]) -> Callable[..., object]:
        graphs.append(graph)
        return graph.forward

    for chosen in (False, True):
        stage = stage_of("super-resolution", trained, compile=chosen, samples=2, evaluate_every=10)
        stage.evaluate, stage.preview = dict, lambda: np.zeros((8, 8, 3), np.uint8)  # type: ignore[method-assign]
        train(stage, Run(tmp_path / str(chosen), {}), torch.device("cpu"), lambda _: None, compiler=compiler)
        assert any("conv" in str(node.target) for graph in graphs for node in graph.graph.nodes) == chosen


@pytest.mark.parametrize("sizes", [{"widths": (16, 32)}, {"widths": (32, 32)}, {"token_width": 64}], ids=str)
def test_a_model_does_not_start_from_narrower_ones(checkpoints: Path, sizes: dict[str, object]) -> None:
    """Padded with zeros they would have channels that never learn anything."""
    config = ImageLDM.load(checkpoints / "image-ldm").config
    initialise(ImageLDM(config), "image-ldm", checkpoints / "image-ldm", "image-ldm")
    with pytest.raises(InputError, match=r"of another shape \(.*\); start from one of the same sizes"):
        initialise(ImageLDM(config.model_copy(update=sizes)), "image-ldm", checkpoints / "image-ldm", "image-ldm")


@pytest.mark.parametrize(
    ("sizes", "lacking"),
    [({"blocks": 2}, r"unet\.down\.0\.1\."), ({"widths": (16, 16, 16)}, r"unet\.down\.2\."),
     ({"encoder_layers": 2}, r"encoder\.blocks\.1\."), ({"attention_from": 0}, r"unet\.down\.0\.0\.transformer\.")],
    ids=str,
)  # fmt: skip
def test_a_model_does_not_start_from_one_of_fewer_blocks(checkpoints: Path, sizes: dict[str, object], lacking: str) -> None:
    """They would be untrained, between blocks that are trained."""
    config = ImageLDM.load(checkpoints / "image-ldm").config
    with pytest.raises(InputError, match=rf"do not fit the image-ldm model.* missing \({lacking}.*; start from one of the same"):
        initialise(ImageLDM(config.model_copy(update=sizes)), "image-ldm", checkpoints / "image-ldm", "image-ldm")


@pytest.mark.parametrize("blocks", ["encoder_blocks", "decoder_blocks"])
def test_an_autoencoder_does_not_start_from_one_of_fewer_blocks(checkpoints: Path, blocks: str) -> None:
    config = LatentSpace.load(checkpoints / "autoencoder").config.model_copy(update={blocks: (1, 1, 2)})
    with pytest.raises(InputError, match=r"missing \(autoencoder\.(en|de)coder\.levels\.\d\.1\."):
        initialise(LatentSpace(Autoencoder(config)), "autoencoder", checkpoints / "autoencoder", "autoencoder")


def test_parts_of_which_a_checkpoint_has_nothing_start_afresh(tmp_path: Path) -> None:
    """A decoder of clips with its layout, and groups of conditions."""
    plain = write_cascade(tmp_path, plain=True) / "autoencoder"
    config = LatentSpace.load(plain).config.model_copy(update={"temporal": True, "layout": True})
    space = LatentSpace(Autoencoder(config))
    drawn = {name: value.clone() for name, value in space.state_dict().items()}
    initialise(space, "autoencoder", plain, "autoencoder")
    for name, value in space.state_dict().items():
        assert torch.equal(value, drawn[name]) or name.startswith(("autoencoder.", "shift", "scale")), name


def test_a_begun_run_goes_on_without_the_checkpoint_it_started_from(trained: Path, tmp_path: Path) -> None:
    shutil.copytree(trained / "checkpoints" / "autoencoder", tmp_path / "origin")
    told: list[str] = []
    data = sorted((trained / "data").glob("world*seed1.h5"))[:1]
    for origin, minutes in ((tmp_path / "origin", 0.0), (tmp_path / "gone", math.inf)):
        run_training("autoencoder", tmp_path / "run", "tiny", data, data_folder=trained / "data", init_from=origin,
                     minutes=minutes, device_name="cpu", say=told.append)  # fmt: skip
    recipe = read_yaml(tmp_path / "run" / "train.yaml")
    assert recipe["init_from"] == weights_hash(tmp_path / "origin")
    assert sum("measured on rendered worlds" in line for line in told) == 2
    export_run(tmp_path / "run", tmp_path / "out", [], None, say=lambda _: None)
    training = read_json(tmp_path / "out" / "config.json")["training"]
    assert training["samples"] == 4
    assert training["device"] == recipe["device"] != "unknown"


def test_the_device_of_a_run_that_did_not_note_it_is_unknown(trained: Path, tmp_path: Path) -> None:
    shutil.copytree(trained / "autoencoder", tmp_path / "run")
    recipe = read_yaml(tmp_path / "run" / "train.yaml")
    del recipe["device"]
    (tmp_path / "run" / "train.yaml").write_text(yaml.safe_dump(recipe))
    export_run(tmp_path / "run", tmp_path / "out", [], None, say=lambda _: None)
    assert read_json(tmp_path / "out" / "config.json")["training"]["device"] == "unknown"


def test_overrides_are_yaml_and_unknown_ones_are_refused(tmp_path: Path, trained: Path) -> None:
    assert parse_overrides(["batch=4", "bf16=false", "crop=[64, 96]"]) == {"batch": 4, "bf16": False, "crop": [64, 96]}
    with pytest.raises(InputError, match="FIELD=VALUE"):
        parse_overrides(["batch"])
    with pytest.raises(InputError, match=r"--set x=\{a: the value is no YAML"):
        parse_overrides(["x={a"])
    with pytest.raises(InputError, match="bacth"):
        run_training("autoencoder", tmp_path / "run", "tiny", data_folder=trained / "data", checkpoints=tmp_path,
                     overrides={"bacth": 4}, device_name="cpu", say=lambda _: None)  # fmt: skip


@pytest.mark.parametrize(("error", "code"), [(InputError, 2), (MachineError, 1), (KeyboardInterrupt, 130)])
def test_exit_codes(error: type[BaseException], code: int, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise error("in one sentence")

    monkeypatch.setattr("drivesim.training.__main__.run_training", fail)
    monkeypatch.setattr("sys.argv", ["training", "autoencoder", "--run", "nowhere"])
    assert main() == code
