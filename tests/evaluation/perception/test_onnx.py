"""Detectors in ONNX files: the shipped kind, made into one, finds what the function finds; others are refused in one sentence."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from tiny_detector import write_detector
from tiny_rollout import drivesim
from toy_rollout import write_toy

from drivesim.config import InputError
from drivesim.evaluation.perception import shipped
from drivesim.evaluation.perception.classes import ClassNames
from drivesim.evaluation.perception.user_detector import load_detector, parse_answer
from drivesim.models.detector.detector import Detector

onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")
SIZE = (256, 512)


@pytest.fixture(scope="module")
def detector(tmp_path_factory: pytest.TempPathFactory) -> Detector:
    """Of random weights, in which many cells see a vehicle."""
    made = Detector.load(write_detector(tmp_path_factory.mktemp("detector")))
    made.network.head.bias.data[0] = 0.0
    return made


def identity(path: Path, kind: int, shape: list[int | str]) -> Path:
    """A file that returns what it is given."""
    values = [onnx.helper.make_tensor_value_info(name, kind, shape) for name in ("in", "out")]
    graph = onnx.helper.make_graph([onnx.helper.make_node("Identity", ["in"], ["out"])], "graph", values[:1], values[1:])
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 17)], ir_version=8)
    onnx.save(model, str(path))
    return path


def test_the_file_finds_what_the_function_finds(
    detector: Detector, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shipped, "_detector", lambda: detector)
    path = shipped.write_onnx(tmp_path / "detector.onnx", size=SIZE)
    small = np.random.default_rng(0).integers(0, 256, (128, 256, 3), np.uint8)
    picture = cv2.resize(small, SIZE[::-1], interpolation=cv2.INTER_NEAREST)
    file = parse_answer(load_detector(str(path), SIZE)(picture), ClassNames(), *SIZE)
    function = parse_answer(shipped.find_vehicles(picture), ClassNames(), *SIZE)
    count = min(10, len(file.score))
    assert count == 10 and np.allclose(file.score[:count], function.score[:count], atol=1e-3)
    assert np.allclose(file.box[:count], function.box[:count], atol=0.5) and (file.kinds[:5] == function.kinds[:5]).all()


def test_files_of_another_signature_are_refused(tmp_path: Path) -> None:
    kinds = onnx.TensorProto
    with pytest.raises(InputError, match="takes one picture, uint8"):
        load_detector(str(identity(tmp_path / "floats.onnx", kinds.FLOAT, ["h", "w", 3])), SIZE)
    with pytest.raises(InputError, match="but the film is of 256x512"):
        load_detector(str(identity(tmp_path / "small.onnx", kinds.UINT8, [128, 256, 3])), SIZE)
    (tmp_path / "damaged.onnx").write_bytes(b"no model")
    with pytest.raises(InputError, match="not an ONNX model that onnxruntime runs"):
        load_detector(str(tmp_path / "damaged.onnx"), SIZE)
    with pytest.raises(InputError, match="no multiple of 128x256"):
        shipped.write_onnx(tmp_path / "odd.onnx", size=(100, 256))


def test_a_file_that_returns_no_rows_is_one_sentence(tmp_path: Path) -> None:
    picture = identity(tmp_path / "picture.onnx", onnx.TensorProto.UINT8, ["h", "w", 3])
    code, text = drivesim("test-perception", write_toy(tmp_path / "toy"), "--detector", picture, "--out", tmp_path / "out")
    assert code == 2 and "not x1, y1, x2, y2, score, class" in text and len(text.strip().splitlines()) == 1
