"""Candles: model, resampling, storage, client. Import the module that you need."""
