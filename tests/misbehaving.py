"""A web site on this machine that misbehaves on request, for the tests of `finback fetch`.

with Site() as site:
    site.put("/a.wav", data)
    site.spoil("/a.wav", cut(1000), status(503))     # the first request, the second; then all is well
    ...
    site.asked("/a.wav")                             # the headers of each request for it
"""

from __future__ import annotations

import html
import io
import random
import re
import socket
import threading
import time
import wave
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Fault = Callable[["_Handler", "Resource"], None]


@dataclass
class Resource:
    body: bytes
    kind: str = "audio/x-wav"
    etag: str = ""
    date: str = ""
    ranges: bool = True
    headers: dict[str, str] = field(default_factory=dict)


class Site:
    """Serves what was `put` there; remembers every request."""

    def __init__(self) -> None:
        self.resources: dict[str, Resource] = {}
        self.faults: dict[str, list[Fault]] = defaultdict(list)
        self.log: list[tuple[str, dict[str, str], float]] = []
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.site = self  # type: ignore[attr-defined]
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Site:
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *error: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def put(self, path: str, body: bytes | str, **facts: Any) -> str:
        """Put a file there; its version is named by an ETag by default. Returns its address."""
        data = body.encode() if isinstance(body, str) else body
        if isinstance(body, str):
            facts.setdefault("kind", "text/html; charset=utf-8")
        facts.setdefault("etag", f'"{hash(data) & 0xFFFFFFFF:x}"')
        self.resources[path] = Resource(data, **facts)
        return self.url + path

    def spoil(self, path: str, *faults: Fault) -> None:
        """The next requests for `path`, one fault each."""
        self.faults[path] += faults

    def asked(self, path: str) -> list[dict[str, str]]:
        return [headers for asked, headers, _ in self.log if asked == path]


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hung up is what some tests are about."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        site: Site = self.server.site  # type: ignore[attr-defined]
        site.log.append((self.path, {k.lower(): v for k, v in self.headers.items()}, time.monotonic()))
        resource = site.resources.get(self.path)
        if site.faults[self.path]:
            site.faults[self.path].pop(0)(self, resource or Resource(b""))
        elif resource is None:
            answer(self, 404, b"<html>no such page</html>", {"Content-Type": "text/html"})
        else:
            serve(self, resource)

    def log_message(self, format: str, *args: Any) -> None:
        pass


def answer(
    handler: _Handler, code: int, body: bytes, headers: dict[str, str], sent: int | None = None
) -> None:
    """Headers, then the first `sent` bytes of the body; with fewer than promised the line is cut."""
    handler.send_response(code)
    for name, value in {"Content-Length": str(len(body)), **headers}.items():
        handler.send_header(name, value)
    handler.end_headers()
    handler.wfile.write(body if sent is None else body[:sent])
    if sent is not None:
        hang_up(handler)


def hang_up(handler: _Handler) -> None:
    handler.wfile.flush()
    handler.close_connection = True
    handler.connection.shutdown(socket.SHUT_RDWR)


def serve(handler: _Handler, resource: Resource, sent: int | None = None) -> None:
    """As a good server would: the range that was asked for, if the version is the one asked for."""
    headers = {"Content-Type": resource.kind, **resource.headers}
    if resource.etag:
        headers["ETag"] = resource.etag
    if resource.date:
        headers["Last-Modified"] = resource.date
    wanted = re.match(r"bytes=(\d+)-(\d*)$", handler.headers.get("Range", ""))
    condition = handler.headers.get("If-Range")
    same = condition is None or condition in (resource.etag, resource.date)
    if wanted and resource.ranges and same:
        start, size = int(wanted.group(1)), len(resource.body)
        if start >= size:
            answer(handler, 416, b"", {"Content-Range": f"bytes */{size}"})
            return
        stop = min(int(wanted.group(2) or size) + 1, size)
        headers["Content-Range"] = f"bytes {start}-{stop - 1}/{size}"
        answer(handler, 206, resource.body[start:stop], headers, sent)
        return
    answer(handler, 200, resource.body, headers, sent)


def cut(after: int) -> Fault:
    """The line is cut after so many bytes."""
    return lambda handler, resource: serve(handler, resource, sent=after)


def refuse(handler: _Handler, resource: Resource) -> None:
    """The line is cut before any answer."""
    hang_up(handler)


def status(code: int, **headers: str) -> Fault:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda handler, resource: answer(handler, code, b"<html>oh</html>", named)


def moved(location: str, code: int = 302) -> Fault:
    return lambda handler, resource: answer(handler, code, b"", {"Location": location})


