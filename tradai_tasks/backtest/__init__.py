"""Backtests: fetch candles, run freqtrade on only those, read and judge its result."""
