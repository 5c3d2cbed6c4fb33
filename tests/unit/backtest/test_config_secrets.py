"""Secrets in freqtrade's configurations: found, named, and taken out of what is kept."""

from __future__ import annotations

import io
import json
import zipfile

import pytest

from tradai_tasks.backtest.config_secrets import (
    config_files,
    is_config,
    parse_config,
    redacted,
    redacted_archive,
    redacted_json,
    secret_keys,
    secret_variables,
    secrets_of_config,
)
from tradai_tasks.errors import BacktestError

# freqtrade's own list (configuration/config_secrets.py of 2026.9)
FREQTRADES_OWN = [
    "exchange.key", "exchange.api_key", "exchange.apiKey", "exchange.secret", "exchange.password",
    "exchange.uid", "exchange.account_id", "exchange.accountId", "exchange.wallet_address",
    "exchange.walletAddress", "exchange.private_key", "exchange.privateKey", "telegram.token",
    "telegram.chat_id", "discord.webhook_url", "api_server.password", "webhook.url",
    "coingecko.api_key",
]  # fmt: skip
FURTHER = [
    "api_server.jwt_secret_key", "api_server.ws_token", "exchange.ccxt_config.apiKey",
    "exchange.ccxt_async_config.privateKey", "exchange.ccxt_config.headers.X-MBX-APIKEY",
    "exchange.ccxt_config.headers.Authorization", "exchange.passphrase", "my_section.api-secret",
]  # fmt: skip


def nested(path: str, value: object) -> dict[str, object]:
    first, _, rest = path.partition(".")
    return {first: nested(rest, value) if rest else value}


@pytest.mark.parametrize("path", [*FREQTRADES_OWN, *FURTHER])
def test_every_sensitive_key_is_found_and_redacted(path: str) -> None:
    document = nested(path, "hidden-1")
    assert secret_keys(document) == (path,)
    assert redacted(document) == nested(path, "REDACTED")
    assert secret_keys(redacted(document)) == ()
    assert secret_keys(nested(path, "")) == ()
    assert secret_keys(nested(path, None)) == ()


def test_secrets_are_found_by_what_they_are_and_inside_lists() -> None:
    document = {
        "db_url": "postgresql://bot:hidden-2@db.example/trades",
        "external_message_consumer": {"producers": [{"host": "h", "ws_token": "hidden-3"}]},
        "telegram": {"chat_id": 12345, "enabled": True},
        "notes": "https://discord.com/api/webhooks/1/hidden-4",
        "exchange": {"ccxt_config": {"urls": {"proxy": "http://me:hidden-5@proxy.example"}}},
    }
    assert secret_keys(document) == (
        "db_url",
        "external_message_consumer.producers.0.ws_token",
        "telegram.chat_id",
        "notes",
        "exchange.ccxt_config.urls.proxy",
    )
    text = json.dumps(redacted(document))
    assert "hidden" not in text
    assert "12345" not in text
    assert {"hidden-2", "hidden-3", "12345", "hidden-5"} <= set(secrets_of_config(document))


def test_what_is_no_secret_stays() -> None:
    document = {
        "exchange": {"name": "binance", "key": "", "secret": "", "pair_whitelist": ["TOKEN/USDT"]},
        "api_server": {"username": "me", "listen_port": 8080, "jwt_secret_key": ""},
        "telegram": {"enabled": False, "token": "", "keyboard": [["/daily"]], "chat_id": 0},
        "db_url": "sqlite:///trades.sqlite",
        "freqai": {"identifier": "one"},
        "exchange_url": "https://api.example/v1",
    }
    assert secret_keys(document) == ()
    assert redacted(document) == document


def test_freqtrades_dialect_has_comments_and_trailing_commas() -> None:
    text = b"""\xef\xbb\xbf{ // of the bot
      /* several
         lines */ "exchange": {"key": "a//b,}", "pairs": ["A/B", /* one */ ],},
    }"""
    document = parse_config(text, "c.json")
    assert document == {"exchange": {"key": "a//b,}", "pairs": ["A/B"]}}
    assert json.loads(redacted_json(text, "c.json"))["exchange"]["key"] == "REDACTED"
    plain = b'{"exchange": {}, }'
    assert redacted_json(plain, "c.json") is plain
    with pytest.raises(BacktestError, match=r"^c\.json: not a configuration of freqtrade: "):
        parse_config("{", "c.json")


def test_configurations_that_are_added_are_read_too() -> None:
    there = {
        "configs/config.json": b'{"add_config_files": ["more/keys.json", "../base.json"]}',
        "configs/more/keys.json": b'{"exchange": {"key": "k"}, "add_config_files": ["x.json"]}',
        "configs/more/x.json": b"{}",
        "base.json": b"{}",
    }
    assert set(config_files("configs/config.json", there.get)) == set(there)
    there["base.json"] = b'{"add_config_files": ["none.json"]}'
    with pytest.raises(BacktestError, match=r"none\.json: no such file; base\.json adds it"):
        config_files("configs/config.json", there.get)
    there["base.json"] = b'{"add_config_files": ["base.json"]}'
    with pytest.raises(BacktestError, match="without end"):
        config_files("configs/config.json", there.get)


def test_a_configuration_is_distinguished_from_other_json() -> None:
    assert is_config({"exchange": {}})
    assert is_config({"telegram": {}})
    assert not is_config({"name": "x"})
    assert not is_config([1])


def test_variables_of_freqtrade_that_hold_a_secret_are_named() -> None:
    lines = [
        "FREQTRADE__EXCHANGE__KEY=abc",
        "export FREQTRADE__TELEGRAM__TOKEN='x'",
        "FREQTRADE__EXCHANGE__SECRET=",
        "FREQTRADE__STAKE_AMOUNT=100",
        "PATH=/bin",
    ]
    assert secret_variables(iter(lines)) == (
        "FREQTRADE__EXCHANGE__KEY",
        "FREQTRADE__TELEGRAM__TOKEN",
    )


def archive(**members: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as made:
        for name, content in members.items():
            made.writestr(zipfile.ZipInfo(f"r{name}", (2026, 2, 1, 0, 0, 0)), content)
    return out.getvalue()


def test_an_archive_keeps_all_but_the_secrets_of_its_configuration() -> None:
    config = b'{"api_server": {"jwt_secret_key": "hidden", "ws_token": "hidden"}, "fee": 0.1}'
    given = archive(**{".json": b"{}", "_config.json": config, "_Bot.py": b"x = 1"})
    made = redacted_archive(given)
    assert redacted_archive(given) == made
    with zipfile.ZipFile(io.BytesIO(made)) as opened:
        assert opened.namelist() == ["r.json", "r_config.json", "r_Bot.py"]
        document = json.loads(opened.read("r_config.json"))
        assert document == {
            "api_server": {"jwt_secret_key": "REDACTED", "ws_token": "REDACTED"}, "fee": 0.1
        }  # fmt: skip
        assert opened.read("r_Bot.py") == b"x = 1"
        assert opened.testzip() is None
    with pytest.raises(BacktestError, match="not an archive"):
        redacted_archive(b"no zip")
