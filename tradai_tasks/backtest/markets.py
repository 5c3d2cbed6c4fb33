"""Serve a snapshot of an exchange's markets to freqtrade from a local HTTP server.

freqtrade asks the exchange for its markets before every backtest. Exchanges refuse many addresses
of CI machines, and their answers change from day to day.
"""

from __future__ import annotations

import hashlib
import json
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from tradai_tasks.errors import CandlesError


@dataclass(frozen=True, kw_only=True, slots=True)
class Api:
    """An exchange's API for its markets, and its names in ccxt."""

    exchange: str
    mode: str  # freqtrade's trading_mode
    host: str  # the exchange's own address
    base: str  # path of the API
    ccxt: str  # its name in ccxt's `urls.api`
    types: tuple[str, ...]  # the market types that ccxt fetches

    @property
    def path(self) -> str:
        """The path of the request for the markets."""
        return f"{self.base}/exchangeInfo"

    @property
    def file(self) -> str:
        """Name of the snapshot in the candle folder."""
        return f"markets-{self.mode}.json"


APIS = (
    Api(
        exchange="binance",
        mode="futures",
        host="https://fapi.binance.com",
        base="/fapi/v1",
        ccxt="fapiPublic",
        types=("linear",),
    ),
    Api(
        exchange="binance",
        mode="spot",
        host="https://api.binance.com",
        base="/api/v3",
        ccxt="public",
        types=("spot",),
    ),
)


def api_of(exchange: str, mode: str) -> Api:
    """Return the API of an exchange; raise CandlesError if its snapshots are not supported."""
    for api in APIS:
        if (api.exchange, api.mode) == (exchange, mode):
            return api
    known = ", ".join(f"{api.exchange} {api.mode}" for api in APIS)
    raise CandlesError(f"{exchange} {mode}: no backtests on this exchange; there are: {known}")


def ccxt_configs(address: str) -> dict[str, dict[str, Any]]:
    """Return the configuration that makes ccxt use another address, by `exchange mode`."""
    return {
        f"{api.exchange} {api.mode}": {
            "urls": {"api": {api.ccxt: f"{address}{api.base}"}},
            "options": {"fetchMarkets": {"types": list(api.types)}},
        }
        for api in APIS
    }


def markets_digest(snapshot: bytes) -> str:
    """Return the SHA-256 of a snapshot's content, without its layout and the server's time."""
    document = json.loads(snapshot)
    document.pop("serverTime", None)
    text = json.dumps(document, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


@dataclass(frozen=True, kw_only=True, slots=True)
class Markets:
    """The market server: its address, and the requests that it refused."""

    address: str
    refused: list[str] = field(default_factory=list)  # requests for anything else
    missing: list[str] = field(default_factory=list)  # requested snapshots that do not exist
    # serves another listening socket until the server ends
    answer: Callable[[socket.socket], None] = field(default=lambda _: None, compare=False)

    @property
    def port(self) -> int:
        """The port of its address."""
        return int(self.address.rpartition(":")[2])


@contextmanager
def serve_markets(store: Path) -> Iterator[Markets]:
    """Serve the snapshots in a data folder on a free port of this machine."""
    refused: list[str] = []
    missing: list[str] = []
    handler = _handler(store, refused, missing)
    with ExitStack() as stack:

        def start(server: ThreadingHTTPServer) -> None:
            thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
            thread.start()
            stack.callback(server.server_close)
            stack.callback(thread.join)
            stack.callback(server.shutdown)

        def answer(listening: socket.socket) -> None:
            server = ThreadingHTTPServer(("", 0), handler, bind_and_activate=False)
            server.socket.close()
            server.socket = listening
            start(server)

        first = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        start(first)
        address = f"http://127.0.0.1:{first.server_port}"
        yield Markets(address=address, refused=refused, missing=missing, answer=answer)


def _handler(store: Path, refused: list[str], missing: list[str]) -> type[BaseHTTPRequestHandler]:
    """Return what answers requests with snapshots, and records refused and missing ones."""
    snapshots = {api.path: store / api.exchange / api.file for api in APIS}

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _answer(self) -> None:
            path = self.path.partition("?")[0]
            file = snapshots.get(path) if self.command == "GET" else None
            if file is None:
                refused.append(f"{self.command} {path}")
                self._send(404, {"code": -1, "msg": f"a backtest may not ask for {path}"})
            elif not file.is_file():
                missing.append(str(file))
                self._send(404, {"code": -1, "msg": f"there is no {file.name}"})
            else:
                self._send(200, json.loads(file.read_bytes()))

        do_GET = do_POST = do_PUT = do_DELETE = _answer

        def _send(self, status: int, document: Mapping[str, Any]) -> None:
            body = json.dumps(document).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base's name
            """Log nothing: refused requests are reported at the end."""

    return Handler
