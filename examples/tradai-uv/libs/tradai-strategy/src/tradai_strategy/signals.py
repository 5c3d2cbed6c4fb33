"""Signals: how they are found and how they are marked in a frame."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from pandas import DataFrame, Series

__all__ = ["Signal", "crossed_above", "crossed_below", "mark"]

Signal = Literal["enter_long", "enter_short", "exit_long", "exit_short"]


def crossed_above(values: Series[float], level: Series[float]) -> Series[bool]:
    """Tell where values rise through a level that they did not exceed a row before."""
    return (values > level) & (values.shift(1) <= level.shift(1))


def crossed_below(values: Series[float], level: Series[float]) -> Series[bool]:
    """Tell where values fall through a level that they did not undercut a row before."""
    return (values < level) & (values.shift(1) >= level.shift(1))


def mark(frame: DataFrame, signal: Signal, where: Series[bool]) -> DataFrame:
    """Return the frame with 1 in the signal's column where a condition holds, else 0.

    A candle without volume had no trade: nothing could have been filled there.
    """
    frame[signal] = (where & (frame["volume"] > 0)).astype(int)
    return frame
