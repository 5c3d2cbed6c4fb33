"""Backtests: bring candles, run freqtrade on just these, read its result, judge it by the gates."""
