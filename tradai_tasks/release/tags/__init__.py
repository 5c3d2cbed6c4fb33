"""Validate release tags and map them to deployment environments."""
