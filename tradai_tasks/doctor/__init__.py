"""Checks of a repository and of its remote services, made ahead of a failure."""
