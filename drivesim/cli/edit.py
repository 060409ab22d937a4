"""`drivesim edit`: the scenario editor in a browser."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Annotated

import typer


def edit(
    scenario: Annotated[
        Path | None, typer.Argument(help="File to edit, saved in its folder, or the name of a shipped scenario, saved here.")
    ] = None,
    port: Annotated[str, typer.Option(metavar="P", help="1 to 65535.")] = "7860",
    host: Annotated[
        str, typer.Option(metavar="H", help="Address to listen at; any but this machine's own lets others in.")
    ] = "127.0.0.1",
    checkpoints: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Folder of the weights; default: the shipped ones.")
    ] = None,
    state: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Where edited scenarios and rollouts are kept; default: ~/.local/state/drivesim/editor."),
    ] = None,
    no_browser: Annotated[bool, typer.Option("--no-browser", help="Do not open a browser window.")] = False,
) -> None:
    """Edit a scenario in the browser: place cars, compose the first frame, roll it out. Ctrl-C ends it."""
    from drivesim.config import InputError

    if not port.isascii() or not port.isdigit() or not 1 <= int(port[:6]) <= 65535:
        raise InputError(f"--port {port}: must be a whole number from 1 to 65535")
    if not _only_this_machine(host):
        folder = Path.cwd() if scenario is None else scenario.absolute().parent
        warning = (
            f"WARNING: --host {host}: whoever reaches this machine can use the editor, there is no password and no encryption: "
            f"run rollouts on this machine, and read and save scenarios in {folder}. Safer: leave --host out and use "
            f"ssh -L {port}:127.0.0.1:{port} from the other machine."
        )
        typer.echo(warning, err=True)
    if importlib.util.find_spec("gradio") is None:
        raise InputError("the editor needs gradio; install with: pip install '.[editor]' in the clone")
    from scenario_editor.app import launch

    launch(scenario, int(port), checkpoints, browser=not no_browser, host=host, state=state)


def _only_this_machine(host: str) -> bool:
    """Whether only this machine can reach what listens at `host`; InputError for a name that is none of its own."""
    import socket
    from ipaddress import ip_address

    from drivesim.config import InputError

    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except (OSError, UnicodeError) as error:
        raise InputError(f"--host {host}: no such address; give one of this machine, such as 127.0.0.1") from error
    return bool(host) and all(ip_address(str(address[4][0]).partition("%")[0]).is_loopback for address in found)
