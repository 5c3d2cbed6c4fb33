from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path

import pytest

from tradai.common.config import ConfigError, from_env


@dataclass(frozen=True)
class Settings:
    url: str
    port: int
    fee: Decimal = Decimal("0.0005")
    folder: Path = Path("data")
    pairs: tuple[str, ...] = ()
    dry_run: bool = True
    names: tuple[str, ...] = field(default_factory=tuple)


def test_variables_become_fields() -> None:
    environ = {
        "APP_URL": "http://127.0.0.1",
        "APP_PORT": "8000",
        "APP_FEE": "0.001",
        "APP_PAIRS": "BTC/USDT, ETH/USDT,",
        "APP_DRY_RUN": "no",
    }
    settings = from_env(Settings, "app", environ)
    assert settings == Settings(
        url="http://127.0.0.1",
        port=8000,
        fee=Decimal("0.001"),
        pairs=("BTC/USDT", "ETH/USDT"),
        dry_run=False,
    )


def test_every_fault_is_told_and_no_value_shown() -> None:
    environ = {"APP_PORT": "hunter2", "APP_DRY_RUN": "perhaps", "APP_FEE": "free"}
    with pytest.raises(ConfigError) as caught:
        from_env(Settings, "app", environ)
    message = str(caught.value)
    assert message.count("\n") == 3
    assert "APP_URL is not set" in message
    assert "APP_PORT is not a valid" in message
    assert "hunter2" not in message


def test_only_dataclasses_with_readable_fields() -> None:
    @dataclass
    class Odd:
        value: complex

    with pytest.raises(TypeError, match="no dataclass"):
        from_env(int, "app", {})
    with pytest.raises(TypeError, match="no reader"):
        from_env(Odd, "app", {})
