"""`drivesim evaluate` with tiny weights and a handful of worlds."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

sys.path.insert(0, str(Path(__file__).parent.parent / "simulation"))

from noisy_pairs import no_layout
from tiny_cascade import SCENARIO, SETTINGS, write_cascade

from drivesim.cli.main import app
from drivesim.engine.settings import SamplingSettings
from drivesim.evaluation import held_out, speed, world
from drivesim.evaluation.held_out import Pair
from drivesim.video_format import PHASES
from drivesim.video_io import read_image, write_image


@pytest.fixture(scope="module")
def checkpoints(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_cascade(tmp_path_factory.mktemp("checkpoints"))


@pytest.fixture
def pairs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Random pictures instead of worlds, and no clock."""
    made = np.random.default_rng(0).integers(0, 256, (4, 2, 128, 256, 3), np.uint8)
    found = [Pair(noisy, clean, i == 0, no_layout(128, 256)) for i, (noisy, clean) in enumerate(made)]
    monkeypatch.setattr(held_out, "held_out_pairs", lambda count, seed, workers, say: found[:count])
    monkeypatch.setattr(world, "rendering_speed", lambda *_, **__: (24.0, 0.5))


def run(*arguments: str | Path) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["evaluate", *map(str, arguments)])
    return result.exit_code, result.output


def test_fidelity_prints_a_table_and_writes_json(pairs: None, checkpoints: Path, tmp_path: Path) -> None:
    write_image(tmp_path / "real.png", np.random.default_rng(0).integers(0, 256, (60, 120, 3), np.uint8))
    file = tmp_path / "fidelity.json"
    text = ""
    for part in ("world", "autoencoder"):
        code, printed = run("fidelity", "--frames", "3", "--real", tmp_path / "real.png", "--real-frames", "2", "--only", part,
                            "--checkpoints", checkpoints, "--json", file)  # fmt: skip
        assert code == 0, printed
        text += printed
        if part == "world":
            assert json.loads(file.read_text())["world_gradient_energy_share_of_real.png"] > 0
    for words in ("PSNR dB", "night", "real real.png", "MISSES the bar of 29", "gradient energy", "24.0 frames/s"):
        assert words in text
    report = json.loads(file.read_text())
    assert (report["seed"], report["frames"], report["world_version"]) == (held_out.HELD_OUT_SEED, 3, 1)
    assert report["autoencoder_psnr_low"] <= report["autoencoder_psnr"] <= report["autoencoder_psnr_high"]
    assert len(report["autoencoder_weights"]) == 64


def test_a_report_is_written_beside_what_it_shows(pairs: None, checkpoints: Path, tmp_path: Path) -> None:
    code, text = run("fidelity", "--quick", "--frames", "2", "--only", "autoencoder", "--checkpoints", checkpoints,
                     "--report", tmp_path / "report")  # fmt: skip
    assert code == 0, text
    assert "autoencoder_edges" in json.loads((tmp_path / "report" / "figures.json").read_text())


def test_parts_are_selectable(pairs: None, checkpoints: Path, tmp_path: Path) -> None:
    code, text = run("fidelity", "--frames", "2", "--only", "autoencoder", "--checkpoints", checkpoints)
    assert code == 0 and "PSNR" in text and "gradient" not in text
    code, text = run("fidelity", "--frames", "2", "--only", "world", "--checkpoints", tmp_path / "none")
    assert code == 0 and "PSNR" not in text and "gradient" in text


def test_scenarios_lays_a_folder_on_one_sheet(
    checkpoints: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(SamplingSettings, "preset", classmethod(lambda cls, quality: SETTINGS))
    for name in ("one", "two"):
        (tmp_path / f"{name}.yaml").write_text(SCENARIO.replace("tiny", name))
    out = tmp_path / "sheet.png"
    code, text = run("scenarios", tmp_path, "--out", out, "--width", "64", "--boxes", "--checkpoints", checkpoints)
    assert code == 0 and f"wrote {out}" in text.replace("\n", ""), text
    assert read_image(out).shape == (18 + 32 + 4, 2 * 68, 3)


def test_speed_prints_a_table_and_writes_json(
    checkpoints: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def measured(checkpoints: Path, device: object, qualities: list[str], rounds: int, say: object) -> speed.Speed:
        seconds = {f"{quality} {phase}": [1.0] * rounds for quality in qualities for phase in (*PHASES, "ours", "public")}
        seconds["part layout"] = [0.5] * rounds
        facts: dict[str, str | int | float] = {"device": "cpu", "threads": 2, "precision": "bfloat16"}
        facts |= {"load_before": 0.1, "load_after": 2.1}
        counts = dict.fromkeys(seconds, 10.0)
        return speed.Speed(seconds, counts, counts, {"ours": 17_000_000, "public": 17_200_000}, facts)

    monkeypatch.setattr(speed, "measure_speed", measured)
    file = tmp_path / "speed.json"
    code, text = run("speed", "--rounds", "3", "--quality", "draft", "--checkpoints", checkpoints, "--json", file)
    assert code == 0, text
    for words in ("upsample", "0.5000", "MISSES the bar of 0.2", "UNetMotionModel", "1.000 to 1.000", "17.20 M of", "0.0500"):
        assert words in text, words
    assert json.loads(file.read_text())["seconds_draft_write_low"] == 0.1


def test_layout_prints_a_table_and_writes_json(tmp_path: Path) -> None:
    code, text = run("layout", "--frames", "1", "--json", tmp_path / "layout.json")
    assert code == 0 and "iou_road" in text and "world 1 of 1" in text, text
    written = json.loads((tmp_path / "layout.json").read_text())
    assert (written["seed"], written["frames"]) == (held_out.HELD_OUT_SEED, 1) and written["same_road"] > 0.9


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("layout", "--json", "nowhere/x.json", "--frames", "1"), "nowhere"),
        (("fidelity", "--only", "sky"), "--only sky"),
        (("fidelity", "--only", "world", "--frames", "0"), "--frames 0"),
        (("fidelity", "--checkpoints", "nowhere"), "nowhere"),
        (("fidelity", "--only", "world", "--real", "nowhere"), "nowhere"),
        (("scenarios", "--quality", "superb"), "--quality superb"),
        (("speed", "--quality", "superb"), "--quality superb"),
        (("speed", "--checkpoints", "nowhere"), "nowhere"),
        (("ablation", "sky", "--out", "nowhere/x"), "no such study"),
        (("ablation", "video", "--out", "nowhere/x", "--arms", "sky"), "--arms sky"),
        (("ablation", "video", "--out", "nowhere/x", "--set", "sky=1"), "sky"),
        (("ablation", "video", "--out", "nowhere/x", "--preset", "sky"), "--preset sky"),
        (("ablation", "video", "--out", "nowhere/x", "--checkpoints", "nowhere"), "nowhere"),
        (("convolution", "--out", "nowhere/x", "--quality", "superb"), "--quality superb"),
        (("scenarios", "--checkpoints", "nowhere"), "nowhere"),
    ],
)
def test_mistakes_exit_with_2(arguments: tuple[str, ...], message: str) -> None:
    code, text = run(*arguments)
    assert code == 2 and message in text, text


def test_the_command_imports_nothing_heavy() -> None:
    code = "import sys, drivesim.cli.evaluate; assert not {'torch', 'numpy', 'cv2', 'h5py'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
