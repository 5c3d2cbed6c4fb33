"""Failures of backtests and of the model registry."""

from __future__ import annotations

from tradai_tasks.errors.base import TasksError


class BacktestRecordError(TasksError):
    """The record of a backtest is absent, unreadable or contradicts itself."""


class BacktestError(TasksError):
    """freqtrade could not run a backtest; the message contains its output."""


class CandlesError(TasksError):
    """Candles or the snapshot of the markets are missing: by pair, timeframe and dates."""


class NotHermeticError(TasksError):
    """A backtest requested more than the candles and the snapshot of the markets."""


class BacktestResultError(TasksError):
    """freqtrade's result is missing, or belongs to another run."""


class GatesFailedError(TasksError):
    """A full backtest did not pass a gate."""


class ModelRegistryError(TasksError):
    """The model registry cannot be reached, refuses, or gives an invalid answer."""
