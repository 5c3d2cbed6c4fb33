"""From a CI event or branch to a range of commits and its changed paths."""
