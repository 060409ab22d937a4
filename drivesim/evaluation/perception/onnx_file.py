"""A detector in an ONNX file: uint8 [h w 3] in, float [n 6] out. onnxruntime is of the extra `onnx`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from drivesim.config import InputError


def onnx_function(path: Path, size: tuple[int, int]) -> Callable[[np.ndarray], np.ndarray]:
    """The function of a file, on the CPU. InputError if it is missing or damaged, or does not take pictures of `size` (height,
    width), or if onnxruntime is not installed."""
    if not path.is_file():
        raise InputError(f"{path}: no such file")
    try:
        import onnxruntime
    except ImportError as error:
        raise InputError(f"{path}: onnxruntime is not installed; pip install 'drivesim[onnx]'") from error
    onnxruntime.set_default_logger_severity(4)  # what it says of a damaged file comes as an exception, too
    try:
        session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    except Exception as error:
        first = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise InputError(f"{path}: not an ONNX model that onnxruntime runs ({first}); save it again") from error
    inputs, outputs = session.get_inputs(), session.get_outputs()
    if len(inputs) != 1 or inputs[0].type != "tensor(uint8)" or len(inputs[0].shape) != 3:
        raise InputError(f"{path}: takes {_signature(inputs)}; a detector takes one picture, uint8 [h w 3]")
    if len(outputs) != 1 or not outputs[0].type.startswith("tensor("):
        raise InputError(f"{path}: returns {_signature(outputs)}; a detector returns rows [n 6]: x1, y1, x2, y2, score, class")
    if any(isinstance(has, int) and has != asked for has, asked in zip(inputs[0].shape, (*size, 3), strict=True)):
        raise InputError(
            f"{path}: takes {_signature(inputs)}, but the film is of {size[0]}x{size[1]}; let the model scale pictures itself"
        )
    name = inputs[0].name

    def detect(picture: np.ndarray) -> np.ndarray:
        (rows,) = session.run(None, {name: picture})
        return np.asarray(rows)

    return detect


def _signature(values: list[object]) -> str:
    return ", ".join(f"{getattr(v, 'type', '?')} {getattr(v, 'shape', '?')}" for v in values)
