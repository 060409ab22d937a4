"""The page of the editor: one component of our own in a Gradio app, and the pictures and films that it shows."""

from __future__ import annotations

import contextlib
import signal
import socket
import threading
import time
import webbrowser
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import gradio as gr
import uvicorn
from fastapi import FastAPI

from drivesim.config import InputError, shipped
from drivesim.engine.settings import QUALITIES
from drivesim.scenario.file import load_scenario
from drivesim.scenario.names import find_scenario
from drivesim.scene.vehicles import KIND_COLOURS, KINDS, SIZES
from drivesim.traffic.paint import PALETTE
from scenario_editor.first_frames.composer import Composer, identity, load_cascade
from scenario_editor.first_frames.compositions import Compositions
from scenario_editor.jobs.queue import Queue, state_folder
from scenario_editor.page.form import ACTION_RANGES, FIELDS
from scenario_editor.server.requests import RequestHandler
from scenario_editor.server.routes import routes
from scenario_editor.storage.sessions import SessionStore
from scenario_editor.storage.uploads import MAX_PHOTO_BYTES, MAX_YAML_BYTES
from scenario_editor.storage.workspace import Workspace

START = "highway_day"  # the shipped scenario that a new session begins with
LOCAL = ("127.0.0.1", "localhost")

# The page is built by static/main.js; Gradio gives it its element and the way to the server.
LOAD = """
const root = element.querySelector('.ds-root');
import(new URL('static/main.js', document.baseURI).href).then(
    (page) => page.start(root, (request) => server.call(request), props.facts),
);
"""


def editor(
    scenario: Path | None, composer: Composer, queue: Queue, state: Path, folder: Path | None = None, weights: str = ""
) -> RequestHandler:
    """What serves the page: `scenario` (a file, or the name of a shipped one) is what a new session begins with, `folder`
    (default: its own, or the working folder) where scenarios are kept; `weights` tells those of the composer from others, so
    that frames of other weights are not taken for theirs.

    InputError for a scenario with faults, or a state folder that cannot be written.
    """
    start = find_scenario(scenario) or shipped("scenarios") / f"{START}.yaml"
    load_scenario(start)
    scenario = scenario if start == scenario else None
    here = folder or (scenario.absolute().parent if scenario is not None else Path.cwd())
    name = None if scenario is None else scenario.stem
    store = SessionStore(state / "sessions", start.read_bytes().decode("utf-8-sig"), name)
    store.expire()
    return RequestHandler(store, Workspace(here, shipped("scenarios")), Compositions(composer, store, weights), queue)


def page(handler: RequestHandler) -> gr.Blocks:
    """The Gradio page: one component that fills the window."""
    facts = {
        "fields": [vars(field) | {"label": field.label} for field in FIELDS],
        "kinds": list(KINDS),
        "sizes": SIZES,
        "colours": {kind: "#{:02x}{:02x}{:02x}".format(*colour) for kind, colour in KIND_COLOURS.items()},
        "paints": {name: "#{:02x}{:02x}{:02x}".format(*(round(255 * v) for v in colour)) for name, colour in PALETTE.items()},
        "actions": ACTION_RANGES,
        "qualities": list(QUALITIES),
        "examples": handler.workspace.examples(),
        "limits": {
            "photo": {"bytes": MAX_PHOTO_BYTES, "words": f"a photo may have at most {MAX_PHOTO_BYTES >> 20} MB"},
            "scenario": {"bytes": MAX_YAML_BYTES, "words": f"a scenario file may have at most {MAX_YAML_BYTES >> 10} KB"},
        },
    }

    def call(request: Any) -> Any:
        return handler.call(request)

    with gr.Blocks(title="drivesim: scenario editor", analytics_enabled=False) as blocks:
        gr.HTML(
            "", html_template='<div class="ds-root"></div>', js_on_load=LOAD, server_functions=[call], facts=facts,
            elem_id="editor", apply_default_css=False,
        )  # fmt: skip
    return blocks


def application(handler: RequestHandler, host: str = "127.0.0.1") -> FastAPI:
    """The web application: our routes, and the Gradio page at the root."""
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    local = host in LOCAL or host.startswith("127.")
    routes(app, handler, hosts={*LOCAL, host} if local else None)
    plain = gr.themes.Default(font=["system-ui", "sans-serif"], font_mono=["ui-monospace", "monospace"])
    style = '<link rel="stylesheet" href="static/editor.css">'
    return gr.mount_gradio_app(
        app, page(handler), "/", head=style, theme=plain, footer_links=[], ssr_mode=False, max_file_size=MAX_PHOTO_BYTES,
        show_error=False, run_history=False,
    )  # fmt: skip


@contextlib.contextmanager
def served(handler: RequestHandler, host: str = "127.0.0.1", port: int = 0) -> Iterator[str]:
    """Serves the page from a thread, at a free port if `port` is 0: its address.

    InputError for a port in use, and a host that is not this machine's.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as listening:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listening.bind((host, port))
        except (OSError, UnicodeError) as error:
            reason = getattr(error, "strerror", None) or error
            raise InputError(f"--host {host} --port {port}: cannot be used ({reason}); give another one") from error
        number = listening.getsockname()[1]
        config = uvicorn.Config(application(handler, host), log_level="warning", timeout_graceful_shutdown=2)
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
        handler.queue.start()
        thread.start()
        try:
            while not server.started and thread.is_alive():
                time.sleep(0.02)
            shown = "127.0.0.1" if host in ("0.0.0.0", "::") else host
            yield f"http://[{shown}]:{number}/" if ":" in shown else f"http://{shown}:{number}/"
        finally:
            server.should_exit = True
            thread.join(5)
            handler.queue.close()


def launch(
    scenario: Path | None = None,
    port: int = 7860,
    checkpoints: Path | None = None,
    browser: bool = True,
    host: str = "127.0.0.1",
    state: Path | None = None,
) -> None:
    """Serves the editor until interrupted; InputError for a scenario with faults or a port in use.

    `state` is the folder of sessions and jobs, by default `state_folder()`.
    """
    kept = state or state_folder()
    composer, queue = Composer(lambda: load_cascade(checkpoints)), Queue(kept / "jobs", checkpoints)
    handler = editor(scenario, composer, queue, kept, weights=identity(checkpoints))
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)  # as Ctrl-C: a rollout that runs is stopped in order
    try:
        with served(handler, host, port) as root:
            kind = "open" if find_scenario(scenario) == scenario else "example"
            url = root if scenario is None else f"{root}?{kind}={quote(scenario.stem)}"
            print(f"The scenario editor runs at {url} until Ctrl-C.", flush=True)
            if browser:
                webbrowser.open(url)
            threading.Event().wait()
    except KeyboardInterrupt:
        print("The editor has ended; a rollout that ran goes on when it is started again.")
    finally:
        signal.signal(signal.SIGTERM, before)
