from datetime import UTC, datetime, timedelta

import pytest

from tradai.common.clock import FrozenClock
from tradai.common.events import Event, EventBus, EventFormatError, new_event
from tradai.common.ids import client_order_id, new_id, time_of

AT = datetime(2026, 3, 4, 5, 6, 7, 891000, tzinfo=UTC)


def test_events_survive_the_wire() -> None:
    event = new_event("candles.collected", {"pair": "BTC/USDT", "count": 3}, clock=FrozenClock(AT))
    assert event.at == AT
    assert Event.from_json(event.to_json()) == event


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        '{"id":"1","kind":"x","at":"soon"}',
        '{"id":"1","kind":"x","at":"2026-01-01"}',  # no time zone
    ],
)
def test_other_texts_are_no_events(text: str) -> None:
    with pytest.raises(EventFormatError, match="no event"):
        Event.from_json(text)


def test_subscribers_get_their_kind() -> None:
    bus, seen = EventBus(), []
    bus.subscribe("a", lambda event: seen.append(("a", event.kind)))
    bus.subscribe("*", lambda event: seen.append(("*", event.kind)))
    assert bus.publish(new_event("a", {})) == 2
    assert bus.publish(new_event("b", {})) == 1
    assert seen == [("a", "a"), ("*", "a"), ("*", "b")]


def test_ids_sort_by_time_and_tell_it() -> None:
    earlier, later = new_id("evt", AT), new_id("evt", AT + timedelta(milliseconds=1))
    assert earlier < later
    assert new_id("evt", AT) != earlier
    assert time_of(earlier) == AT
    with pytest.raises(ValueError, match="no identifier"):
        time_of("evt_1")


def test_an_order_id_is_the_same_for_the_same_signal() -> None:
    first = client_order_id("momentum", "BTC/USDT:USDT", AT)
    assert first == client_order_id("momentum", "BTC/USDT:USDT", AT)
    assert first != client_order_id("momentum", "ETH/USDT:USDT", AT)
    assert len(first) <= 36  # what exchanges take
