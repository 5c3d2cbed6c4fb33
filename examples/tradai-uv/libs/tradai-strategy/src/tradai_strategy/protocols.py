"""What the platform asks of a strategy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, runtime_checkable

if TYPE_CHECKING:  # pandas takes half a second to import, and is needed here for types alone
    from pandas import DataFrame

__all__ = ["RiskLimits", "Strategy"]


@dataclass(frozen=True, kw_only=True, slots=True)
class RiskLimits:
    """What a strategy may lose.

    Attributes:
        stop_loss: Fraction below the entry price at which a position is closed.
        risk_per_trade: Fraction of the equity lost when the stop is hit.
        max_leverage: Position size over margin, at most.
    """

    stop_loss: float
    risk_per_trade: float = 0.01
    max_leverage: float = 1.0

    def __post_init__(self) -> None:
        """Refuse limits that limit nothing.

        Raises:
            ValueError: A fraction is not between 0 and 1, or the leverage is below 1.
        """
        if not (0 < self.stop_loss < 1 and 0 < self.risk_per_trade < 1):
            raise ValueError("stop_loss and risk_per_trade are fractions between 0 and 1")
        if self.max_leverage < 1:
            raise ValueError("max_leverage must be at least 1")


@runtime_checkable
class Strategy(Protocol):
    """A strategy on candles.

    Frames have a row for each closed candle, oldest first, with the columns `date`, `open`,
    `high`, `low`, `close` and `volume`. The methods may add columns to the frame they are given;
    they must not look at later rows than the one they judge.
    """

    @property
    def name(self) -> str:
        """What the strategy goes by: lower case, words joined by hyphens."""
        ...

    @property
    def timeframe(self) -> str:
        """The candles it wants, such as `1h`."""
        ...

    @property
    def warm_up(self) -> int:
        """How many candles it needs before its signals mean anything."""
        ...

    def populate_indicators(self, frame: DataFrame) -> DataFrame:
        """Return the frame with the columns that the signals are made from."""
        ...

    def populate_entry_trend(self, frame: DataFrame) -> DataFrame:
        """Return the frame with 1 in `enter_long` or `enter_short` where to enter."""
        ...

    def populate_exit_trend(self, frame: DataFrame) -> DataFrame:
        """Return the frame with 1 in `exit_long` or `exit_short` where to leave."""
        ...

    def risk(self) -> RiskLimits:
        """Return what it may lose."""
        ...
