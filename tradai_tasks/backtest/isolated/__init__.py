"""Scripts that run in the strategy's environment, where this library is not installed."""
