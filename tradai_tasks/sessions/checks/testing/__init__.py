"""Sessions that run pytest, and the results that they keep and replay."""
