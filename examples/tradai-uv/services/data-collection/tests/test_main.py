from unittest import mock

import pytest

from data_collection import __main__ as program
from data_collection.settings import load_settings
from tradai.common.config import ConfigError

ENVIRON = {
    "COLLECT_EXCHANGE_URL": "http://exchange",
    "COLLECT_BACKEND_URL": "http://backend",
    "COLLECT_PAIRS": "BTC/USDT:USDT,ETH/USDT:USDT",
}


def test_addresses_must_be_set() -> None:
    with pytest.raises(ConfigError, match="COLLECT_EXCHANGE_URL is not set"):
        load_settings({})


@pytest.mark.parametrize(("collected", "status"), [(2, 0), (1, 1)])
def test_one_round_tells_by_its_status_whether_all_went_well(collected: int, status: int) -> None:
    with (
        mock.patch.dict("os.environ", ENVIRON),
        mock.patch("data_collection.__main__.configure"),
        mock.patch("data_collection.collector.Collector.round") as one_round,
    ):
        one_round.return_value = dict.fromkeys(range(collected), 1)
        assert program.main(["--once"]) == status
    assert [str(pair) for pair in one_round.call_args.args[0]] == ["BTC/USDT:USDT", "ETH/USDT:USDT"]


def test_it_goes_on_after_a_pause() -> None:
    with (
        mock.patch.dict("os.environ", ENVIRON),
        mock.patch("data_collection.__main__.configure"),
        mock.patch("data_collection.collector.Collector.round", return_value={}),
        mock.patch("time.sleep", side_effect=KeyboardInterrupt) as sleep,
        pytest.raises(KeyboardInterrupt),
    ):
        program.main([])
    sleep.assert_called_once_with(60.0)
