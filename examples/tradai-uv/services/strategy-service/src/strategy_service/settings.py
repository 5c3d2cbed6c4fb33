"""The settings, from `STRATEGY_…` variables."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from tradai.common.config import from_env

__all__ = ["Settings", "load_settings"]


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Which strategy runs, on what, with how much.

    Attributes:
        backend_url: Address of the backend.
        path: The strategy, as `module:Class`.
        pairs: What it trades.
        equity: What the account is worth, in USDT.
        step: Smallest difference between two order sizes, in the base currency.
        publish: Whether plans travel as events.
    """

    backend_url: str
    path: str = "strategy_service.demo:CrossStrategy"
    pairs: tuple[str, ...] = ("BTC/USDT:USDT",)
    equity: Decimal = Decimal(10_000)
    step: Decimal = Decimal("0.001")
    publish: bool = False


def load_settings(environ: Mapping[str, str]) -> Settings:
    """Read the settings from the environment."""
    return from_env(Settings, "strategy", environ)
