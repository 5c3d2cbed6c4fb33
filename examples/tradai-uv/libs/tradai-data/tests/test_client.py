from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from unittest import mock

from tradai.common.pairs import Pair
from tradai.common.timeframes import Timeframe
from tradai.data.candles import Candle
from tradai.data.client import PATIENT, CandleClient, open_client

BTC, M1 = Pair.parse("BTC/USDT:USDT"), Timeframe("1m")
FIRST = datetime(2026, 1, 1, tzinfo=UTC)
Series = Callable[[int], list[Candle]]


def server_with(candles: list[Candle]) -> mock.Mock:
    rows = [candle.to_row() for candle in candles]

    def get(path: str, params: Mapping[str, int]) -> list[list[float]]:
        assert path == "/klines"
        return [row for row in rows if row[0] >= params["startTime"]][: params["limit"]]

    return mock.Mock(get=mock.Mock(side_effect=get))


def test_pages_follow_each_other(minutes: Series) -> None:
    server = server_with(minutes(7))
    client = CandleClient(server, page_size=3)
    assert list(client.closed(BTC, M1, FIRST, now=FIRST + timedelta(hours=1))) == minutes(7)
    assert server.get.call_count == 3
    assert server.get.call_args.args[1]["symbol"] == "BTC_USDT_USDT"


def test_a_candle_that_has_not_closed_is_left_out(minutes: Series) -> None:
    client = CandleClient(server_with(minutes(3)))
    now = FIRST + timedelta(minutes=2, seconds=59)
    assert list(client.closed(BTC, M1, FIRST, now=now)) == minutes(2)


def test_the_client_is_patient() -> None:
    with mock.patch("tradai.data.client.JsonClient") as api:
        open_client("http://exchange")
    api.assert_called_once_with("http://exchange", timeout=30.0, policy=PATIENT)
