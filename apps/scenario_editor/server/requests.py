"""What the page asks the server for, one request at a time: plain values in, plain values out, and no exception."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from drivesim.config import InputError
from drivesim.engine.settings import QUALITIES
from drivesim.scenario.advice import photo_remark
from drivesim.scenario.file import SECTIONS
from drivesim.scenario.scenario import Scenario
from scenario_editor.document import vehicle_edits
from scenario_editor.document.values import Values, road_and_camera
from scenario_editor.document.yaml_text import ParsedText, read, rewrite, with_line_ends
from scenario_editor.first_frames.compositions import Compositions, first_frame_of, variants
from scenario_editor.jobs.folder import JobView
from scenario_editor.jobs.queue import Queue
from scenario_editor.page.traffic import played_traffic
from scenario_editor.page.view import view
from scenario_editor.storage.sessions import Session, SessionStore
from scenario_editor.storage.uploads import add_photo, picture_size, read_yaml_upload
from scenario_editor.storage.workspace import Workspace

PageRequest = dict[str, Any]
PageReply = dict[str, Any]
Change = Callable[[Session, ParsedText, PageRequest, PageReply], Session]

FAILED = "That did not work; the editor's terminal says why. Nothing was changed."
STALE = "The scenario was changed elsewhere meanwhile (in another tab?); it is shown anew, try again."
LOCKS = 48  # rows remembered as locked


class RequestHandler:
    """Serves the requests of all pages. A request is a dict with `type`, `session` and `base`, the revision it rests on."""

    def __init__(self, store: SessionStore, workspace: Workspace, compositions: Compositions, queue: Queue) -> None:
        self.store, self.workspace = store, workspace
        self.compositions, self.queue = compositions, queue
        self._changes: dict[str, Change] = {
            "set": self._set, "text": self._text, "undo": self._undo, "redo": self._redo, "lock": self._lock,
            "load": self._load, "save": self._save, "keep": self._keep, "remember": self._remember,
            "photo_remove": self._photo_remove, **dict.fromkeys(vehicle_edits.EDITS, self._vehicles),
        }  # fmt: skip

    def call(self, request: Any) -> PageReply:
        """The reply to a request: `session`, and as far as they changed `view`, `select`, `compose`, `jobs`, `message`."""
        if not isinstance(request, dict):
            return _message("error", "a request must be a group of keys")
        try:
            return self._answer(request)
        except InputError as error:
            return self._session_reply(self.store.open(request.get("session"))) | _message("error", str(error))
        except Exception as error:
            logging.getLogger(__name__).error("%s failed", request.get("type"), exc_info=error)
            return _message("error", FAILED)

    def _answer(self, request: PageRequest) -> PageReply:
        kind = str(request.get("type"))
        if kind in self._changes:
            return self._change(self._changes[kind], request)
        session = self.store.open(request.get("session"))
        if kind not in ("open", "poll") and session.id != request.get("session"):
            return self._session_reply(session) | _message("warn", STALE)
        if kind == "traffic":
            return {"traffic": played_traffic(self._sound(session), int(request["future"])) | {"base": session.revision}}
        if kind == "compose":
            scenario = self._sound(session)
            self.compositions.start(session, scenario, int(request["count"]), _quality(request), bool(request.get("more")))
        elif kind == "compose_cancel":
            self.compositions.cancel(session.id)
        elif kind == "rollout":
            self._sound(session)
            self.queue.submit(session.text, session.folder, session.id, _quality(request))
        elif kind == "job":
            verbs = {"cancel": self.queue.cancel, "resume": self.queue.resume, "remove": self.queue.remove}
            if request.get("verb") not in tuple(verbs):
                raise InputError(f"a rollout can be asked to {', '.join(verbs)}")
            verbs[request["verb"]](str(request.get("id")), session.id)
        elif kind not in ("open", "poll"):
            raise InputError(f"the editor does not know how to {kind}; reload the page")
        return self._session_reply(session)

    def _change(self, change: Change, request: PageRequest) -> PageReply:
        reply: PageReply = {}

        def changed(session: Session) -> Session:
            if session.id != request.get("session") or session.revision != request.get("base"):
                reply.update(_message("warn", STALE))
                return session
            return change(session, read(session.text, session.folder), request, reply)

        session = self.store.change(request.get("session"), changed)
        return self._session_reply(session) | reply

    # The changes of a session: each gives the new one and may add to the reply.

    def _text(self, session: Session, parsed: ParsedText, request: PageRequest, reply: PageReply) -> Session:
        return session.edited(with_line_ends(str(request["text"]), session.text), what="text")

    def _undo(self, session: Session, parsed: ParsedText, request: PageRequest, reply: PageReply) -> Session:
        return session.undone()

    def _redo(self, session: Session, parsed: ParsedText, request: PageRequest, reply: PageReply) -> Session:
        return session.redone()

    def _set(self, session: Session, parsed: ParsedText, request: PageRequest, reply: PageReply) -> Session:
        section, key, value = request["section"], request["key"], request["value"]
        if section == "" and key == "name":
            return _rewritten(session, {"name": str(value)}, "name", reply)
        if section == "" and key == "traffic":
            return _rewritten(session, {"traffic": str(value)}, "traffic", reply)
        if section not in SECTIONS or key not in SECTIONS[section].model_fields:
            raise InputError(f"a scenario has no {section}.{key}")
        if (section, key) == ("ego", "actions"):
            return _rewritten(session, {"ego": {"actions": vehicle_edits.actions(value) or None}}, "ego.actions", reply)
        if not isinstance(value, str | int | float):
            raise InputError(f"{key} must be a number or a word")
        return _rewritten(session, {section: {key: value}}, f"{section}.{key}", reply)

    def _vehicles(self, session: Session, parsed: ParsedText, request: PageRequest, reply: PageReply) -> Session:
        values = parsed.values
        geometry = None if values is None else road_and_camera(values)
        if values is None or values["vehicles"] is None or geometry is None:
            raise InputError("the text has faults that hide road, camera or vehicles; mend them first")
        table = vehicle_edits.VehicleTable(values["vehicles"], *geometry, session.view.get("locks", []))
        rows, reply["select"] = vehicle_edits.EDITS[request["type"]](table, request)
        more = vehicle_edits.room_for(rows, values, *geometry)
        if more:
            reply.update(_message("info", f"crowdedness is now {more['look']['crowdedness']}, so that all vehicles have room"))
        if request["type"] == "draw" and "box" in rows[-1]:
            reply.update(_message("info", f"kept as a pixel box: no {rows[-1]['kind']} of true size on this road looks like that"))
        what = f"put {request['index']}" if request["type"] == "put" else ""
        return _rewritten(session, {"vehicles": rows} | more, what, reply)

    def _lock(self, session: Session, parsed: ParsedText, request: PageRequest, reply: PageReply) -> Session:
        rows = (parsed.values or {}).get("vehicles") or []
        row = vehicle_edits.peek(rows, request["index"])
        others = [lock for lock in session.view.get("locks", []) if lock != row]
        locks = [*others, row] if request["locked"] else others
        return session.viewed(locks=locks[-LOCKS:])

    def _load(self, session: Session, parsed: ParsedText, request: PageRequest, reply: PageReply) -> Session:
        name = str(request["name"])
        loaded = self.workspace.load(name, session, example=bool(request.get("example")))
        unsaved = "; what was not saved comes back with Undo" if session.dirty else ""
        reply.update(_message("info", f"opened {name}{unsaved}") | {"select": None})
        return loaded

    def _save(self, session: Session, parsed: ParsedText, request: PageRequest, reply: PageReply) -> Session:
        name = str(request["name"])
        replace = bool(request.get("replace")) or name == session.name
        if not replace and name in self.workspace.names():
            reply.update(_message("warn", f"{name}.yaml is there already: Replace it, or give the scenario another name"))
            reply["exists"] = True
            return session
        saved = self.workspace.save(session, name, replace)
        reply.update(_message("info", f"saved {self.workspace.folder / name}.yaml"))
        return saved

    def _keep(self, session: Session, parsed: ParsedText, request: PageRequest, reply: PageReply) -> Session:
        found = [v for v in variants(session) if v["id"] == request["id"]]
        if not found:
            raise InputError("that frame is not kept any more; compose it again")
        variant, scenario = found[0], parsed.scenario
        if scenario is None or self.compositions.key(scenario) != variant["scene"]:
            raise InputError("the scene has changed since that frame was composed; undo the changes, or compose again")
        reply.update(_message("info", f"the scenario has seed {variant['seed']} now: a rollout starts from this frame"))
        kept = session.viewed(kept=variant["id"])
        return _rewritten(kept, {"rollout": {"seed": variant["seed"]}}, "", reply)

    def _remember(self, session: Session, parsed: ParsedText, request: PageRequest, reply: PageReply) -> Session:
        kept = {key: request[key] for key in ("quality", "rollout_quality") if request.get(key) in QUALITIES}
        return session.viewed(**kept)

    def _photo_remove(self, session: Session, parsed: ParsedText, request: PageRequest, reply: PageReply) -> Session:
        return _rewritten(session, {"photo": None}, "", reply)

    # Uploads come beside the requests, as raw bytes.

    def take_photo(self, session_id: str, data: bytes) -> PageReply:
        """A picture becomes the first frame; the reply says so, and how much of it is cut off."""
        words = ["the photo is the first frame"]

        def add(session: Session) -> Session:
            photo = add_photo(data, session.folder)
            width, height = picture_size((session.folder / photo).read_bytes())
            words.append(photo_remark(height, width) or words[0])
            return _rewritten(session, {"photo": photo}, "", {})

        return self._take(session_id, add, words)

    def take_scenario(self, session_id: str, data: bytes) -> PageReply:
        """A YAML file becomes the scenario, faults and all."""
        return self._take(session_id, lambda s: s.loaded(read_yaml_upload(data), None), ["opened"])

    def _take(self, session_id: str, change: Callable[[Session], Session], words: list[str]) -> PageReply:
        try:
            session = self.store.change(session_id, change)
        except InputError as error:
            return _message("error", str(error))
        except Exception as error:
            logging.getLogger(__name__).error("an upload failed", exc_info=error)
            return _message("error", FAILED)
        return self._session_reply(session) | _message("info", words[-1])

    # What the page is told.

    def _session_reply(self, session: Session) -> PageReply:
        """All of a session: the scenario, its first frames and its jobs."""
        state = self.compositions.state(session.id)
        session = self.store.find(session.id) or session  # read after the state: what is done is in it
        parsed = read(session.text, session.folder)
        scenario, photo = parsed.scenario, None
        if scenario is not None and scenario.photo is not None:
            photo = f"photo/{session.id}?of={scenario.photo.name}"
        shown = view(session, parsed, self.workspace.names(), photo)
        scene = None if scenario is None else self.compositions.key(scenario)
        frame = first_frame_of(session, scenario, scene)
        shown["frame"] = None if frame is None else frame | {"url": _frame_url(session, frame)}
        made = [v | {"url": _frame_url(session, v), "fresh": v["scene"] == scene} for v in variants(session)]
        compose = state | {"variants": made[::-1]}
        jobs = [_job(job, session.id) for job in self.queue.jobs(session.id)]
        return {"session": session.id, "view": shown, "compose": compose, "jobs": jobs}

    def _sound(self, session: Session) -> Scenario:
        parsed = read(session.text, session.folder)
        if parsed.scenario is None:
            raise InputError(f"line {parsed.faults[0].line}: {parsed.faults[0].message}; mend the faults first")
        return parsed.scenario


def _message(level: str, text: str) -> PageReply:
    return {"message": {"level": level, "text": text}}


def _quality(request: PageRequest) -> str:
    if request.get("quality") not in QUALITIES:
        raise InputError(f"quality must be one of {', '.join(QUALITIES)}")
    return str(request["quality"])


def _rewritten(session: Session, values: Values, what: str, reply: PageReply) -> Session:
    rewritten = rewrite(session.text, values)
    if rewritten.lost:
        reply.update(_message("warn", "; ".join(rewritten.lost)))
    return session.edited(rewritten.text, what)


def _frame_url(session: Session, variant: dict[str, Any]) -> str:
    return f"frame/{session.id}/{variant['id']}"


def _job(job: JobView, session_id: str) -> PageReply:
    """A job as the page shows it: addresses instead of paths."""
    base = f"{session_id}/{job.id}"
    futures = [
        {key: value for key, value in asdict(future).items() if key != "video"}
        | {"film": f"film/{base}/{i}/{future.windows}-{future.state}" if future.frames else None}
        for i, future in enumerate(job.futures)
    ]
    plain = {key: value for key, value in vars(job).items() if isinstance(value, str | int | float | None)}
    first = f"initial/{base}" if job.first_frame is not None else None
    return plain | {"first_frame": first, "futures": futures, "watchable": first is not None}
