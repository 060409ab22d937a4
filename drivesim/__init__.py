"""Driving-scenario simulation: a YAML scenario becomes minutes of driving video, in several futures.

The names below are what programs use; docs/python.md shows how. Each is loaded when it is asked for, so that importing this
costs nothing. Their types are in __init__.pyi.
"""

from importlib import import_module as _import_module
from typing import Any as _Any

__version__ = "0.1.0"

_HOMES = {
    "Scenario": "scenario.scenario",
    "load_scenario": "api.scenarios",
    "build_scenario": "api.scenarios",
    "compose": "api.rollouts",
    "roll_out": "api.rollouts",
    "generate_frames": "api.rollouts",
    "open_rollout": "api.rollouts",
    "layout_frames": "api.layouts",
    "write_layout": "api.layouts",
    "write_export": "labels.export",
    "FinishedRollout": "labels.finished_rollout",
    "FinishedFuture": "labels.finished_rollout",
    "LabelledFrame": "labels.labelled_frame",
    "MappedFrame": "labels.generated_frames",
    "InputError": "config",
    "MachineError": "config",
}
__all__ = [*_HOMES, "__version__"]


def __getattr__(name: str) -> _Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'drivesim' has no attribute {name!r}")
    if name == "Scenario":
        _import_module("drivesim.api.scenarios")  # has notebooks show one
    globals()[name] = value = getattr(_import_module(f"drivesim.{_HOMES[name]}"), name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
