"""Parallel runs of nox: a fork for each session, and what is shown of them."""
