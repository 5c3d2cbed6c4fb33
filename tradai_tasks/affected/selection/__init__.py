"""Decide what a change affects: packages and units, each with its reasons."""
