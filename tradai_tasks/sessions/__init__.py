"""The nox sessions, thin: parse arguments, call one function, report."""

__all__: list[str] = []
