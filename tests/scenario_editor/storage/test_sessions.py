from __future__ import annotations

import os
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scenario_editor.storage.sessions import Session, SessionStore

from drivesim.config import InputError


@pytest.fixture
def store(tmp_path: Path) -> SessionStore:
    return SessionStore(tmp_path / "sessions", "start", "a")


def test_a_session_outlives_the_server(store: SessionStore) -> None:
    first = store.open(None)
    assert (first.text, first.name, first.dirty, first.can_undo) == ("start", "a", False, False)
    store.change(first.id, lambda s: s.edited("two").viewed(tab="jobs", locks=[1]))
    again = SessionStore(store.root, "other").open(first.id)
    assert (again.text, again.view, again.dirty, again.id) == ("two", {"tab": "jobs", "locks": [1]}, True, first.id)
    assert again.undone().text == "start" and again.undone().redone().text == "two"
    assert again.folder == store.root / first.id


@pytest.mark.parametrize("bad", [None, "", "..", "../../etc", "A" * 32, "0" * 31, "0" * 32, "0" * 33, "0" * 31 + "\n", 7, ["x"]])
def test_an_id_that_the_server_did_not_give_gets_a_new_session(store: SessionStore, bad: str) -> None:
    session = store.open(bad)
    assert store.find(bad) is None
    assert store.find(session.id) == session
    assert session.id != bad and len(session.id) == 32
    assert [folder.name for folder in store.root.iterdir()] == [session.id]


def test_sessions_do_not_disturb_each_other(store: SessionStore) -> None:
    one, other = store.open(None), store.open(None)
    store.change(one.id, lambda s: s.edited("mine"))
    assert store.open(other.id).text == "start" and store.open(one.id).text == "mine"


def test_changes_from_many_threads_are_all_kept(store: SessionStore) -> None:
    key = store.open(None).id

    def add() -> None:
        for _ in range(20):
            store.change(key, lambda s: s.edited(s.text + "x"))

    threads = [threading.Thread(target=add) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    session = store.open(key)
    assert session.text == "start" + "x" * 80 and session.revision == 80 and len(session.past) == 80


def test_a_change_that_fails_changes_nothing(store: SessionStore) -> None:
    key = store.open(None).id
    with pytest.raises(InputError, match="at most"):
        store.change(key, lambda s: s.edited("x" * 300_000))
    with pytest.raises(InputError, match="too large"):
        store.change(key, lambda s: s.viewed(all="x" * 100_000))
    assert store.open(key).text == "start" and store.open(key).revision == 0


def test_one_drag_is_one_step(store: SessionStore) -> None:
    session = store.open(None)
    for text in ("1", "2", "3"):
        session = session.edited(text, "camera.pitch")
    session = session.edited("4", "camera.height")
    assert session.undone().text == "3" and session.undone().undone().text == "start"
    late = replace(session, last=("camera.height", time.time() - 5)).edited("5", "camera.height")
    assert late.undone().text == "4"
    assert session.undone().edited("9", "camera.height").undone().text == "3", "after undo a new step begins"


def test_loading_is_undone_too_and_what_is_saved_is_clean(store: SessionStore) -> None:
    session = store.open(None).edited("mine").loaded("other", "b")
    assert not session.dirty and session.name == "b" and session.undone().text == "mine" and session.undone().dirty
    assert not session.edited("more").marked_saved("c").dirty


@settings(max_examples=100, deadline=None, database=None, derandomize=True)
@given(st.lists(st.sampled_from(["undo", "redo", "a", "b", "c"])))
def test_history_is_that_of_a_list_with_a_cursor(steps: list[str]) -> None:
    session, texts, at = Session("0" * 32, Path("x"), "start"), ["start"], 0
    for step in steps:
        if step == "undo":
            session, at = session.undone(), max(0, at - 1)
        elif step == "redo":
            session, at = session.redone(), min(len(texts) - 1, at + 1)
        elif step != texts[at]:
            session, texts, at = session.edited(step), [*texts[: at + 1], step], at + 1
        assert session.text == texts[at]
        assert (session.can_undo, session.can_redo) == (at > 0, at < len(texts) - 1)


def test_what_nobody_used_expires(store: SessionStore) -> None:
    old, new = store.open(None), store.open(None)
    (store.root / "keep").mkdir()
    past = time.time() - 40 * 86400
    os.utime(old.folder / "session.json", (past, past))
    assert store.expire(30) == 1
    assert not old.folder.exists() and store.open(new.id).id == new.id and store.open(old.id).id != old.id
    assert (store.root / "keep").is_dir()


def test_a_damaged_session_begins_anew(store: SessionStore) -> None:
    session = store.open(None)
    for damage in ("{", "[]", '{"text": 1, "color": 2}'):
        (session.folder / "session.json").write_text(damage)
        assert store.open(session.id).text == "start"


def test_looking_does_not_write_but_counts_as_use(store: SessionStore) -> None:
    session = store.open(None)
    file = session.folder / "session.json"
    inode, past = file.stat().st_ino, time.time() - 40 * 86400
    os.utime(file, (past, past))
    assert store.open(session.id) == session and file.stat().st_ino == inode
    assert store.expire(30) == 0


def test_history_is_bounded(store: SessionStore) -> None:
    session = store.open(None)
    for i in range(30):
        session = session.edited(str(i) + "x" * 200_000)
    assert 5 < len(session.past) < 12 and session.undone().text.startswith("28x")
    for i in range(300):
        session = session.edited(str(i))
    assert len(session.past) == 200 and session.undone().text == "298"
