"""The page of the editor: a form and a picture with boxes, which Gradio serves on this machine only."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np
from gradio_image_annotation import image_annotator

from drivesim.config import InputError, shipped
from drivesim.scene.scenario import Scenario
from drivesim.scene.scenario_file import load_scenario, scenario_files
from drivesim.simulation.settings import QUALITIES
from scenario_editor.canvas import COLORS, LABELS, Draft, boxes_of, drafts, edited, guide_picture
from scenario_editor.composer import Composer, load_cascade
from scenario_editor.form import FIELDS, Form, FormField, check, save

GUIDE, FRAME = "road guide", "composed frame"
HINT = (
    "**c** draw a box (then choose what it is), **d** select, move and resize, **e** or double click change the label, "
    "**Delete** remove. A vehicle placed in metres stays in metres until its box is moved."
)
CSS = ".low {align-self: end; height: 44px} #picture button[aria-label^='Rotate'] {display: none}"


@dataclass(frozen=True)
class Session:
    """What one browser tab holds beside the form: vehicles as they are shown, and the text that needs no saving."""

    drafts: list[Draft] = field(default_factory=list)
    kept: str = ""


class Editor:
    """Components and what happens at their events. A handler gives a value for each of its outputs, in order."""

    def __init__(self, scenario: Path | None = None, composer: Composer | None = None) -> None:
        self.composer = composer or Composer()
        files = scenario_files([shipped("scenarios")])
        self.own = scenario
        self.start = scenario or files[0]
        choices = {str(file.resolve()): file.stem for file in files}
        if scenario is not None:
            choices[str(scenario.resolve())] = str(scenario)
        self.choices = [(name, path) for path, name in choices.items()]
        self.first = load_scenario(self.start)

    def blocks(self) -> gr.Blocks:
        """The page."""
        with gr.Blocks(title="drivesim: scenario editor", analytics_enabled=False, fill_width=True) as page:
            self.session, self.frame = gr.State(Session()), gr.State(None)
            with gr.Row():
                self.choice = gr.Dropdown(self.choices, value=str(self.start.resolve()), label="Scenario", scale=4)
                load = gr.Button("Load", scale=1, elem_id="load", elem_classes="low")
            with gr.Row():
                with gr.Column(scale=5, min_width=640):
                    compose, write = self._picture()
                with gr.Column(scale=2, min_width=320):
                    self._form()
            self._connect(page, load, compose, write)
        return page

    def _picture(self) -> tuple[gr.Button, gr.Button]:
        self.canvas = image_annotator(
            {"image": np.zeros((512, 1024, 3), np.uint8)}, label="First frame, 1024x512", elem_id="picture",
            label_list=list(LABELS), label_colors=[COLORS[kind] for kind, _ in LABELS.values()], boxes_alpha=0.15,
            box_min_size=4, handle_size=7, sources=[], show_clear_button=False, show_remove_button=True,
            show_download_button=False, show_share_button=False,
        )  # fmt: skip
        gr.Markdown(HINT)
        with gr.Row():
            self.backdrop = gr.Radio([GUIDE, FRAME], value=GUIDE, label="Behind the boxes")
            self.quality = gr.Dropdown(list(QUALITIES), value="standard", label="Quality")
            compose = gr.Button("Compose", variant="primary", elem_id="compose", elem_classes="low")
        self.status = gr.Textbox(label="Status", interactive=False, lines=1, elem_id="status")
        self.report = gr.Textbox(label="Check", interactive=False, lines=2, elem_id="report")
        with gr.Row():
            self.path = gr.Textbox(label="File to save", scale=4, elem_id="path")
            self.replace = gr.Checkbox(False, label="Replace the file", scale=1, elem_id="replace")
            write = gr.Button("Save", scale=1, elem_id="save", elem_classes="low")
        self.text = gr.Code(label="Scenario file", language="yaml", interactive=False, elem_id="text")
        return compose, write

    def _form(self) -> None:
        self.name = gr.Textbox(label="Name", elem_id="name")
        self.entries = []
        for section in dict.fromkeys(f.section for f in FIELDS):
            with gr.Accordion(section.capitalize(), open=section != "guidance"):
                self.entries += [_component(f) for f in FIELDS if f.section == section]
        self.photo = gr.Textbox(label="Photo", info="Image that is the first frame instead of a composed one.")

    def _connect(self, page: gr.Blocks, load: gr.Button, compose: gr.Button, write: gr.Button) -> None:
        form = [self.name, self.photo, *self.entries]
        state = [self.session, self.canvas, self.path, *form]
        shown = [self.session, self.canvas, self.text, self.report]
        filled = [*shown, self.status, self.path, *form]
        picture = [self.frame, self.backdrop]
        quiet: dict[str, Any] = {"show_progress": "hidden", "trigger_mode": "always_last"}
        page.load(self.opened, None, filled)
        load.click(self.load, [self.choice, *state], filled)
        moved = {"road", "camera", "look"}
        drawn = [entry for f, entry in zip(FIELDS, self.entries, strict=True) if f.section in moved]
        redrawn = [*picture, *state]
        gr.on([c.input for c in (*drawn, self.backdrop)], self.redraw, redrawn, shown, **quiet)
        gr.on([c.input for c in (*form, self.path) if c not in drawn], self.rewrite, state, shown, **quiet)
        self.canvas.change(self.annotate, redrawn, shown, **quiet)
        composed = compose.click(self.compose, [self.quality, *state], [*picture, self.status], show_progress_on=self.status)
        composed.then(self.redraw, redrawn, shown, **quiet)
        write.click(self.save, [self.replace, *state], [self.session, self.status, self.replace])

    # what the events do

    def opened(self) -> list[Any]:
        """The page has been opened in a browser."""
        return self._filled(self.first, self.start, "")

    def load(self, choice: str, *state: Any) -> list[Any]:
        """Fills in another scenario; asks again before unsaved work is dropped."""
        now = _State.of(*state)
        waiting = [gr.skip()] * (5 + 2 + len(self.entries))
        if now.text != now.session.kept:
            message = "There is unsaved work. Press Load again to drop it, or Save first."
            return [Session(now.drafts, now.text), *waiting[:3], message, *waiting[3:]]
        try:
            return self._filled(load_scenario(Path(choice)), Path(choice), f"loaded {choice}")
        except InputError as error:
            return [gr.skip(), *waiting[:3], str(error), *waiting[3:]]

    def _filled(self, scenario: Scenario, source: Path, message: str) -> list[Any]:
        own = self.own is not None and source.resolve() == self.own.resolve()
        path = source if own else Path.cwd() / source.name
        form = Form.of(scenario)
        shown = drafts(scenario.vehicles, scenario.road_model(), scenario.camera_model())
        text = form.text(scenario.vehicles, path)
        canvas = _canvas(form, shown, None)
        report = check(text, path)[1]
        return [Session(shown, text), canvas, text, report, message, str(path), form.name, form.photo, *form.entries]

    def redraw(self, frame: np.ndarray | None, backdrop: str, *state: Any) -> list[Any]:
        """Road, camera, look or backdrop changed: the picture is drawn anew, boxes of vehicles in metres move."""
        now = _State.of(*state)
        geometry = now.form.geometry()
        shown = drafts((d.vehicle for d in now.drafts), *geometry) if geometry else now.drafts
        picture = _canvas(now.form, shown, frame if backdrop == FRAME else None)
        return [Session(shown, now.session.kept), picture or gr.skip(), now.text, now.report]

    def rewrite(self, *state: Any) -> list[Any]:
        """Something changed that the picture does not show."""
        now = _State.of(*state)
        return [Session(now.drafts, now.session.kept), gr.skip(), now.text, now.report]

    def annotate(self, frame: np.ndarray | None, backdrop: str, *state: Any) -> list[Any]:
        """A box changed; a vehicle in metres that became another kind has another box."""
        now = _State.of(*state)
        before = [draft.vehicle for draft in now.session.drafts]
        changed = (d.vehicle for d in now.drafts if d.vehicle not in before)
        if any(hasattr(vehicle, "ahead") for vehicle in changed):
            return self.redraw(frame, backdrop, *state)
        return self.rewrite(*state)

    def compose(self, quality: str, progress: gr.Progress = gr.Progress(), *state: Any) -> list[Any]:  # noqa: B008
        """Runs the cascade. Boxes and form may be worked on meanwhile."""
        now = _State.of(*state)
        scenario, _ = check(now.text, now.path)
        if scenario is None:
            return [gr.skip(), gr.skip(), "Not composed: mend the faults first."]
        try:
            frame = self.composer.compose(scenario, quality, lambda share, what: progress(share, desc=what))
        except InputError as error:
            return [gr.skip(), gr.skip(), str(error)]
        return [frame, FRAME, f"composed with seed {scenario.rollout.seed}, {quality} quality"]

    def save(self, replace: bool, *state: Any) -> list[Any]:
        """Writes the file; "Replace" holds for one time."""
        now = _State.of(*state)
        try:
            save(now.text, now.path, replace)
        except InputError as error:
            return [gr.skip(), str(error), gr.skip()]
        return [Session(now.drafts, now.text), f"saved {now.path}", False]


@dataclass(frozen=True)
class _State:
    """Everything that the page holds at an event, with the work on the boxes taken in."""

    session: Session
    drafts: list[Draft]
    path: Path
    form: Form

    @classmethod
    def of(cls, session: Session, canvas: Any, path: str, name: str, photo: str, *entries: Any) -> _State:
        drawn = session.drafts if canvas is None else edited(session.drafts, canvas["boxes"])
        return cls(session, drawn, Path(path.strip() or "."), Form(name, photo, entries))

    @property
    def text(self) -> str:
        return self.form.text((draft.vehicle for draft in self.drafts), self.path)

    @property
    def report(self) -> str:
        return check(self.text, self.path)[1]


def _canvas(form: Form, shown: list[Draft], frame: np.ndarray | None) -> dict[str, Any] | None:
    """Value of the annotator; None if there is neither a frame nor a road to draw."""
    geometry = form.geometry()
    if frame is None and geometry is not None:
        frame = guide_picture(*geometry, night=form.section("look")["time_of_day"] == "night")
    return None if frame is None else {"image": frame, "boxes": boxes_of(shown)}


def _component(f: FormField) -> Any:
    words: dict[str, Any] = {"label": f.label, "info": f.help, "elem_id": f"{f.section}-{f.key}"}
    if f.choices:
        return gr.Radio([(f"{c:g}" if isinstance(c, float) else c, c) for c in f.choices], **words)
    if f.step is None:
        return gr.Number(precision=0 if f.whole else None, **words)
    return gr.Slider(f.minimum, f.maximum, step=f.step, buttons=[], **words)


def launch(scenario: Path | None = None, port: int = 7860, checkpoints: Path | None = None, browser: bool = True) -> None:
    """Serves the editor on 127.0.0.1 until it is interrupted; InputError for a scenario with faults or a port in use."""
    page = Editor(scenario, Composer(lambda: load_cascade(checkpoints))).blocks()
    try:
        serve(page, port, inbrowser=browser)
    except OSError as error:
        raise InputError(f"--port {port}: cannot be used ({error}); give another one") from error


def serve(page: gr.Blocks, port: int | None, **options: Any) -> Any:
    """Launches the page for this machine alone: nothing is shared, and no font or script comes from elsewhere."""
    plain = gr.themes.Default(font=["system-ui", "sans-serif"], font_mono=["ui-monospace", "monospace"])
    return page.launch(
        server_name="127.0.0.1", server_port=port, share=False, theme=plain, css=CSS, show_error=True, ssr_mode=False,
        footer_links=[], **options,
    )  # fmt: skip
