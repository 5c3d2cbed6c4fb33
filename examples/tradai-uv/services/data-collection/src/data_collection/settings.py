"""The settings, from `COLLECT_…` variables."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from tradai.common.config import from_env

__all__ = ["Settings", "load_settings"]


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What to collect, from where, and how often.

    Attributes:
        exchange_url: Address of the candle server.
        backend_url: Address of the backend.
        pairs: What to collect.
        timeframe: Length of a candle.
        history_hours: How far back the first round goes.
        pause: Seconds between two rounds.
    """

    exchange_url: str
    backend_url: str
    pairs: tuple[str, ...] = ("BTC/USDT:USDT", "ETH/USDT:USDT", "SOL/USDT:USDT")
    timeframe: str = "1m"
    history_hours: int = 24
    pause: float = 60.0


def load_settings(environ: Mapping[str, str]) -> Settings:
    """Read the settings from the environment."""
    return from_env(Settings, "collect", environ)
