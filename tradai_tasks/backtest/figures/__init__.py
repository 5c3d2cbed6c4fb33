"""The account that a backtest leads to: trades, prices, equity, and the gates that judge it."""
