"""Runs strategies and plans orders."""
