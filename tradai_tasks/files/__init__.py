"""Files and paths: trees of files, whole writes, archives and paths within bounds."""
