"""Learns, candle by candle, what the RSI says about the next one."""
