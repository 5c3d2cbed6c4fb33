"""Decisions of the check sessions as pure functions: tool arguments and verdicts."""
