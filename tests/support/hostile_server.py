"""A server on loopback that answers as no server should: what a request's path asks for.

Each way to answer is a function of the raw connection, so that nothing of a well-behaved HTTP
library stands between a test and the client.
"""

from __future__ import annotations

import gzip
import socket
import struct
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

BOMB = 1024 * 1024 * 1024  # bytes that a bomb unpacks to
SECONDS = 60.0  # that a dripping answer would take at least


@dataclass
class Hostile:
    """The server: its address, how it answers, and what it was sent."""

    port: int = 0
    how: str = "empty"
    other: str = ""  # address that it redirects to, or names as a realm
    requests: list[str] = field(default_factory=list)  # heads
    stopped: threading.Event = field(default_factory=threading.Event)

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        return f"http://{self.host}"

    @property
    def authorizations(self) -> list[str]:
        lines = [line for one in self.requests for line in one.split("\r\n")]
        return [one for one in lines if one.lower().startswith("authorization:")]


def _bomb_of(wbits: int) -> bytes:
    """Return what unpacks to a gigabyte of spaces; its checksum would be wrong, at its end."""
    packer = zlib.compressobj(9, zlib.DEFLATED, wbits)
    begin = packer.compress(b"") + packer.flush(zlib.Z_FULL_FLUSH)
    block = packer.compress(b" " * (1024 * 1024)) + packer.flush(zlib.Z_FULL_FLUSH)
    return begin + block * (BOMB // (1024 * 1024))


def head(*lines: str, status: str = "200 OK") -> bytes:
    lines = (f"HTTP/1.1 {status}", "Connection: close", *lines, "", "")
    return "\r\n".join(lines).encode("latin-1")


JSON = "Content-Type: application/vnd.pypi.simple.v1+json"
Way = Callable[[socket.socket, Hostile], None]


def _packed(encoding: str, content: Callable[[], bytes]) -> Way:
    def answer(to: socket.socket, _: Hostile) -> None:
        body = content()
        to.sendall(head(JSON, f"Content-Encoding: {encoding}", f"Content-Length: {len(body)}"))
        to.sendall(body)

    return answer


def _whole(body: bytes, *lines: str, status: str = "200 OK") -> Way:
    def answer(to: socket.socket, _: Hostile) -> None:
        to.sendall(head(JSON, *lines, f"Content-Length: {len(body)}", status=status) + body)

    return answer


def _page(body: bytes) -> Way:
    return _raw(head("Content-Type: text/html", f"Content-Length: {len(body)}") + body)


def _raw(text: bytes) -> Way:
    return lambda to, _: to.sendall(text)


def _drip(to: socket.socket, server: Hostile, begin: bytes, drop: bytes) -> None:
    to.sendall(begin)
    until = time.monotonic() + SECONDS
    while time.monotonic() < until and not server.stopped.wait(0.2):
        to.sendall(drop)


def _endless(begin: bytes, block: bytes) -> Way:
    def answer(to: socket.socket, server: Hostile) -> None:
        to.sendall(begin)
        while not server.stopped.is_set():
            to.sendall(block)

    return answer


def _elsewhere(place: Callable[[Hostile], str], status: str = "302 Found") -> Way:
    return lambda to, server: to.sendall(
        head(f"Location: {place(server)}", "Content-Length: 0", status=status)
    )


def _reset(to: socket.socket, _: Hostile) -> None:
    to.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def _challenge(realm: Callable[[Hostile], str]) -> Way:
    def answer(to: socket.socket, server: Hostile) -> None:
        to.sendall(
            head(
                f'WWW-Authenticate: Bearer realm="{realm(server)}",service="x"',
                "Content-Length: 0",
                status="401 Unauthorized",
            )
        )

    return answer


_CHUNKED = head(JSON, "Transfer-Encoding: chunked")
_BLOCK = b"10000\r\n" + b" " * 65536 + b"\r\n"
_DEEP = b"[" * 2_000_000

WAYS: dict[str, Way] = {
    "empty": _whole(b""),
    "gzip-bomb": _packed("gzip", lambda: _bomb_of(31)),
    "deflate-bomb": _packed("deflate", lambda: _bomb_of(15)),
    "raw-deflate-bomb": _packed("deflate", lambda: _bomb_of(-15)),
    "br": _packed("br", lambda: b"\x8b\x02\x80"),
    "zstd": _packed("zstd", lambda: b"\x28\xb5\x2f\xfd"),
    "unknown-encoding": _packed("x-own", lambda: b"x"),
    "gzip-twice": _packed("gzip, gzip", lambda: gzip.compress(gzip.compress(b"{}"))),
    "broken-gzip": _packed("gzip", lambda: b"\x1f\x8b\x08nothing"),
    "gzip-members": _packed("gzip", lambda: gzip.compress(b"{}") * 5),
    "cut-gzip": _packed("gzip", lambda: gzip.compress(b"{}" * 1000)[:-9]),
    "endless-chunks": _endless(_CHUNKED, _BLOCK),
    "endless-body": _endless(head(JSON), b" " * 65536),
    "endless-headers": _endless(b"HTTP/1.1 200 OK\r\n", b"X-A: " + b"a" * 8000 + b"\r\n"),
    "endless-informational": _endless(b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
    "endless-extension": _endless(_CHUNKED + b"1;", b"a" * 65536),
    "dripping-status": lambda to, server: _drip(to, server, b"", b"H"),
    "dripping-headers": lambda to, server: _drip(to, server, b"HTTP/1.1 200 OK\r\n", b"A: b\r\n"),
    "dripping-body": lambda to, server: _drip(to, server, _CHUNKED, b"1\r\n \r\n"),
    "dripping-gzip": lambda to, server: _drip(
        to, server, head(JSON, "Content-Encoding: gzip") + gzip.compress(b"")[:10], b"\0"
    ),
    "silence": lambda _, server: (server.stopped.wait(SECONDS), None)[1],
    "large-header": _raw(head("X-A: " + "a" * 2_000_000)),
    "many-headers": _raw(head(*(f"X-{n}: a" for n in range(100_000)))),
    "long-length": _raw(head(JSON, "Content-Length: 99999999999999")),
    "short-body": _raw(head(JSON, "Content-Length: 100") + b"{}"),
    "odd-length": _raw(head(JSON, "Content-Length: -5") + b"{}"),
    "word-length": _raw(head(JSON, "Content-Length: ²") + b"{}"),
    "two-lengths": _raw(head(JSON, "Content-Length: 2", "Content-Length: 3") + b"{}"),
    "no-http": _raw(b"\x00\x01\x02 SSH-2.0\r\n\r\n"),
    "escapes": _raw(head("Content-Length: 5", status="418 \x1b[2J") + b"\x1b[2Jx"),
    "commands": _whole(b"\n::add-mask::x\n", status="400 Bad"),
    "broken-json": _whole(b'{"files": ['),
    "no-utf-8": _whole(b'{"files": "\xff\xfe"}'),
    "other-json": _whole(b'{"files": [1, "x", null], "tags": 5, "token": {}, "errors": 1}'),
    "name-is-no-text": _whole(b'{"files": [{"filename": {}, "url": 5}]}'),
    "deep-json": _whole(_DEEP),
    "many-values": _whole(b'{"files": [' + b"[]," * 2_000_000 + b"[]]}"),
    "long-number": _whole(b"1" * 1_000_000),
    "html-comments": _page(b"<!--" * 2_000_000),
    "html-anchors": _page(b"<a>" * 3_000_000),
    "html-attributes": _page(b"<a " + b"b " * 3_000_000 + b">"),
    "html-text": _page(b"<a href=x>" + b"<b>x" * 5_000_000),
    "html-open": _page(b"<a href='" + b"x" * 3_000_000),
    "circle": _elsewhere(lambda server: f"{server.url}/again"),
    "other-host": _elsewhere(lambda server: f"{server.other}/simple/"),
    "other-host-308": _elsewhere(lambda server: f"{server.other}/x", "308 Permanent Redirect"),
    "to-file": _elsewhere(lambda _: "file:///etc/passwd"),
    "to-ftp": _elsewhere(lambda _: "ftp://127.0.0.1/"),
    "to-http-host": _elsewhere(lambda _: "http://host.example/simple/"),
    "with-user": _elsewhere(lambda server: f"http://me:marked@{server.host}/"),
    "to-nowhere": _elsewhere(lambda _: "http://[::1"),
    "reset": _reset,
    "realm-host": _challenge(lambda _: "https://host.example/token"),
    "realm-port": _challenge(lambda server: f"{server.other}/token"),
    "realm-file": _challenge(lambda _: "file:///etc/passwd"),
    "realm-none": _challenge(lambda _: "http://[::1"),
    "retry-huge": _whole(b"", "Retry-After: 99999999999999999999", status="503 Busy"),
    "retry-odd": _whole(b"", "Retry-After: ²", status="429 Slow"),
    "retry-negative": _whole(b"", "Retry-After: -1", status="429 Slow"),
    "retry-nan": _whole(b"", "Retry-After: NaN", status="503 Busy"),
    "retry-date": _whole(b"", "Retry-After: Fri, 31 Dec 9999 23:59:59 GMT", status="503 Busy"),
    "retry-no-date": _whole(b"", "Retry-After: Fri, 99 Xyz 1 GMT", status="503 Busy"),
}


@contextmanager
def hostile_server() -> Iterator[Hostile]:
    """Serve on a free port; how is to be said in `how`."""
    server = Hostile()
    listening = socket.create_server(("127.0.0.1", 0))
    server.port = listening.getsockname()[1]
    listening.settimeout(0.1)

    def serve() -> None:
        while not server.stopped.is_set():
            with suppress(TimeoutError, OSError):
                connection, _ = listening.accept()
                threading.Thread(target=answer, args=(connection,), daemon=True).start()

    def answer(connection: socket.socket) -> None:
        with connection, suppress(OSError):
            connection.settimeout(SECONDS)
            asked = b""
            while b"\r\n\r\n" not in asked:
                part = connection.recv(65536)
                if not part:
                    return
                asked += part
            server.requests.append(asked.partition(b"\r\n\r\n")[0].decode("latin-1"))
            WAYS[server.how](connection, server)
            if server.how != "reset":
                connection.shutdown(socket.SHUT_WR)
                connection.settimeout(1)
                while connection.recv(65536):  # else what was sent may be lost in a reset
                    pass

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.stopped.set()
        thread.join()
        listening.close()
