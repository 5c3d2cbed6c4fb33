"""A loopback GitHub, as far as comments on pull requests go."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.support.loopback import QuietHandler, serving

TOKEN = "marked-token"

_COMMENTS = re.compile(r"/repos/acme/platform/issues/(\d+)/comments")
_COMMENT = re.compile(r"/repos/acme/platform/issues/comments/(\d+)")


@dataclass
class GitHub:
    """What it holds and what it was asked."""

    url: str = ""
    comments: list[dict[str, Any]] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)  # methods
    # what goes wrong at the next requests of a method: a status; "drop" before and "lost" after
    # it is done; "html" for an answer that is no JSON
    faults: list[tuple[str, int | str]] = field(default_factory=list)
    next_id: int = 1

    def add(self, body: str, kind: str = "User") -> dict[str, Any]:
        comment = {"id": self.next_id, "body": body, "user": {"type": kind}}
        self.next_id += 1
        self.comments.append(comment)
        return comment

    def take(self, method: str) -> int | str | None:
        self.requests.append(method)
        for one in self.faults:
            if one[0] == method:
                self.faults.remove(one)
                return one[1]
        return None

    def answer(self, method: str, path: str, body: dict[str, Any]) -> tuple[int, Any]:
        parts = urlsplit(path)
        if _COMMENTS.fullmatch(parts.path) and method == "GET":
            query = parse_qs(parts.query)
            size, page = int(query["per_page"][0]), int(query["page"][0])
            return 200, self.comments[(page - 1) * size : page * size]
        if _COMMENTS.fullmatch(parts.path) and method == "POST":
            return 201, self.add(body["body"], "Bot")
        match = _COMMENT.fullmatch(parts.path)
        if match and method == "PATCH":
            comment = next(one for one in self.comments if one["id"] == int(match[1]))
            comment["body"] = body["body"]
            return 200, comment
        return 404, {"message": "Not Found"}


@contextmanager
def github() -> Iterator[GitHub]:
    """Serve one on loopback; its address is in `url`."""
    made = GitHub()

    class Handler(QuietHandler):
        def handle_any(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(length)) if length else {}
            fault = made.take(self.command)
            if self.headers.get("Authorization") != f"Bearer {TOKEN}":
                self._say(401, {"message": "Bad credentials"})
            elif fault == "drop":
                self.connection.close()
            elif isinstance(fault, int):
                self._say(fault, {"message": "no"})
            elif fault == "html":
                self._say(200, None)
            else:
                answer = made.answer(self.command, self.path, body)
                if fault == "lost":
                    self.connection.close()
                else:
                    self._say(*answer)

        do_GET = do_POST = do_PATCH = handle_any

        def _say(self, status: int, answer: Any) -> None:
            raw = b"<html>" if answer is None else json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(raw)))
            self.end_headers()
            self.wfile.write(raw)

    with serving(Handler) as port:
        made.url = f"http://127.0.0.1:{port}"
        yield made
