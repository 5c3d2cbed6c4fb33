"""What a change touches: commit range, changed paths, import graph, lock file, selection."""

__all__: list[str] = []
