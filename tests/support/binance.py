"""A loopback exchange: perpetual contracts with candles, mark prices and funding rates.

Prices follow from the time alone, so any stretch of them is the same whoever asks for it.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

from candles import exchange_info
from tests.support.loopback import QuietHandler, serving

__all__ = ["Exchange", "exchange"]

_HOUR = 3_600_000  # milliseconds
_MOST = 1000  # rows in an answer


@dataclass
class Exchange:
    """What is served, and what was asked for."""

    url: str = ""
    first: int = 0  # milliseconds; nothing was traded before
    until: int = 0  # milliseconds; nor after
    down: bool = False
    asked: list[str] = field(default_factory=list)  # paths

    def answer(self, path: str, query: dict[str, int | str]) -> tuple[int, Any]:
        if self.down:
            return 451, {"code": 0, "msg": "not from your location"}
        start = max(int(query.get("startTime", 0)), self.first)
        end = min(int(query.get("endTime", self.until)), self.until)
        most = min(int(query.get("limit", 500)), _MOST)
        if path == "/fapi/v1/exchangeInfo":
            return 200, exchange_info()
        if path in {"/fapi/v1/klines", "/fapi/v1/markPriceKlines"}:
            return 200, [_candle(at) for at in _times(start, end, _HOUR)][:most]
        if path == "/fapi/v1/fundingRate":
            row = {"symbol": query["symbol"], "fundingRate": "0.0001", "markPrice": "1"}
            times = _times(start, end, 8 * _HOUR)
            return 200, [{**row, "fundingTime": at} for at in times][:most]
        return 404, {"code": -1, "msg": f"not served: {path}"}


def _times(start: int, end: int, step: int) -> range:
    return range(-(-start // step) * step, end, step)


def _candle(at: int) -> list[Any]:
    def price(hour: float) -> float:
        return 50_000 * (1 + 0.05 * math.sin(hour / 9) + 0.02 * math.sin(hour / 2.3))

    opened, closed = price(at / _HOUR), price(at / _HOUR + 1)
    high, low = max(opened, closed) * 1.001, min(opened, closed) * 0.999
    prices = [f"{value:.2f}" for value in (opened, high, low, closed)]
    return [at, *prices, "100", at + _HOUR - 1, "1", 1, "1", "1", "0"]


@contextmanager
def exchange(*, first: int, until: int) -> Iterator[Exchange]:
    """Serve on a free port of this machine."""
    served = Exchange(first=first, until=until)

    class Handler(QuietHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            address = urlsplit(self.path)
            served.asked.append(address.path)
            query: dict[str, int | str] = {k: v[0] for k, v in parse_qs(address.query).items()}
            status, document = served.answer(address.path, query)
            body = json.dumps(document).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    with serving(Handler) as port:
        served.url = f"http://127.0.0.1:{port}"
        yield served
