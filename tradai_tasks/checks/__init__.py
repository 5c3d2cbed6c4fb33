"""What the checks decide, as pure functions: arguments for the tools, and verdicts on results."""

__all__: list[str] = []
