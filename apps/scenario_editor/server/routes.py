"""What the page loads beside itself: scripts, pictures, films; and uploads. Names are looked up, never opened as given."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from fastapi import FastAPI, HTTPException, Request
from fastapi.responses import FileResponse, JSONResponse, PlainTextResponse, Response
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from drivesim.config import InputError
from drivesim.scenario.sections import PlacedVehicle
from drivesim.video_format import FRAME_HEIGHT, FRAME_WIDTH
from scenario_editor.document.yaml_text import read
from scenario_editor.first_frames.compositions import frame_file
from scenario_editor.server.requests import PageReply, RequestHandler
from scenario_editor.storage.sessions import Session
from scenario_editor.storage.uploads import MAX_PHOTO_BYTES, MAX_YAML_BYTES, photo_file

STATIC = {file.name: file for file in (Path(__file__).parents[1] / "static").iterdir() if file.suffix in (".js", ".css")}
NUMBERS: dict[str, Any] = {"FRAME_WIDTH": FRAME_WIDTH, "FRAME_HEIGHT": FRAME_HEIGHT} | {
    key.upper(): [form["minimum"], form["maximum"]]
    for key, schema in PlacedVehicle.model_json_schema()["properties"].items()
    for form in schema.get("anyOf", [schema])
    if "minimum" in form
}
CONTRACT = "".join(f"export const {name} = {json.dumps(value)};\n" for name, value in NUMBERS.items())
"""The module contract.js: the frame's size (px), and AHEAD, LEFT, HEADING and SPEED, the ranges of a placed vehicle."""
FRAME_ID = re.compile(r"[0-9a-f]{24}")
UNUSED = ("/gradio_api/upload", "/openapi.json")  # of Gradio's own routes
ALWAYS_ASK = {"Cache-Control": "no-cache"}
OTHER_HOST = (
    'The editor was asked for by the name "{host}", and answers to names of this machine alone, such as 127.0.0.1.\n'
    "Behind a proxy: let it send the headers Host and X-Forwarded-Host (nginx: proxy_set_header Host 127.0.0.1:{port}; "
    "proxy_set_header X-Forwarded-Host $http_host;).\n"
    "From another machine: ssh -L {port}:127.0.0.1:{port} HOST, or start the editor with --host, which lets everybody in.\n"
)
OTHER_PAGE = (
    "The page at {origin} asks for a change, and the editor is at {host}: only its own page may do so.\n"
    "Behind a proxy: let it send the header X-Forwarded-Host with the name that the browser asked for "
    "(nginx: proxy_set_header X-Forwarded-Host $http_host;).\n"
)
FOR_EVER = {"Cache-Control": "private, max-age=31536000, immutable"}


class Guard:
    """Refuses what this page never asks for: other host names, changes that a page from elsewhere sends, Gradio's own uploads.

    A page elsewhere may have its own name lead to this machine; with `hosts`, only these are answered to. A browser says in
    "Origin" where a request comes from: without the check any page that the user looks at could start rollouts, though it could
    not read the answer. A proxy says in "X-Forwarded-Host" what it was asked for, which no foreign page can send along.
    """

    def __init__(self, app: ASGIApp, hosts: Collection[str] | None = None) -> None:
        self.app, self.hosts = app, hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = Headers(scope=scope) if scope["type"] in ("http", "websocket") else Headers()
        host, port = headers.get("host", ""), (scope.get("server") or (None, None))[1]
        if headers and self.hosts is not None and host.partition(":")[0].lower() not in self.hosts:
            await PlainTextResponse(OTHER_HOST.format(host=host[:100], port=port), 400)(scope, receive, send)
            return
        if scope["type"] == "http":
            origin, looks = headers.get("origin"), scope["method"] in ("GET", "HEAD")
            if not looks and origin is not None and urlsplit(origin).netloc not in (host, headers.get("x-forwarded-host")):
                await PlainTextResponse(OTHER_PAGE.format(origin=origin[:100], host=host[:100]), 403)(scope, receive, send)
                return
            if scope["path"].startswith(UNUSED):
                await PlainTextResponse("not found", 404)(scope, receive, send)
                return
        await self.app(scope, receive, send)


def routes(app: FastAPI, handler: RequestHandler, hosts: Collection[str] | None = None) -> None:
    """Adds the routes to `app`. With `hosts`, requests for other host names are refused (a page elsewhere may try one)."""
    app.add_middleware(Guard, hosts=hosts)

    @app.get("/static/contract.js")
    def contract() -> Response:
        return Response(CONTRACT, media_type="text/javascript", headers=ALWAYS_ASK)

    @app.get("/static/{name}", response_class=FileResponse)
    def static(name: str) -> FileResponse:
        return _file(STATIC.get(name), ALWAYS_ASK)

    @app.get("/frame/{session}/{name}", response_class=FileResponse)
    def frame(session: str, name: str) -> FileResponse:
        found = _session(handler, session)
        return _file(frame_file(found, name) if FRAME_ID.fullmatch(name) else None, FOR_EVER)

    @app.get("/photo/{session}", response_class=FileResponse)
    def photo(session: str) -> FileResponse:
        found = _session(handler, session)
        name = (read(found.text, found.folder).values or {}).get("photo")
        return _file(_or_none(lambda: photo_file(str(name), found.folder)) if name else None, ALWAYS_ASK)

    @app.get("/initial/{session}/{job}", response_class=FileResponse)
    def initial(session: str, job: str) -> FileResponse:
        return _file(_or_none(lambda: handler.queue.job(job, session).first_frame), ALWAYS_ASK)

    @app.get("/film/{session}/{job}/{future}/{windows}-{state}", response_class=FileResponse)
    def film(session: str, job: str, future: int, windows: int, state: str) -> FileResponse:
        # The parts of one address, which a browser asks for one by one, must never be of two films.
        return _file(_or_none(lambda: handler.queue.film(job, session, future, windows)), ALWAYS_ASK)

    @app.post("/upload/{kind}")
    async def upload(kind: str, request: Request) -> JSONResponse:
        takers = {"photo": (handler.take_photo, MAX_PHOTO_BYTES), "scenario": (handler.take_scenario, MAX_YAML_BYTES)}
        session = request.headers.get("x-drivesim-session")  # a header that no foreign page can send along
        if kind not in takers or session is None:
            raise HTTPException(404)
        take, limit = takers[kind]
        data = await _body(request, limit)
        reply: PageReply = await run_in_threadpool(take, session, data)
        return JSONResponse(reply)


async def _body(request: Request, limit: int) -> bytes:
    """At most one byte more than the limit, so that the one who checks it sees that it is too much."""
    data = bytearray()
    async for chunk in request.stream():
        data += chunk[: limit + 1 - len(data)]
        if len(data) > limit:
            break
    return bytes(data)


def _session(handler: RequestHandler, name: str) -> Session:
    found = handler.store.find(name)
    if found is None:
        raise HTTPException(404)
    return found


def _or_none(find: Callable[[], Path | None]) -> Path | None:
    try:
        return find()
    except InputError:
        return None


def _file(path: Path | None, headers: dict[str, str]) -> FileResponse:
    if path is None or not path.is_file():
        raise HTTPException(404)
    return FileResponse(path, headers=headers)
