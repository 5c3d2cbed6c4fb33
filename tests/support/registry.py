"""A real registry (distribution) on loopback, and a proxy in front of it that can fail."""

from __future__ import annotations

import http.client
import json
import re
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import bcrypt
import httpx

from tests.support.loopback import QuietHandler, serving
from tests.support.real import need

USER, PASSWORD = "AWS", "s3cret-of-the-registry"


@contextmanager
def registry(folder: Path, *, password: str | None = PASSWORD) -> Iterator[str]:
    """Yield host:port of a running registry; with a password it wants basic authentication."""
    program = shutil.which("docker-registry") or shutil.which("registry")
    need(program is not None, "a registry (Debian's docker-registry)")
    (folder / "data").mkdir(parents=True)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        host = f"127.0.0.1:{probe.getsockname()[1]}"
    config: dict[str, Any] = {
        "version": 0.1,
        "log": {"level": "warn"},
        "storage": {
            "filesystem": {"rootdirectory": str(folder / "data")},
            "delete": {"enabled": True},
        },
        "http": {"addr": host},
    }
    if password is not None:
        secret = bcrypt.hashpw(password.encode(), bcrypt.gensalt(rounds=4)).decode()
        (folder / "htpasswd").write_text(f"{USER}:{secret}\n")
        config["auth"] = {"htpasswd": {"realm": "test", "path": str(folder / "htpasswd")}}
    (folder / "config.yml").write_text(json.dumps(config))  # JSON is YAML
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(
            [str(program), "serve", str(folder / "config.yml")], stdout=log, stderr=log
        )
        try:
            for _ in range(300):
                if process.poll() is not None or _answers(host):
                    break
                time.sleep(0.1)
            assert process.poll() is None, (folder / "log").read_text()
            yield host
        finally:
            process.terminate()
            process.wait(timeout=60)


def _answers(host: str) -> bool:
    try:
        return httpx.get(f"http://{host}/v2/", verify=False).status_code in {200, 401}
    except httpx.HTTPError:
        return False


@dataclass
class Fault:
    """What happens to the next requests that fit."""

    method: str  # a regular expression, as the path
    path: str
    what: int | str  # a status; "drop": no answer; "drop-after": carried out, and no answer
    times: int = 1
    headers: dict[str, str] = field(default_factory=dict)

    def fits(self, method: str, path: str) -> bool:
        return (
            self.times > 0
            and re.fullmatch(self.method, method) is not None
            and re.search(self.path, path) is not None
        )


@dataclass
class Proxy:
    """A registry that can be made to fail, to refuse and to tell what it was asked."""

    host: str
    faults: list[Fault] = field(default_factory=list)
    immutable: list[str] = field(default_factory=list)  # repositories whose tags stay
    refusal: int = 400  # status of what an immutable repository refuses
    read_only: bool = False
    requests: list[tuple[str, str]] = field(default_factory=list)
    # what is called before a request is carried out, by (method, regular expression of the path)
    before: dict[tuple[str, str], Callable[[], object]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def fail(self, method: str, path: str, what: int | str, times: int = 1, **headers: str) -> None:
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        self.faults.append(Fault(method, path, what, times, given))

    def take(self, method: str, path: str) -> Fault | None:
        with self._lock:
            self.requests.append((method, path))
            for (its_method, its_path), call in list(self.before.items()):
                if its_method == method and re.search(its_path, path):
                    call()
            for fault in self.faults:
                if fault.fits(method, path):
                    fault.times -= 1
                    return fault
        return None

    def writes(self) -> list[tuple[str, str]]:
        """The requests that change something."""
        return [one for one in self.requests if one[0] in {"PUT", "POST", "PATCH", "DELETE"}]

    def forget(self) -> None:
        self.requests.clear()
        self.faults.clear()


@contextmanager
def proxy(upstream: str) -> Iterator[Proxy]:
    """Yield a proxy in front of a registry."""

    class Handler(QuietHandler):
        protocol_version = "HTTP/1.1"

        def handle_any(self) -> None:
            body = self._body()
            fault = made.take(self.command, self.path)
            if fault is not None and isinstance(fault.what, int):
                return self._answer(fault.what, fault.headers, b"")
            if fault is not None and fault.what == "drop":
                return self._drop()
            if self.command in {"PUT", "POST", "PATCH"} and made.read_only:
                return self._refuse(403, "DENIED", "not authorized to perform: ecr:PutImage")
            refused = self._refused(body)
            if refused is not None:
                return self._refuse(made.refusal, "TAG_INVALID", refused)
            status, headers, content = self._forward(body)
            if fault is not None:
                return self._drop()
            return self._answer(status, headers, content)

        do_GET = do_HEAD = do_PUT = do_POST = do_PATCH = do_DELETE = handle_any

        def _refused(self, body: bytes) -> str | None:
            found = re.fullmatch(r"/v2/(.+)/manifests/([^:]+)", self.path)
            if self.command != "PUT" or found is None or found[1] not in made.immutable:
                return None
            if self._forward(b"", "HEAD")[0] != 200:
                return None
            return (
                f"The image tag '{found[2]}' already exists in the '{found[1]}' repository and "
                f"cannot be overwritten because the repository is immutable."
            )

        def _body(self) -> bytes:
            if self.headers.get("Transfer-Encoding", "").lower() == "chunked":
                parts = []
                while size := int(self.rfile.readline().split(b";")[0], 16):
                    parts.append(self.rfile.read(size))
                    self.rfile.readline()
                self.rfile.readline()
                return b"".join(parts)
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))

        def _forward(
            self, body: bytes, method: str | None = None
        ) -> tuple[int, dict[str, str], bytes]:
            connection = http.client.HTTPConnection(upstream, timeout=60)
            kept = {
                name: value
                for name, value in self.headers.items()
                if name.lower() not in {"transfer-encoding", "content-length", "connection"}
            }
            connection.request(method or self.command, self.path, body=body, headers=kept)
            answer = connection.getresponse()
            content = answer.read()
            connection.close()
            return answer.status, dict(answer.getheaders()), content

        def _answer(self, status: int, headers: dict[str, str], content: bytes) -> None:
            self.send_response(status)
            for name, value in headers.items():
                if name.lower() not in {"transfer-encoding", "connection", "date", "server"} and (
                    name.lower() != "content-length" or self.command == "HEAD"
                ):
                    self.send_header(name, value)
            if self.command != "HEAD":
                self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(content)

        def _refuse(self, status: int, code: str, message: str) -> None:
            errors = {"errors": [{"code": code, "message": message}]}
            self._answer(status, {"Content-Type": "application/json"}, json.dumps(errors).encode())

        def _drop(self) -> None:
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)

    with serving(Handler) as port:
        made = Proxy(f"127.0.0.1:{port}")
        yield made
