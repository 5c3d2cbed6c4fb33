"""git: the command, snapshots of a commit or the work tree, merge bases."""
