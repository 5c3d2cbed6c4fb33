"""nox sessions: each parses its arguments, calls one function and reports."""

__all__: list[str] = []
