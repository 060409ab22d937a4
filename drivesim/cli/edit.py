"""`drivesim edit`: the scenario editor in a browser."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Annotated

import typer


def edit(
    scenario: Annotated[Path | None, typer.Argument(help="Scenario file to open; default: a shipped one.")] = None,
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port on 127.0.0.1.")] = 7860,
    checkpoints: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Folder of the weights; default: the shipped ones.")
    ] = None,
    no_browser: Annotated[bool, typer.Option("--no-browser", help="Do not open a browser window.")] = False,
) -> None:
    """Edit a scenario in the browser: look, road, camera, and vehicles drawn as boxes. Ctrl-C ends it."""
    from drivesim.config import InputError

    if missing := [name for name in ("gradio", "gradio_image_annotation") if importlib.util.find_spec(name) is None]:
        raise InputError(f"the editor needs {' and '.join(missing)}; install with: pip install 'drivesim[editor]'")
    from scenario_editor.app import launch

    launch(scenario, port, checkpoints, browser=not no_browser)
