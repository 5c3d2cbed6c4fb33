from datetime import UTC, datetime, timedelta
from unittest import mock

from data_collection import backend_client
from data_collection.backend_client import BackendClient
from tradai.common.pairs import Pair
from tradai.common.timeframes import Timeframe
from tradai.data.candles import Candle

BTC, M1 = Pair.parse("BTC/USDT:USDT"), Timeframe("1m")
FIRST = datetime(2026, 1, 1, tzinfo=UTC)
CANDLES = [Candle(FIRST + timedelta(minutes=n), 10, 12, 9, 11, 1.0) for n in range(5)]


def test_candles_go_in_batches() -> None:
    api = mock.Mock(post=mock.Mock(side_effect=lambda _, body: {"saved": len(body["rows"])}))
    with mock.patch.object(backend_client, "BATCH", 2):
        assert BackendClient(api).send(BTC, M1, CANDLES) == 5
    assert [len(call.args[1]["rows"]) for call in api.post.call_args_list] == [2, 2, 1]


def test_candles_come_back() -> None:
    api = mock.Mock(get=mock.Mock(return_value={"rows": [c.to_row() for c in CANDLES]}))
    assert BackendClient(api).candles(BTC, Timeframe("5m"), source=M1) == CANDLES
    api.get.assert_called_once_with(
        "/candles", {"pair": "BTC/USDT:USDT", "timeframe": "5m", "source": "1m"}
    )


def test_a_client_is_made_for_an_address() -> None:
    with mock.patch("tradai.common.http.JsonClient") as api:
        api.return_value.get.return_value = {"status": "ok"}
        assert BackendClient.at("http://backend").is_up()
    api.assert_called_once_with("http://backend")
