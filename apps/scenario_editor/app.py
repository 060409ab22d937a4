"""The page of the editor: a form and a picture with boxes, which Gradio serves on this machine only."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import gradio as gr
import numpy as np
from gradio_image_annotation import image_annotator

from drivesim.config import InputError, shipped
from drivesim.scene.scenario_file import load_scenario, scenario_files
from drivesim.scene.sections import PlacedVehicle, Vehicle
from drivesim.simulation.settings import QUALITIES
from drivesim.video_io import write_image
from scenario_editor.canvas import COLORS, LABELS, Draft, boxes_of, drafts, edited, guide_picture
from scenario_editor.composer import Composer, load_cascade
from scenario_editor.form import FIELDS, Form, FormField, check, save

GUIDE, FRAME = "road guide", "composed frame"
HINT = (
    "Keys on the picture: **c** draw a box and say what it is, **d** select, move and resize, **e** or double click change "
    "what it is, **Delete** remove. A vehicle placed in metres stays in metres until its box is moved."
)
CSS = ".low {align-self: end; height: 44px} #picture button[aria-label^='Rotate'] {display: none}"

Updates = dict[Any, Any]  # new values of components


@dataclass(frozen=True)
class Session:
    """What one browser tab holds beside the form: vehicles as the picture shows them, and the text that is saved."""

    drafts: list[Draft]
    picture: str = ""
    saved: str = ""


class Editor:
    """The components of the page, and what happens at their events.

    The boxes are read from the picture only when the user has changed one, and only if they belong to the picture that
    was shown last: what the browser sends may be older than that.
    """

    def __init__(self, scenario: Path | None = None, composer: Composer | None = None) -> None:
        self.composer = composer or Composer()
        files = scenario_files([shipped("scenarios")])
        self.own, self.start = scenario, scenario or files[0]
        names = {str(file.resolve()): file.stem for file in files}
        if scenario is not None:
            names[str(scenario.resolve())] = str(scenario)
        self.choices = [(name, path) for path, name in names.items()]
        load_scenario(self.start)
        self.folder = TemporaryDirectory(prefix="drivesim-editor-")
        self.numbers = itertools.count()

    def blocks(self) -> gr.Blocks:
        """The page."""
        page = gr.Blocks(
            title="drivesim: scenario editor", analytics_enabled=False, fill_width=True, delete_cache=(3600, 86400)
        )
        with page:
            self.session, self.frame = gr.State(Session([])), gr.State(None)
            with gr.Row():
                self.choice = gr.Dropdown(self.choices, value=str(self.start.resolve()), label="Scenario", scale=4)
                load = gr.Button("Load", scale=1, elem_id="load", elem_classes="low")
            with gr.Row():
                with gr.Column(scale=5, min_width=640):
                    compose, tidy, write = self._picture()
                with gr.Column(scale=2, min_width=320):
                    self._form()
            self._connect(page, load, compose, tidy, write)
        return page

    def _picture(self) -> tuple[gr.Button, gr.Button, gr.Button]:
        self.canvas = image_annotator(
            None, label="First frame, 1024x512", elem_id="picture", image_type="filepath",
            label_list=list(LABELS), label_colors=[COLORS[kind] for kind, _ in LABELS.values()], boxes_alpha=0.15,
            box_min_size=4, handle_size=7, sources=[], show_clear_button=False, show_remove_button=True,
            show_download_button=False, show_share_button=False,
        )  # fmt: skip
        gr.Markdown(HINT)
        with gr.Row():
            self.backdrop = gr.Radio([GUIDE, FRAME], value=GUIDE, label="Behind the boxes", elem_id="backdrop")
            self.quality = gr.Dropdown(list(QUALITIES), value="standard", label="Quality")
            compose = gr.Button("Compose", variant="primary", elem_id="compose", elem_classes="low")
            tidy = gr.Button("Remove unseen vehicles", elem_id="tidy", elem_classes="low")
        self.status = gr.Textbox(label="Status", interactive=False, lines=1, elem_id="status")
        self.report = gr.Textbox(label="Check", interactive=False, lines=2, elem_id="report")
        with gr.Row():
            self.path = gr.Textbox(label="File to save", scale=4, elem_id="path")
            self.replace = gr.Checkbox(False, label="Replace the file", scale=1, elem_id="replace")
            write = gr.Button("Save", scale=1, elem_id="save", elem_classes="low")
        self.text = gr.Code(label="Scenario file", language="yaml", interactive=False, elem_id="text")
        return compose, tidy, write

    def _form(self) -> None:
        self.name = gr.Textbox(label="Name", elem_id="name")
        self.entries = []
        for section in dict.fromkeys(f.section for f in FIELDS):
            with gr.Accordion(section.capitalize(), open=section != "guidance"):
                self.entries += [_component(f) for f in FIELDS if f.section == section]
        self.photo = gr.Textbox(label="Photo", info="Image that is the first frame instead of a composed one.")

    def _connect(
        self, page: gr.Blocks, load: gr.Button, compose: gr.Button, tidy: gr.Button, write: gr.Button
    ) -> None:
        form = [self.name, self.photo, *self.entries]
        state = [self.session, self.path, *form]
        behind = [self.frame, self.backdrop]
        shown = [self.session, self.canvas, self.text, self.report]
        filled = [*shown, self.status, self.path, *form]
        drawn = [c for f, c in zip(FIELDS, self.entries, strict=True) if f.section in ("look", "road", "camera")]
        # One at a time and in their order, so that none works on what another is about to replace.
        ordered: dict[str, Any] = {"concurrency_id": "edit", "concurrency_limit": 1, "show_progress": "hidden"}
        page.load(self.open, None, filled, **ordered)
        load.click(self.load, [self.choice, *state], filled, **ordered)
        self.canvas.change(self.annotate, [self.canvas, *behind, *state], shown, trigger_mode="multiple", **ordered)
        ordered["trigger_mode"] = "always_last"
        gr.on([c.input for c in (*drawn, self.backdrop)], self.redraw, [*behind, *state], shown, **ordered)
        rest = [c.input for c in (*form, self.path) if c not in drawn]
        gr.on(rest, self.rewrite, state, [self.session, self.text, self.report], **ordered)
        tidy.click(self.tidy, state, [self.session, self.text, self.report], **ordered)
        write.click(self.save, [self.replace, *state], [self.session, self.status, self.replace], **ordered)
        begun = compose.click(lambda: "composing", None, self.status, **ordered)
        done = begun.then(self.compose, [self.quality, *state], [*behind, self.status], show_progress_on=self.status)
        done.then(self.redraw, [*behind, *state], shown, **ordered)

    # What the events do. `state` is session, path and the form.

    def open(self) -> Updates:
        """The page has been opened in a browser."""
        return self._fill(self.start)

    def load(self, choice: str, *state: Any) -> Updates:
        """Another scenario; a second press is needed where that drops unsaved work."""
        session, path, form = _read(*state)
        text = form.text(_vehicles(session.drafts), path)
        if text != session.saved:
            message = "There is unsaved work: Save first, or press Load again to drop it."
            return {self.session: replace(session, saved=text), self.status: message}
        try:
            return self._fill(Path(choice)) | {self.status: f"loaded {choice}"}
        except InputError as error:
            return {self.status: str(error)}

    def _fill(self, source: Path) -> Updates:
        scenario = load_scenario(source)
        own = self.own is not None and source.resolve() == self.own.resolve()
        path, form = source if own else Path.cwd() / source.name, Form.of(scenario)
        updates = self._show(Session([], saved=form.text(scenario.vehicles, path)), path, form, scenario.vehicles, None)
        updates |= {self.path: str(path), self.name: form.name, self.photo: form.photo}
        return updates | dict(zip(self.entries, form.entries, strict=True))

    def annotate(self, canvas: dict[str, Any] | None, frame: np.ndarray | None, backdrop: str, *state: Any) -> Updates:
        """A box was drawn, moved, renamed or removed."""
        session, path, form = _read(*state)
        if canvas is None or Path(canvas["image"] or "").stem != session.picture:
            return {self.session: session}
        now = edited(session.drafts, canvas["boxes"])
        before = _vehicles(session.drafts)
        if any(isinstance(vehicle, PlacedVehicle) and vehicle not in before for vehicle in _vehicles(now)):
            return self._show(session, path, form, _vehicles(now), frame if backdrop == FRAME else None)
        return self._text(replace(session, drafts=now), path, form)

    def redraw(self, frame: np.ndarray | None, backdrop: str, *state: Any) -> Updates:
        """Look, road, camera or backdrop changed: boxes of vehicles in metres move."""
        session, path, form = _read(*state)
        return self._show(session, path, form, _vehicles(session.drafts), frame if backdrop == FRAME else None)

    def rewrite(self, *state: Any) -> Updates:
        """Something changed that the picture does not show."""
        return self._text(*_read(*state))

    def tidy(self, *state: Any) -> Updates:
        """Removes the vehicles that have no box which could be selected."""
        session, path, form = _read(*state)
        return self._text(replace(session, drafts=[d for d in session.drafts if d.box is not None]), path, form)

    def compose(self, quality: str, progress: gr.Progress = gr.Progress(), *state: Any) -> Updates:  # noqa: B008
        """Runs the cascade. Boxes and form may be worked on meanwhile."""
        session, path, form = _read(*state)
        scenario, _ = check(form.text(_vehicles(session.drafts), path), path)
        if scenario is None:
            return {self.status: "not composed: mend the faults below first"}
        try:
            frame = self.composer.compose(scenario, quality, lambda share, what: progress(share, desc=what))
        except (InputError, RuntimeError) as error:  # RuntimeError: out of memory
            return {self.status: f"not composed: {error}"}
        done = f"composed with seed {scenario.rollout.seed}, {quality} quality"
        return {self.frame: frame, self.backdrop: FRAME, self.status: done}

    def save(self, over: bool, *state: Any) -> Updates:
        """Writes the file; "Replace the file" holds for one time."""
        session, path, form = _read(*state)
        text = form.text(_vehicles(session.drafts), path)
        try:
            save(text, path, over)
        except InputError as error:
            return {self.status: str(error)}
        return {self.session: replace(session, saved=text), self.status: f"saved {path}", self.replace: False}

    def _show(
        self, session: Session, path: Path, form: Form, vehicles: Iterable[Vehicle], frame: np.ndarray | None
    ) -> Updates:
        """A new picture with the vehicles on it, `frame` behind them or else the road; none while that is not valid."""
        geometry = form.geometry()
        if geometry is None:
            return self._text(session, path, form)
        if frame is None:
            frame = guide_picture(*geometry, night=form.section("look")["time_of_day"] == "night")
        session = replace(session, drafts=drafts(vehicles, *geometry), picture=f"picture-{next(self.numbers)}")
        file = Path(self.folder.name) / f"{session.picture}.png"
        write_image(file, frame)
        canvas = {"image": str(file), "boxes": boxes_of(session.drafts)}
        return self._text(session, path, form) | {self.canvas: canvas}

    def _text(self, session: Session, path: Path, form: Form) -> Updates:
        text = form.text(_vehicles(session.drafts), path)
        return {self.session: session, self.text: text, self.report: check(text, path)[1]}


def _read(session: Session, path: str, name: str, photo: str, *entries: Any) -> tuple[Session, Path, Form]:
    return session, Path(path.strip() or "."), Form(name, photo, entries)


def _vehicles(shown: Iterable[Draft]) -> list[Vehicle]:
    return [draft.vehicle for draft in shown]


def _component(f: FormField) -> Any:
    words: dict[str, Any] = {"label": f.label, "info": f.help, "elem_id": f"{f.section}-{f.key}"}
    if f.choices:
        return gr.Radio([(f"{c:g}" if isinstance(c, float) else c, c) for c in f.choices], **words)
    if f.step is None:
        return gr.Number(precision=0 if f.whole else None, **words)
    return gr.Slider(f.minimum, f.maximum, step=f.step, buttons=[], **words)


def launch(
    scenario: Path | None = None, port: int = 7860, checkpoints: Path | None = None, browser: bool = True
) -> None:
    """Serves the editor on 127.0.0.1 until interrupted; InputError for a scenario with faults or a port in use."""
    page = Editor(scenario, Composer(lambda: load_cascade(checkpoints))).blocks()
    try:
        _, url, _ = serve(page, port, inbrowser=browser, quiet=True, prevent_thread_lock=True)
    except OSError as error:
        raise InputError(f"--port {port}: cannot be used ({error}); give another one") from error
    print(f"The scenario editor runs at {url} until Ctrl-C.", flush=True)
    page.block_thread()


def serve(page: gr.Blocks, port: int | None, **options: Any) -> Any:
    """Launches the page for this machine alone: nothing is shared, and no font or script comes from elsewhere."""
    plain = gr.themes.Default(font=["system-ui", "sans-serif"], font_mono=["ui-monospace", "monospace"])
    return page.launch(
        server_name="127.0.0.1", server_port=port, share=False, theme=plain, css=CSS, show_error=True, ssr_mode=False,
        footer_links=[], **options,
    )  # fmt: skip
