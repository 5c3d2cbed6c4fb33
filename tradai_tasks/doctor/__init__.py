"""What would fail, before it does: checks of a repository and of what it is released to."""
