"""Folder on the search path of the pytest runs that sessions start; it holds one plugin."""
