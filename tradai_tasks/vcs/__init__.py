"""git: run the command, take snapshots of a commit or the work tree, find merge bases."""
