"""Environments of sessions: what is installed, and what commands can see."""
