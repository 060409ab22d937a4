from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scenario_editor.document.yaml_text import read, rewrite
from scenario_editor.storage.sessions import Session
from scenario_editor.storage.uploads import add_photo
from scenario_editor.storage.workspace import Workspace

from drivesim.config import InputError, shipped
from drivesim.scenario.file import load_scenario
from drivesim.video_io import write_image

TEXT = "name: a  # first\nlook: {time_of_day: day, crowdedness: 0}\n"


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    (tmp_path / "work").mkdir()
    (tmp_path / "work" / "a.yaml").write_text(TEXT)
    write_image(tmp_path / "outside.png", np.zeros((64, 128, 3), np.uint8))
    (tmp_path / "outside.yaml").write_text(TEXT)
    return Workspace(tmp_path / "work", shipped("scenarios"))


@pytest.fixture
def session(tmp_path: Path) -> Session:
    (tmp_path / "session").mkdir()
    return Session("0" * 32, tmp_path / "session", "")


def test_loading_editing_and_saving(workspace: Workspace, session: Session) -> None:
    assert workspace.names() == ["a"] and "highway_day" in workspace.examples()
    session = workspace.load("a", session)
    assert (session.text, session.name, session.dirty) == (TEXT, "a", False)
    session = workspace.save(session.edited(rewrite(session.text, {"look": {"crowdedness": 3}}).text), "a")
    assert not session.dirty and load_scenario(workspace.folder / "a.yaml").look.crowdedness == 3
    assert (workspace.folder / "a.yaml").read_text().startswith("name: a  # first\n")
    example = workspace.load("highway_day", session, example=True)
    assert example.name is None and example.text == (shipped("scenarios") / "highway_day.yaml").read_text()
    workspace.save(example, "b-2")
    assert workspace.names() == ["a", "b-2"]


@pytest.mark.parametrize("name", ["", "..", "../outside", "a/b", "/etc/passwd", "a.yaml", ".a", "a b", "a\0", "x" * 65, "é", "a\n"])
def test_names_lead_nowhere_else(workspace: Workspace, session: Session, name: str, tmp_path: Path) -> None:
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(InputError, match="no scenario"):
        workspace.load(name, session)
    with pytest.raises(InputError, match="is no name"):
        workspace.save(session.edited(TEXT), name)
    assert sorted(tmp_path.rglob("*")) == before


def test_a_file_is_not_replaced_unasked(workspace: Workspace, session: Session) -> None:
    other = session.edited(TEXT.replace("first", "other"))
    with pytest.raises(InputError, match="is there already"):
        workspace.save(other, "a")
    loaded = workspace.load("a", session)
    (workspace.folder / "a.yaml").write_text(TEXT + "# from an editor of text\n")
    with pytest.raises(InputError, match="is there already"):
        workspace.save(loaded.edited(other.text), "a")
    assert workspace.save(other, "a", replace=True).saved == other.text
    assert (workspace.folder / "a.yaml").read_text() == other.text


def test_faults_are_not_saved(workspace: Workspace, session: Session) -> None:
    with pytest.raises(InputError, match="not saved: line 2: crowdedness must be"):
        workspace.save(session.edited(TEXT.replace("crowdedness: 0", "crowdedness: 99")), "b")
    assert workspace.names() == ["a"]
    (workspace.folder / "link.yaml").symlink_to(workspace.folder.parent / "outside.yaml")
    with pytest.raises(InputError, match="is a link"):
        workspace.save(session.edited(TEXT), "link", replace=True)


def test_a_photo_goes_with_its_scenario(workspace: Workspace, session: Session, tmp_path: Path) -> None:
    photo = add_photo((tmp_path / "outside.png").read_bytes(), session.folder)
    session = workspace.save(session.edited(TEXT + f"photo: {photo}\n"), "with_photo")
    assert load_scenario(workspace.folder / "with_photo.yaml").photo == workspace.folder / photo
    other = replace(session, folder=tmp_path / "other")
    assert read(workspace.load("with_photo", other).text, other.folder).scenario is not None
    (workspace.folder / photo).write_bytes(b"something else")
    with pytest.raises(InputError, match="another picture is there"):
        workspace.save(session.edited(session.text + "# x\n"), "with_photo")


def test_a_photo_from_elsewhere_is_copied_and_the_text_says_so(workspace: Workspace, session: Session) -> None:
    for i, photo in enumerate(("../outside.png", str(workspace.folder.parent / "outside.png"))):
        (workspace.folder / f"p{i}.yaml").write_text(TEXT + f"photo: {photo}  # mine\n")
        loaded = workspace.load(f"p{i}", session)
        assert read(loaded.text, session.folder).scenario is not None
        assert "photo: photos/" in loaded.text and "# mine" in loaded.text and loaded.dirty
    (workspace.folder / "gone.yaml").write_text(TEXT + "photo: gone.png\n")
    assert read(workspace.load("gone", session).text, session.folder).faults[0].line == 3
    (workspace.folder / "text.yaml").write_text(TEXT + "photo: text.yaml\n")
    assert read(workspace.load("text", session).text, session.folder).faults[0].line == 3
