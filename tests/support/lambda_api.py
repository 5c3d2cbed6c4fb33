"""A loopback Lambda: functions that take their time over an update, fail it, or get throttled.

It speaks the REST protocol that boto3 speaks. An update is under way for as many looks as a test
says, so nothing depends on time; what moto cannot show (updates under way, failed ones) is here.
"""

from __future__ import annotations

import hashlib
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Literal

from tests.support.loopback import QuietHandler, serving

__all__ = ["FunctionState", "Lambda", "lambda_server"]

# a number: refused with that status, by something that stands before Lambda
Fault = Literal["denied", "throttled", "drop", "lost", "conflict"] | int

_PATH = re.compile(r"/2015-03-31/functions/(?P<name>[^/]+)(?P<what>/code|/versions)?")
_CODES = {
    "denied": (403, "AccessDeniedException"),
    "throttled": (429, "TooManyRequestsException"),
    "conflict": (409, "ResourceConflictException"),
}


@dataclass
class FunctionState:
    """One function."""

    name: str
    uri: str  # repository@digest
    resolved: str = ""  # what `uri` names, where that is a tag
    package: str = "Image"
    pace: int = 2  # looks for which an update is under way
    fails: str = ""  # why the next update fails
    state: str = "Active"
    update: str = "Successful"
    reason: str = ""
    left: int = 0
    updates: int = 0
    revision: int = 0  # changes with the function, as RevisionId does
    versions: list[dict[str, Any]] = field(default_factory=list)

    @property
    def code(self) -> str:
        return hashlib.sha256(self.uri.encode()).hexdigest()


class Lambda:
    """The state of the stand-in, and what it was asked."""

    def __init__(self) -> None:
        self.url = ""
        self._lock = threading.Lock()
        self.reset()

    def reset(self) -> None:
        self.functions: dict[str, FunctionState] = {}
        self.requests: list[str] = []
        self.faults: list[tuple[str, Fault]] = []  # operation and fault, each used once
        self.always: dict[str, Fault] = {}  # what goes wrong at each request, till cleared

    def add(self, function: FunctionState) -> FunctionState:
        self.functions[function.name] = function
        return function

    def count(self, operation: str) -> int:
        return self.requests.count(operation)

    def take_fault(self, operation: str) -> Fault | None:
        with self._lock:
            self.requests.append(operation)
            for one in self.faults:
                if one[0] == operation:
                    self.faults.remove(one)
                    return one[1]
            return self.always.get(operation)

    def answer(self, operation: str, name: str, body: dict[str, Any]) -> tuple[int, Any]:
        with self._lock:
            function = self.functions.get(name)
            if function is None:
                return 404, {"__type": "ResourceNotFoundException", "Message": f"not found: {name}"}
            if operation == "GetFunction":
                self._tick(function)
                code = {
                    "ImageUri": function.uri,
                    "ResolvedImageUri": function.resolved or function.uri,
                }
                return 200, {"Code": code, "Configuration": _configuration(function)}
            if operation == "ListVersions":
                return 200, {"Versions": [_configuration(function), *function.versions]}
            if operation == "UpdateFunctionCode":
                return self._updated(function, body)
            return self._published(function, body)

    def _tick(self, function: FunctionState) -> None:
        if function.update != "InProgress":
            return
        function.left -= 1
        if function.left <= 0:
            function.update = "Failed" if function.fails else "Successful"
            function.revision += 1
            function.reason, function.fails = function.fails, ""

    def _updated(self, function: FunctionState, body: dict[str, Any]) -> tuple[int, Any]:
        if function.update == "InProgress":
            return 409, {"__type": "ResourceConflictException", "Message": "An update is running."}
        if body.get("RevisionId") != str(function.revision):
            return 412, {"__type": "PreconditionFailedException", "Message": "RevisionId"}
        function.uri, function.resolved = body["ImageUri"], ""
        function.revision += 1
        function.updates += 1
        function.update, function.left, function.reason = "InProgress", function.pace, ""
        return 200, _configuration(function)

    def _published(self, function: FunctionState, body: dict[str, Any]) -> tuple[int, Any]:
        if function.update == "InProgress":
            return 409, {"__type": "ResourceConflictException", "Message": "An update is running."}
        if body.get("CodeSha256") != function.code:
            return 400, {"__type": "InvalidParameterValueException", "Message": "CodeSha256"}
        newest = function.versions[-1] if function.versions else None
        if newest and newest["CodeSha256"] == function.code:
            return 201, newest  # as Lambda does where nothing has changed
        made = _configuration(function) | {
            "Version": str(len(function.versions) + 1),
            "Description": body.get("Description", ""),
        }
        function.versions.append(made)
        return 201, made


def _configuration(function: FunctionState) -> dict[str, Any]:
    return {
        "FunctionName": function.name,
        "PackageType": function.package,
        "State": function.state,
        "LastUpdateStatus": function.update,
        "LastUpdateStatusReason": function.reason,
        "Architectures": ["x86_64"],
        "CodeSha256": function.code,
        "RevisionId": str(function.revision),
        "Version": "$LATEST",
    }


def _operation(method: str, what: str | None) -> str:
    return {
        ("GET", None): "GetFunction",
        ("GET", "/versions"): "ListVersions",
        ("PUT", "/code"): "UpdateFunctionCode",
        ("POST", "/versions"): "PublishVersion",
    }[method, what]


@contextmanager
def lambda_server() -> Iterator[Lambda]:
    """Serve a stand-in on loopback; its address is in `url`."""
    api = Lambda()

    class Handler(QuietHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True  # head and body are sent one after the other

        def handle_any(self) -> None:
            match = _PATH.match(self.path)
            assert match is not None, self.path
            length = int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(length)) if length else {}
            operation = _operation(self.command, match["what"])
            fault = api.take_fault(operation)
            answer: Any
            if fault in {"drop", "lost"}:
                if fault == "lost":
                    api.answer(operation, match["name"], body)
                self.close_connection = True
                self.connection.close()
                return
            if isinstance(fault, int):
                status, answer = fault, {}
            elif fault is not None:
                status, code = _CODES[fault]
                answer = {"__type": code, "Message": f"User may not: lambda:{operation}"}
            else:
                status, answer = api.answer(operation, match["name"], body)
            raw = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(raw)))
            if "__type" in answer:
                self.send_header("x-amzn-ErrorType", answer["__type"])
            self.end_headers()
            self.wfile.write(raw)

        do_GET = do_PUT = do_POST = handle_any

    with serving(Handler) as port:
        api.url = f"http://127.0.0.1:{port}"
        yield api
