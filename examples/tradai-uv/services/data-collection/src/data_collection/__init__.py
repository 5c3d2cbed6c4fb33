"""Fetches candles from the exchange and hands them to the backend."""
