"""Find the range of commits to compare, for a CI event or a branch, and its changed paths."""
