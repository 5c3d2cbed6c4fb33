from collections.abc import Iterator
from datetime import UTC, datetime
from unittest import mock

import pytest
from fastapi.testclient import TestClient

from backend.app import create_app
from tradai.common.clock import FrozenClock
from tradai.data.storage import MemoryStore

NOW = datetime(2026, 1, 2, tzinfo=UTC)
FIRST = 1767225600000  # 2026-01-01 00:00 UTC
ROWS = [[FIRST + n * 60_000, 10.0 + n, 12.0 + n, 9.0 + n, 11.0 + n, 1.0] for n in range(10)]
BATCH = {"pair": "BTC/USDT:USDT", "timeframe": "1m", "rows": ROWS}


@pytest.fixture
def client() -> Iterator[TestClient]:
    app = create_app(MemoryStore(), FrozenClock(NOW))
    with TestClient(app, raise_server_exceptions=False) as client:
        yield client


def test_health_tells_version_and_time(client: TestClient) -> None:
    answer = client.get("/health").json()
    assert answer["status"] == "ok"
    assert answer["time"] == "2026-01-02T00:00:00+00:00"
    assert answer["version"]


def test_candles_come_back_as_they_were_sent(client: TestClient) -> None:
    assert client.post("/candles", json=BATCH).json() == {"saved": 10}
    assert client.post("/candles", json=BATCH).json() == {"saved": 10}
    query = {"pair": "BTC/USDT:USDT", "timeframe": "1m"}
    assert client.get("/candles", params=query).json()["rows"] == ROWS
    assert client.get("/candles", params={**query, "limit": 2}).json()["rows"] == ROWS[-2:]
    assert client.get("/pairs").json() == ["BTC/USDT:USDT"]


def test_candles_are_resampled(client: TestClient) -> None:
    client.post("/candles", json=BATCH)
    query = {"pair": "BTC/USDT:USDT", "timeframe": "5m", "source": "1m"}
    rows = client.get("/candles", params=query).json()["rows"]
    assert rows == [
        [FIRST, 10.0, 16.0, 9.0, 15.0, 5.0],
        [FIRST + 300_000, 15.0, 21.0, 14.0, 20.0, 5.0],
    ]


def test_what_is_not_there_is_not_found(client: TestClient) -> None:
    answer = client.get("/candles", params={"pair": "ETH/USDT", "timeframe": "1m"})
    assert answer.status_code == 404


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"pair": "bitcoin"}, "no pair"),
        ({"timeframe": "hourly"}, "no timeframe"),
        ({"rows": [[FIRST, 10.0, 5.0, 9.0, 11.0, 1.0]]}, "not the highest"),
        ({"rows": [[FIRST, 10.0]]}, "Field required"),
    ],
)
def test_bad_candles_are_refused(client: TestClient, change: dict[str, object], words: str) -> None:
    answer = client.post("/candles", json={**BATCH, **change})
    assert answer.status_code == 422
    assert words in answer.text


def test_a_failure_has_a_reference_and_no_details(client: TestClient) -> None:
    with mock.patch("tradai.data.storage.MemoryStore.pairs", side_effect=OSError("disk on fire")):
        answer = client.get("/pairs")
    assert answer.status_code == 500
    assert answer.json()["reference"].startswith("err_")
    assert "fire" not in answer.text
