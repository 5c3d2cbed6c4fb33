"""Imports that are calls, and code that a file runs without importing it."""
