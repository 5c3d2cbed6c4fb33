"""The report of a backtest: its tables, its picture and its page."""
