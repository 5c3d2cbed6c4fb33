"""Find what a change affects: commit range, changed paths, import graph, locks, selection."""
