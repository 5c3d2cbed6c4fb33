"""Follows breakouts that the averages agree with."""
