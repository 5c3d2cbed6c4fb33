"""Which sessions fit a repository, and how they are added to nox."""
