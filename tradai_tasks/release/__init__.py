"""Plan and carry out the release that a git tag names, doing only what is missing."""
