"""What a browser edits, kept on disk: a reload of the page or a restart of the server loses nothing.

    ROOT/<id>/session.json    the text, its history and what the page wants remembered
    ROOT/<id>/photos/         what was uploaded

The id is the only key to a session, so it is long and random, and never part of what others see.
"""

from __future__ import annotations

import json
import os
import re
import secrets
import shutil
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Self

from drivesim.config import InputError, write_atomic

ONE_STEP = 1.0  # s; changes of the same thing that follow each other faster are undone together
MAX_STEPS = 200
MAX_HISTORY = 2 * 1024 * 1024  # characters; longer texts have fewer steps
MAX_TEXT = 256 * 1024  # characters
FILE = "session.json"
MAX_VIEW = 64 * 1024  # characters of JSON
_ID = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True)
class Session:
    """One browser's scenario: `text` is what is edited, `saved` what the file `name` of the workspace held last.

    `name` is None while there is no file. `revision` grows with every change. `view` is what the page wants remembered;
    it has no history.
    """

    id: str
    folder: Path
    text: str
    name: str | None = None
    saved: str = ""
    revision: int = 0
    view: dict[str, Any] = field(default_factory=dict)
    past: tuple[str, ...] = ()
    future: tuple[str, ...] = ()
    last: tuple[str, float] = ("", 0.0)
    """What was changed last, and when (s)."""

    @property
    def can_undo(self) -> bool:
        """Whether there is a change to take back."""
        return bool(self.past)

    @property
    def can_redo(self) -> bool:
        """Whether a change has been taken back."""
        return bool(self.future)

    @property
    def dirty(self) -> bool:
        """Whether the text is not what was loaded or saved last."""
        return self.text != self.saved

    def edited(self, text: str, what: str = "") -> Self:
        """With another text. Changes of the same `what`, each within a second of the one before, are one step of undo."""
        if text == self.text:
            return self
        if len(text) > MAX_TEXT:
            raise InputError(f"the text has {len(text)} characters; a scenario has at most {MAX_TEXT}")
        now = time.time()
        goes_on = bool(what) and self.last[0] == what and 0 <= now - self.last[1] < ONE_STEP and self.past and not self.future
        past = self.past if goes_on else _bounded((*self.past, self.text))
        return replace(self, text=text, past=past, future=(), last=(what, now), revision=self.revision + 1)

    def undone(self) -> Self:
        """With the last step taken back, if there is one."""
        if not self.past:
            return self
        changes: dict[str, Any] = {"past": self.past[:-1], "future": (self.text, *self.future), "last": ("", 0.0)}
        return replace(self, text=self.past[-1], revision=self.revision + 1, **changes)

    def redone(self) -> Self:
        """With the step taken back last made again, if there is one."""
        if not self.future:
            return self
        changes: dict[str, Any] = {"past": (*self.past, self.text), "future": self.future[1:], "last": ("", 0.0)}
        return replace(self, text=self.future[0], revision=self.revision + 1, **changes)

    def loaded(self, text: str, name: str | None, saved: str | None = None) -> Self:
        """With another scenario, which is a step of undo too; `name` is its file in the workspace, if there is one.

        `saved` is what that file holds, if it is not `text`.
        """
        changed = self.edited(text)
        return replace(changed, name=name, saved=text if saved is None else saved, revision=self.revision + 1)

    def marked_saved(self, name: str) -> Self:
        """With the text noted as what the file `name` holds."""
        return replace(self, name=name, saved=self.text, revision=self.revision + 1)

    def viewed(self, **view: Any) -> Self:
        """With changes of what the page wants remembered."""
        return replace(self, view=self.view | view)


class SessionStore:
    """The sessions of a server. Two servers on one folder do not disturb each other unless one browser uses both."""

    def __init__(self, root: Path, start: str, name: str | None = None) -> None:
        """`start` is the text of a new session and `name` its file in the workspace, if there is one."""
        self.root, self._start, self._name = root, start, name
        self._locks = [threading.Lock() for _ in range(64)]
        try:
            root.mkdir(parents=True, exist_ok=True, mode=0o700)
        except OSError as error:
            raise InputError(f"{root}: sessions cannot be kept there ({error.strerror}); set XDG_STATE_HOME") from error

    def find(self, session_id: str | None) -> Session | None:
        """The session of that id, if there is one; makes none."""
        return self._read(session_id) if isinstance(session_id, str) and _ID.fullmatch(session_id) else None

    def open(self, session_id: str | None) -> Session:
        """The session of that id; a new one, with an id of its own, where there is none. Counts as use of it."""
        return self.change(session_id, lambda session: session)

    def change(self, session_id: str | None, change: Callable[[Session], Session]) -> Session:
        """Makes a change and keeps it; one at a time in each session. What `change` raises leaves all as it was."""
        known = session_id if isinstance(session_id, str) and _ID.fullmatch(session_id) else secrets.token_hex(16)
        with self._locks[int(known[:8], 16) % len(self._locks)]:
            session = self._read(known)
            if session is None:
                known = secrets.token_hex(16)  # an id is given by the server alone
                session = Session(known, self.root / known, self._start, self._name, self._start)
            changed = change(session)
            if changed is session and known == session_id:
                with suppress(OSError):
                    os.utime(session.folder / FILE)  # it was used
            else:
                self._write(changed)
        return changed

    def expire(self, days: float = 30) -> int:
        """Removes the sessions that were not used for so long: their number."""
        before, count = time.time() - days * 86400, 0
        for folder in self.root.iterdir():
            file = folder / FILE
            used = file if file.is_file() else folder
            if _ID.fullmatch(folder.name) and used.stat().st_mtime < before:
                shutil.rmtree(folder, ignore_errors=True)
                count += 1
        return count

    def _read(self, session_id: str) -> Session | None:
        folder = self.root / session_id
        try:
            kept = json.loads((folder / FILE).read_text(encoding="utf-8"))
            kept["past"], kept["future"], kept["last"] = (tuple(kept[key]) for key in ("past", "future", "last"))
            return Session(id=session_id, folder=folder, **kept)
        except (OSError, ValueError, TypeError, KeyError):
            return None  # never there, expired, or written by another version

    def _write(self, session: Session) -> None:
        keys = ("text", "name", "saved", "revision", "view", "past", "future", "last")
        kept = {key: getattr(session, key) for key in keys}
        if len(json.dumps(session.view)) > MAX_VIEW:
            raise InputError("what the page wants remembered is too large")
        try:
            session.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            write_atomic(session.folder / FILE, json.dumps(kept))
        except OSError as error:
            raise InputError(f"{session.folder}: the session cannot be kept ({error.strerror}); free some space") from error


def _bounded(past: tuple[str, ...]) -> tuple[str, ...]:
    """The last steps, as many as are kept."""
    past = past[-MAX_STEPS:]
    while sum(map(len, past)) > MAX_HISTORY:
        past = past[1:]
    return past
