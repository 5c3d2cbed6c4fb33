"""Decisions of `test`: what pytest runs, what it did, and what its coverage means."""