def web_page(kind: str = "text/html") -> Fault:
    """200 with words instead of the file, as portals and broken sites do."""
    page = b"<!DOCTYPE html><html><body>We are down for maintenance</body></html>"
    return lambda handler, resource: answer(handler, 200, page, {"Content-Type": kind})


def promise(length: int) -> Fault:
    """A wrong Content-Length; with less than promised the line is closed."""

    def fault(handler: _Handler, resource: Resource) -> None:
        headers = {"Content-Type": resource.kind, "ETag": resource.etag, "Content-Length": str(length)}
        answer(handler, 200, resource.body[:length], headers)
        hang_up(handler)

    return fault


def drip(piece: int, pause_s: float) -> Fault:
    """Slowly, a piece at a time, to be interrupted."""

    def fault(handler: _Handler, resource: Resource) -> None:
        handler.send_response(200)
        for name, value in (("Content-Length", str(len(resource.body))), ("ETag", resource.etag)):
            handler.send_header(name, value)
        handler.end_headers()
        try:
            for at in range(0, len(resource.body), piece):
                handler.wfile.write(resource.body[at : at + piece])
                time.sleep(pause_s)
        except OSError:  # nobody listens any more
            handler.close_connection = True

    return fault


def hang(seconds: float) -> Fault:
    return lambda handler, resource: time.sleep(seconds)


def raw(*pieces: bytes, pause_s: float = 0.0, times: int = 1, hold_s: float = 0.0) -> Fault:
    """Bytes as they are, also such that are not HTTP; all pieces but the first are sent `times` times."""

    def fault(handler: _Handler, resource: Resource) -> None:
        handler.close_connection = True
        try:
            handler.wfile.write(pieces[0])
            for _ in range(times):
                for piece in pieces[1:]:
                    handler.wfile.write(piece)
                    time.sleep(pause_s)
            time.sleep(hold_s)
            hang_up(handler)
        except OSError:  # the client had enough
            pass

    return fault


def response(headers: dict[str, str], status_line: str = "200 OK") -> bytes:
    """The head of a response, with these headers and no others."""
    lines = [f"HTTP/1.1 {status_line}", *(f"{name}: {value}" for name, value in headers.items())]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def wav(seed: int = 0, n: int = 4000, rate: int = 8000) -> bytes:
    """A short noise as a WAV file; other seeds sound otherwise."""
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(random.Random(seed).randbytes(2 * n))
    return out.getvalue()


# Pages as public scripts found them at the Watkins database; the texts and addresses are made up.
SOUNDS = "/science/B/whalesounds"


def watkins_like(site: Site, clips: dict[str, dict[str, bytes]], others: int = 25) -> str:
    """Put up an index, a page a species and its recordings; `others`: species with an empty page."""
    codes = {name: f"AA{i}B" for i, name in enumerate([*clips, *(f"Other {i}" for i in range(others))])}
    cells = "".join(
        f'<div class="large-3 columns"><a href="bestOf.cfm?code={code}"><img src="i/{code}.png" alt="">'
        f"<div><h3>{html.escape(name)}</h3></div></a></div>"
        for name, code in codes.items()
    )
    choices = "".join(f'<option value="fullCuts.cfm?SP={code}">{name}' for name, code in codes.items())
    form = f'<select id="getSpeciesCommon"><option>Select{choices}</select>'
    site.put(f"{SOUNDS}/index.cfm", f"<html><body>{form}{cells}<a href='about.cfm'>About</a></body></html>")
    for name, code in codes.items():
        rows = ""
        for file, data in clips.get(name, {}).items():
            site.put(f"{SOUNDS}/WhaleSounds/{file}", data)
            rows += (
                f'<tr><td>{file[:8]}</td><td><a href="{SOUNDS}/WhaleSounds/{file}" target="_blank">Download'
                f"</a></td><td><a href=\"javascript:popUpWin('metaData.cfm?RN={file[:8]}');\">Metadata</a>"
            )
        site.put(f"{SOUNDS}/bestOf.cfm?code={code}", f"<table>{rows}</table>")
    return f"{site.url}{SOUNDS}/index.cfm"


def harbour_source(site: Site) -> str:
    """The TOML of a source of two recordings on that site."""
    clips = {"Walrus": {"61025001.wav": wav(1)}, "Narwhal": {"72015001.wav": wav(2)}}
    return f"""
        name = "harbour"
        title = "Sounds of our harbour"
        homepage = "{site.url}/"
        licence = "CC0"
        terms = "Take them."
        [listing]
        kind = "pages"
        start = "{watkins_like(site, clips, others=0)}"
        pages = "bestOf"
        files = "wav$"
        [labels]
        species = "link"
        """
