"""Sessions that bump, build, publish, backtest, deploy and release."""
