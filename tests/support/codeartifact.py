"""A loopback stand-in for AWS CodeArtifact: the API for endpoint and token, and a PyPI repository.

As AWS documents it: the same bytes again succeed, other bytes under a name that is taken get 409,
a project that is not there 404, and a token that is none or has expired 401.
"""

from __future__ import annotations

import base64
import email.parser
import email.policy
import hashlib
import html
import itertools
import json
import re
import socket
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from tests.support.loopback import QuietHandler, serving

AWS_ENV = {
    "AWS_ACCESS_KEY_ID": "AKIAMADEUPFORTESTS00",
    "AWS_SECRET_ACCESS_KEY": "marked-aws-secret",
    "AWS_REGION": "eu-central-1",
    "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_CONFIG_FILE": "/dev/null",
    "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
}
TOKEN = "marked-token"  # every token begins so, for tests to look for it
_JSON = "application/vnd.pypi.simple.v1+json"


@dataclass
class State:
    """What the stand-in holds and has been asked."""

    port: int = 0
    domain: str = "tradai"
    repository: str = "py"
    tokens: dict[str, float] = field(default_factory=dict)  # token -> when it expires
    lasting: float = 43200.0  # seconds for which a token is good
    files: dict[str, tuple[str, bytes]] = field(default_factory=dict)  # name -> project, bytes
    # what goes wrong at the next requests, one a request: an HTTP status, drop, drop-after-store,
    # hang, garbage, ok; kinds of request are look, upload, token, endpoint, file
    faults: dict[str, list[str]] = field(default_factory=dict)
    always: dict[str, str] = field(default_factory=dict)  # what goes wrong at each, till cleared
    retry_after: str | None = None
    log: list[tuple[str, str]] = field(default_factory=list)  # kind and path of each request
    stored: list[str] = field(default_factory=list)  # names, each time one was written anew
    speaks_json: bool = False
    with_hashes: bool = True
    is_open: bool = False  # needs no token: a public index
    lists_late: int = 0  # looks for which a stored file is not listed yet
    lock: threading.Lock = field(default_factory=threading.Lock)
    numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    @property
    def url(self) -> str:
        """The root of everything: what AWS_ENDPOINT_URL is set to."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def endpoint(self) -> str:
        return f"{self.url}/pypi/{self.repository}/"

    @property
    def simple(self) -> str:
        return f"{self.endpoint}simple/"

    @property
    def env(self) -> dict[str, str]:
        """What makes AWS's tools ask here."""
        return {**AWS_ENV, "AWS_ENDPOINT_URL": self.url}

    def count(self, kind: str) -> int:
        return sum(one == kind for one, _ in self.log)

    def fault(self, kind: str) -> str:
        with self.lock:
            queue = self.faults.get(kind)
            return queue.pop(0) if queue else self.always.get(kind, "ok")

    def reset(self) -> None:
        """Forget everything but the address."""
        for name, value in vars(State(port=self.port)).items():
            setattr(self, name, value)

    def heal(self) -> None:
        self.faults.clear()
        self.always.clear()
        self.log.clear()

    def put(self, project: str, filename: str, content: bytes) -> None:
        self.files[filename] = (project, content)


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


