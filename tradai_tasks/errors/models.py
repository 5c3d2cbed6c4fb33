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


class BiasError(TasksError):
    """A strategy sees the future, or its indicators depend on how many candles come before."""


class NotDeterministicError(TasksError):
    """Two runs of a strategy on the same inputs gave different results."""


class ConfigSecretError(TasksError):
    """A secret is in a configuration, an image or another file that is shared."""


class UncommittedInputError(TasksError):
    """What a backtest or an image would be made of is not in a commit."""


class ImageDiffersError(TasksError):
    """An image does not hold what was backtested; both sides are named."""
