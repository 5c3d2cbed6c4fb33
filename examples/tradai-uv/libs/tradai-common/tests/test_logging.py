import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest

from tradai.common.logging import configure


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    stream = io.StringIO()
    configure("backend", level="debug", stream=stream)
    yield stream
    root.handlers, root.level = handlers, level


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_record_is_a_json_object(stream: io.StringIO) -> None:
    logging.getLogger("orders").info("filled %d", 3, extra={"pair": "BTC/USDT"})
    [line] = lines(stream)
    assert line["message"] == "filled 3"
    assert line["service"] == "backend"
    assert line["level"] == "INFO"
    assert line["pair"] == "BTC/USDT"


def test_secrets_are_masked(stream: io.StringIO) -> None:
    logging.getLogger("x").info("login", extra={"Api_Key_id": "abc", "access_token": "def"})
    [line] = lines(stream)
    assert line["Api_Key_id"] == line["access_token"] == "***"


def test_exceptions_are_told(stream: io.StringIO) -> None:
    try:
        raise KeyError("pair")
    except KeyError:
        logging.getLogger("x").exception("failed")
    assert "KeyError: 'pair'" in lines(stream)[0]["exception"]


def test_configuring_again_replaces(stream: io.StringIO) -> None:
    again = io.StringIO()
    configure("backend", stream=again)
    logging.getLogger("x").warning("once")
    assert stream.getvalue() == ""
    assert len(lines(again)) == 1
