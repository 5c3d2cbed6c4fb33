"""Build the import graph from facts, and walk it from changed files to affected members."""
