"""The model of uv.lock: packages, graph, conflicts, digest, locked tools."""
