"""Finds the strategy that the settings name."""

from __future__ import annotations

import importlib

from tradai_strategy.protocols import Strategy

__all__ = ["StrategyLoadError", "load_strategy"]


class StrategyLoadError(Exception):
    """The settings name no strategy."""


def load_strategy(path: str) -> Strategy:
    """Return an instance of the class at `module:Class`.

    Raises:
        StrategyLoadError: There is no such class, or it is no strategy.
    """
    module_name, _, class_name = path.partition(":")
    try:
        found = getattr(importlib.import_module(module_name), class_name)
    except (ImportError, AttributeError, ValueError) as error:
        raise StrategyLoadError(f"{path}: {error}") from error
    strategy = found()
    if not isinstance(strategy, Strategy):
        raise StrategyLoadError(f"{path}: lacks some of what tradai_strategy.protocols asks for")
    return strategy