class _Handler(QuietHandler):
    protocol_version = "HTTP/1.1"
    state: State

    def do_GET(self) -> None:
        self.answer(b"")

    def do_HEAD(self) -> None:
        self.answer(b"")

    def do_POST(self) -> None:
        self.answer(self.rfile.read(int(self.headers.get("Content-Length") or 0)))

    def answer(self, body: bytes) -> None:
        parts = urlsplit(self.path)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        if parts.path == "/v1/authorization-token":
            self.token(query)
        elif parts.path == "/v1/repository/endpoint":
            self.endpoint(query)
        elif parts.path.startswith(f"/pypi/{self.state.repository}/"):
            self.data(unquote(parts.path).removeprefix(f"/pypi/{self.state.repository}/"), body)
        else:
            self.say(404, b"not served", "text/plain")

    # --- the API ---------------------------------------------------------------------------------

    def token(self, query: Mapping[str, str]) -> None:
        if self.broken("token"):
            return
        if query.get("domain") != self.state.domain:
            self.refuse(404, "ResourceNotFoundException", "Domain not found.")
            return
        value = f"{TOKEN}-{next(self.state.numbers)}-{'x' * 40}"
        expires = time.time() + self.state.lasting
        self.state.tokens[value] = expires
        self.say_json({"authorizationToken": value, "expiration": expires})

    def endpoint(self, query: Mapping[str, str]) -> None:
        if self.broken("endpoint"):
            return
        if query.get("domain") != self.state.domain:
            self.refuse(404, "ResourceNotFoundException", "Domain not found.")
        elif query.get("repository") != self.state.repository:
            self.refuse(404, "ResourceNotFoundException", "Repository not found.")
        else:
            self.say_json({"repositoryEndpoint": self.state.endpoint})

    def refuse(self, status: int, kind: str, message: str) -> None:
        body = json.dumps({"message": message}).encode()
        self.say(status, body, "application/json", {"x-amzn-ErrorType": kind})

    # --- the repository --------------------------------------------------------------------------

    def data(self, rest: str, body: bytes) -> None:
        if self.command == "POST":
            self.upload(body)
            return
        project, _, filename = rest.removeprefix("simple/").strip("/").partition("/")
        kind = "file" if filename else "look"
        if self.broken(kind) or not self.is_known():
            return
        if filename:
            held = self.state.files.get(filename.rpartition("/")[2])
            if held is None:
                self.say(404, b"no such file", "text/plain")
            else:
                self.say(200, held[1], "application/octet-stream")
        else:
            self.project(project)

    def is_known(self) -> bool:
        """Tell whether the request carries a token that is good; refuse it otherwise."""
        if self.state.is_open:
            return True
        kind, _, value = self.headers.get("Authorization", "").partition(" ")
        user, _, password = base64.b64decode(value or b"").decode().partition(":")
        if kind == "Basic" and user == "aws" and self.state.tokens.get(password, 0) > time.time():
            return True
        self.say(401, b"Unauthenticated", "text/plain", {"WWW-Authenticate": 'Basic realm="x"'})
        return False

    def project(self, name: str) -> None:
        with self.state.lock:
            held = {
                filename: content
                for filename, (project, content) in self.state.files.items()
                if _normal(project) == name
            }
            if held and self.state.lists_late > 0:
                self.state.lists_late -= 1
                held = {}
        if not held:
            self.say(404, b"no such project", "text/plain")
        elif self.state.speaks_json and _JSON in self.headers.get("Accept", ""):
            files = [
                {
                    "filename": filename,
                    "url": f"{self.state.simple}{name}/files/{filename}",
                    "hashes": {"sha256": _digest(content)} if self.state.with_hashes else {},
                }
                for filename, content in held.items()
            ]
            page = {"meta": {"api-version": "1.0"}, "name": name, "files": files}
            self.say(200, json.dumps(page).encode(), _JSON)
        else:
            rows = "".join(
                f'<a href="{html.escape(filename)}{self.fragment(content)}">{filename}</a><br>\n'
                for filename, content in held.items()
            )
            page_text = f"<!DOCTYPE html><html><body>{rows}</body></html>"
            self.say(200, page_text.encode(), "text/html")

    def fragment(self, content: bytes) -> str:
        return f"#sha256={_digest(content)}" if self.state.with_hashes else ""

    def upload(self, body: bytes) -> None:
        fault = self.state.fault("upload")
        self.state.log.append(("upload", self.path))
        if fault == "hang":
            time.sleep(5)  # longer than a test takes to end who waits
            self.drop()
            return
        if fault == "drop":
            self.drop()
            return
        if fault.isdigit():
            self.fail(int(fault))
            return
        if not self.is_known():
            return
        head = b"Content-Type: " + self.headers["Content-Type"].encode() + b"\r\n\r\n"
        form: dict[Any, tuple[str | None, Any]] = {}
        parser = email.parser.BytesParser(policy=email.policy.HTTP)
        for part in parser.parsebytes(head + body).iter_parts():
            name = part.get_param("name", header="content-disposition")
            form[name] = (part.get_filename(), part.get_payload(decode=True))
        filename, content = form["content"]
        project = form["name"][1].decode()
        assert filename is not None
        with self.state.lock:
            held = self.state.files.get(filename)
            if held is None:
                self.state.files[filename] = (project, content)
                self.state.stored.append(filename)
        if held is not None and held[1] != content:
            self.say(409, b"asset exists already with different content", "text/plain")
        elif fault == "drop-after-store":
            self.drop()
        else:
            self.say(200, b"", "text/plain")

    # --- answering -------------------------------------------------------------------------------

    def broken(self, kind: str) -> bool:
        """Log a request; do what is to go wrong with it, and tell whether anything did."""
        fault = self.state.fault(kind)
        self.state.log.append((kind, self.path))
        if fault == "ok":
            return False
        if fault.startswith("drop"):
            self.drop()
        elif fault == "garbage":
            self.say(200, b"\x89PNG", "image/png")
        elif fault.isdigit():
            self.fail(int(fault))
        else:
            self.refuse(400, fault, "made up by the test")
        return True

    def fail(self, status: int) -> None:
        waiting = self.state.retry_after
        more = {"Retry-After": waiting} if waiting is not None else {}
        self.say(status, b"injected", "text/plain", more)

    def drop(self) -> None:
        self.close_connection = True
        self.connection.shutdown(socket.SHUT_RDWR)

    def say_json(self, value: Any) -> None:
        self.say(200, json.dumps(value).encode(), "application/json")

    def say(
        self, status: int, body: bytes, kind: str, more: Mapping[str, str] | None = None
    ) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        for name, value in (more or {}).items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


@contextmanager
def codeartifact(**given: Any) -> Iterator[State]:
    """Run a stand-in on a free port of the loopback interface."""
    state = State(**given)
    handler = type("Handler", (_Handler,), {"state": state})
    with serving(handler) as port:
        state.port = port
        yield state
