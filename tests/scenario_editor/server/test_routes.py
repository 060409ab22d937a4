"""What can be fetched and sent beside the page's requests, and what cannot."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from scenario_editor.app import application
from scenario_editor.first_frames.composer import Composer
from scenario_editor.first_frames.compositions import Compositions, frame_file
from scenario_editor.jobs.queue import Queue
from scenario_editor.server.requests import RequestHandler
from scenario_editor.server.routes import routes
from scenario_editor.storage.sessions import SessionStore
from scenario_editor.storage.uploads import MAX_PHOTO_BYTES
from scenario_editor.storage.workspace import Workspace

from drivesim.config import shipped
from drivesim.video_io import write_image

EXAMPLES = shipped("scenarios")


@pytest.fixture
def handler(tmp_path: Path) -> RequestHandler:
    store = SessionStore(tmp_path / "sessions", (EXAMPLES / "highway_day.yaml").read_text())
    return RequestHandler(store, Workspace(tmp_path, EXAMPLES), Compositions(Composer(), store), Queue(tmp_path / "jobs"))


@pytest.fixture
def client(handler: RequestHandler) -> TestClient:
    app = FastAPI()
    routes(app, handler, hosts=("127.0.0.1",))
    return TestClient(app, base_url="http://127.0.0.1:7860")


def test_scripts_are_served_by_name_and_nothing_else(client: TestClient) -> None:
    assert "export async function start" in client.get("/static/main.js").text
    contract = client.get("/static/contract.js").text.splitlines()
    assert {"export const FRAME_WIDTH = 1024;", "export const AHEAD = [-300.0, 300.0];"} <= set(contract)
    for name in ("app.py", "..%2fapp.py", "%2e%2e/app.py", "nothing.js"):
        assert client.get(f"/static/{name}").status_code == 404


def test_pictures_are_those_of_the_session(client: TestClient, handler: RequestHandler) -> None:
    session, name = handler.store.open(None), "0" * 24
    frame_file(session, name).parent.mkdir()
    write_image(frame_file(session, name), np.zeros((8, 16, 3), np.uint8))
    assert client.get(f"/frame/{session.id}/{name}").headers["content-type"] == "image/png"
    other = handler.store.open(None)
    strangers = (f"frame/{other.id}/{name}", f"frame/{'0' * 32}/{name}", f"frame/{session.id}/..%2f..%2fsession")
    absent = (f"photo/{session.id}", f"initial/{session.id}/{'1' * 32}", f"film/{session.id}/{'1' * 32}/0/1-running")
    for place in (*strangers, *absent):
        assert client.get(f"/{place}").status_code == 404


def test_films_can_be_asked_for_in_parts(
    client: TestClient, handler: RequestHandler, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "film.mp4").write_bytes(bytes(range(100)))
    monkeypatch.setattr(handler.queue, "film", lambda job, owner, future, windows: tmp_path / "film.mp4" if windows == 2 else None)
    answer = client.get(f"/film/{'0' * 32}/x/0/2-running", headers={"Range": "bytes=10-19"})
    assert answer.status_code == 206 and answer.content == bytes(range(10, 20))
    assert client.get(f"/film/{'0' * 32}/x/0/3-running").status_code == 404


def test_uploads_are_read_up_to_the_limit_and_need_the_header_of_the_page(client: TestClient, handler: RequestHandler) -> None:
    session = handler.store.open(None)
    headers = {"X-Drivesim-Session": session.id}
    large = client.post("/upload/photo", content=bytes(MAX_PHOTO_BYTES + 5_000_000), headers=headers)
    assert large.json()["message"]["level"] == "error" and "MB" in large.json()["message"]["text"]
    words = client.post("/upload/photo", content=b"these are words", headers=headers)
    assert words.json()["message"]["level"] == "error"
    assert client.post("/upload/photo", content=b"x").status_code == 404
    assert client.post("/upload/script", content=b"x", headers=headers).status_code == 404
    loaded = client.post("/upload/scenario", content=(EXAMPLES / "night_city.yaml").read_bytes(), headers=headers).json()
    assert loaded["view"]["name"] == "night_city"
    assert handler.store.open(session.id).view == {}


HOSTS = ["evil.example", "evil.example:7860", "127.0.0.1.evil.example", "[::1", "", "@127.0.0.1", 500 * "a"]


@pytest.mark.parametrize("host", HOSTS)
def test_another_host_name_is_refused_with_the_reason(client: TestClient, host: str) -> None:
    answer = client.get("/static/main.js", headers={"Host": host})
    assert answer.status_code == 400 and len(answer.text) < 800
    assert f'asked for by the name "{host[:100]}"' in answer.text
    assert "proxy_set_header Host 127.0.0.1:" in answer.text and "ssh -L" in answer.text


def test_a_proxy_that_says_what_it_was_asked_for_may_change_things(client: TestClient, handler: RequestHandler) -> None:
    text = (EXAMPLES / "night_city.yaml").read_bytes()
    headers = {"X-Drivesim-Session": handler.store.open(None).id, "Origin": "https://proxy.example"}
    refused = client.post("/upload/scenario", content=text, headers=headers)
    assert refused.status_code == 403 and "https://proxy.example" in refused.text and "X-Forwarded-Host $http_host" in refused.text
    other = client.post("/upload/scenario", content=text, headers=headers | {"X-Forwarded-Host": "other.example"})
    assert other.status_code == 403
    told = client.post("/upload/scenario", content=text, headers=headers | {"X-Forwarded-Host": "proxy.example"})
    assert told.status_code == 200 and told.json()["view"]["name"] == "night_city"
    whole = headers | {"X-Forwarded-Host": "proxy.example", "Host": "proxy.example"}
    assert client.post("/upload/scenario", content=text, headers=whole).status_code == 400


def test_changes_asked_by_other_pages_are_refused(client: TestClient, handler: RequestHandler) -> None:
    session = handler.store.open(None)
    text = (EXAMPLES / "night_city.yaml").read_bytes()
    for origin, code in (
        ("http://evil.example", 403), ("http://127.0.0.1:7861", 403), ("null", 403), ("http://127.0.0.1:7860", 200)
    ):  # fmt: skip
        headers = {"X-Drivesim-Session": session.id, "Origin": origin}
        assert client.post("/upload/scenario", content=text, headers=headers).status_code == code
        assert client.get("/static/main.js", headers={"Origin": origin}).status_code == 200


def test_what_gradio_has_and_the_page_does_not_use_is_closed(handler: RequestHandler) -> None:
    client = TestClient(application(handler), base_url="http://127.0.0.1:7860")
    files = {"files": ("page.html", b"<script></script>", "text/html")}
    assert client.post("/gradio_api/upload", files=files).status_code == 404
    assert client.get("/openapi.json").status_code == 404
    for file in (handler.store.open(None).folder / "session.json", "/etc/passwd"):
        assert client.get(f"/gradio_api/file={file}").status_code == 403
    config = client.get("/config").json()
    component = next(c["id"] for c in config["components"] if c["type"] == "html")
    asked = {"data": {"type": "open", "session": None}, "component_id": component, "fn_name": "call", "session_hash": "x"}
    for origin, code in (("http://evil.example", 403), ("http://127.0.0.1:7860", 200)):
        headers = {"Origin": origin, "Content-Type": "text/plain"}
        answer = client.post("/gradio_api/component_server", content=json.dumps(asked), headers=headers)
        assert answer.status_code == code
    assert len(answer.json()["session"]) == 32
