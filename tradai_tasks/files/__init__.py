"""Files and paths: folder trees, atomic writes, bounded archives and path checks."""
