"""Pages: what they say held against the repository."""
