"""Compare documentation pages with the repository."""
