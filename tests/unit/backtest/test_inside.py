"""Before freqtrade starts: missing candles are found, connections are refused."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tradai_tasks.backtest.isolated.guard import refused_host, started_child
from tradai_tasks.backtest.isolated.series import (
    FoundSeries,
    NeededSeries,
    missing_parts,
    plain_pairs,
    split_informative,
    without_market,
)

HOUR, DAY = 3600, 86_400
START = 1_767_312_000  # 2026-01-02
END = START + 30 * DAY
NEEDED = NeededSeries("BTC/USDT:USDT", "1h", "futures", HOUR, START, END, "futures/a.feather")
FUNDING = replace(NEEDED, candle="funding_rate")
WHOLE = FoundSeries(first=START, last=END - HOUR, begins=START, ends=END)


def test_a_whole_series_has_no_missing_part() -> None:
    assert missing_parts(NEEDED, WHOLE, 0) == []
    assert missing_parts(FUNDING, replace(WHOLE, last=END - 8 * HOUR), 0) == []


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"fault": "no file of that name"}, "no file of that name"),
        ({"first": None}, "no candle from 2026-01-02 to 2026-02-01"),
        ({"first": START + HOUR}, "nothing from 2026-01-02 to 2026-01-02 01:00"),
        ({"first": START + 5 * DAY}, "nothing from 2026-01-02 to 2026-01-07"),
        ({"last": END - 2 * HOUR}, "nothing from 2026-01-31 23:00 to 2026-02-01"),
        ({"unordered": True}, "its candles are not in the order of time, or one is there twice"),
        ({"empty_prices": 3}, "3 candles without a price"),
        (
            {"holes": [(START + DAY - HOUR, START + 2 * DAY)]},
            "nothing from 2026-01-03 to 2026-01-04",
        ),
    ],
)
def test_missing_parts_are_named(changed: dict[str, object], said: str) -> None:
    (found,) = missing_parts(NEEDED, replace(WHOLE, **changed), 0.1)  # type: ignore[arg-type]  # any field
    assert found.startswith(said)


def test_the_message_says_what_the_file_does_hold() -> None:
    elsewhere = FoundSeries(begins=START - 90 * DAY, ends=START - 60 * DAY)
    (found,) = missing_parts(NEEDED, elsewhere, 0)
    assert found.endswith("(it holds 2025-10-04 to 2025-11-03)")
    (found,) = missing_parts(NEEDED, FoundSeries(), 0)
    assert found.endswith("(it holds none)")


def test_small_holes_are_borne_as_far_as_settings_say() -> None:
    hole = replace(WHOLE, holes=[(START, START + 2 * HOUR)])  # 1 of 720
    assert missing_parts(NEEDED, hole, 0.2) == []
    assert missing_parts(NEEDED, hole, 0.1) == ["nothing from 2026-01-02 01:00 to 2026-01-02 02:00"]
    many = replace(WHOLE, holes=[(START + n * DAY, START + n * DAY + 2 * HOUR) for n in range(5)])
    (found,) = missing_parts(NEEDED, many, 0)
    assert found.endswith("and 2 more holes")


def test_funding_settles_every_eight_hours_at_the_rarest() -> None:
    usual = replace(WHOLE, last=END - 8 * HOUR, holes=[(START, START + 8 * HOUR)])
    assert missing_parts(FUNDING, usual, 0) == []
    gone = replace(usual, holes=[(START, START + 16 * HOUR)])
    assert missing_parts(FUNDING, gone, 0) != []
    assert missing_parts(FUNDING, replace(usual, first=START + 9 * HOUR), 0) != []
    assert missing_parts(FUNDING, replace(usual, last=END - 17 * HOUR), 0) != []


def test_weeks_need_not_begin_where_the_window_does() -> None:
    week = replace(NEEDED, timeframe="1w", step=7 * DAY)
    seen = FoundSeries(first=START + 3 * DAY, last=END - 9 * DAY)
    assert missing_parts(week, seen, 0) == []
    assert missing_parts(week, replace(seen, last=END - 15 * DAY), 0) != []


@pytest.mark.parametrize(
    ("event", "args", "where"),
    [
        ("socket.connect", (None, ("127.0.0.1", 80)), None),
        ("socket.connect", (None, "/run/a.sock"), None),
        ("socket.connect", (None, ("::1", 80, 0, 0)), None),
        ("socket.connect", (None, ("10.0.0.1", 443)), "10.0.0.1:443"),
        ("socket.getaddrinfo", ("api.example", 443), "api.example:443"),
        ("socket.getaddrinfo", (b"api.example", 443), "api.example:443"),
        ("socket.getaddrinfo", (None, 80), None),
        ("socket.getaddrinfo", ("localhost", 80), None),
        ("socket.gethostbyname", ("api.example",), "api.example"),
        ("socket.sendto", (None, ("192.0.2.1", 53)), "192.0.2.1:53"),
        ("socket.sendmsg", (None, None), None),
        ("open", ("x",), None),
    ],
)
def test_connections_to_other_machines_are_known(
    event: str, args: tuple[object, ...], where: str | None
) -> None:
    assert refused_host(event, args) == where


def test_pairs_must_be_named() -> None:
    assert plain_pairs(["BTC/USDT:USDT"]) == ["BTC/USDT:USDT"]
    for pairs, said in (
        (None, "has no exchange.pair_whitelist"),
        ([], "has no exchange.pair_whitelist"),
        ([".*/USDT:USDT"], "is a pattern"),
        (["A/B", "A/B"], "is there twice"),
    ):
        with pytest.raises(ValueError, match=said):
            plain_pairs(pairs)


def test_informative_settings_are_for_all_pairs_or_for_one() -> None:
    found = split_informative(["4h", "BTC/USDT:USDT 1d"], ["A/B", "C/B"])
    assert found == [("A/B", "4h"), ("C/B", "4h"), ("BTC/USDT:USDT", "1d")]


def test_pairs_without_a_market_are_found() -> None:
    snapshot = {"symbols": [{"baseAsset": "BTC", "quoteAsset": "USDT"}]}
    pairs = ["BTC/USDT:USDT", "BTC/USDT", "BTC/EUR", "DOGE/USDT:USDT"]
    assert without_market(snapshot, pairs) == ["BTC/EUR", "DOGE/USDT:USDT"]


@pytest.mark.parametrize(
    ("event", "args", "said"),
    [
        ("subprocess.Popen", ("/usr/bin/curl", ["curl", "-s", "x"], None, None), "curl"),
        ("subprocess.Popen", ("/bin/sh", "echo hello", None, None), "echo"),
        ("os.system", (b"curl x",), "curl"),
        ("os.posix_spawn", ("/bin/true", ["true"], {}), "true"),
        ("os.exec", (b"/bin/true", ["true"], None), "true"),
        ("os.fork", (), "os.fork"),
        ("os.forkpty", (), "os.forkpty"),
        ("open", ("/etc/passwd", "r", 0), None),
        ("socket.connect", (None, ("127.0.0.1", 1)), None),
    ],
)
def test_what_starts_a_process_is_known(event: str, args: tuple[object, ...], said: str) -> None:
    assert started_child(event, args) == said
