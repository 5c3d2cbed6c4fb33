from datetime import UTC, datetime
from unittest import mock

import pytest

from handler import handler, message_for
from tradai.common.clock import FrozenClock
from tradai.common.events import Event, new_event

NOON = FrozenClock(datetime(2026, 1, 1, 12, tzinfo=UTC))


def planned(**plan: str | None) -> Event:
    return new_event("order.planned", {"pair": "BTC/USDT:USDT", **plan}, clock=NOON)


def records(*bodies: str) -> dict[str, list[dict[str, str]]]:
    return {"Records": [{"messageId": str(n), "body": body} for n, body in enumerate(bodies)]}


@pytest.mark.parametrize(
    ("plan", "line"),
    [
        (
            {"action": "enter_long", "quantity": "0.033", "at_risk": "99.00 USDT"},
            "12:00 tradai buys 0.033 of BTC/USDT:USDT, 99.00 USDT at risk",
        ),
        (
            {"action": "exit_short", "quantity": "0", "at_risk": None},
            "12:00 tradai closes its short position in BTC/USDT:USDT",
        ),
        ({}, "12:00 tradai does something unknown with BTC/USDT:USDT"),
    ],
)
def test_a_plan_reads_like_a_sentence(plan: dict[str, str | None], line: str) -> None:
    assert message_for(planned(**plan)) == line


def test_orders_are_printed_and_other_events_left_out(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ALERTS_WEBHOOK", raising=False)
    other = new_event("candles.collected", {}, clock=NOON)
    batch = records(planned(action="enter_long").to_json(), other.to_json())
    assert handler(batch, None) == {"batchItemFailures": []}
    assert capsys.readouterr().out == "12:00 tradai buys BTC/USDT:USDT\n"


def test_only_what_is_no_event_comes_again() -> None:
    batch = records("gibberish", new_event("other", {}, clock=NOON).to_json())
    assert handler(batch, None) == {"batchItemFailures": [{"itemIdentifier": "0"}]}
    assert handler({}, None) == {"batchItemFailures": []}


def test_messages_go_to_the_webhook(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALERTS_WEBHOOK", "http://chat")
    with mock.patch("tradai.common.http.JsonClient.post") as post:
        handler(records(planned(action="exit_long").to_json()), None)
    assert "closes its long position" in post.call_args.args[1]["text"]
