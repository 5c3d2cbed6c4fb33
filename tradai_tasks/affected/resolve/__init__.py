"""Resolve names and paths to files, as Python would find them for the importing member."""
