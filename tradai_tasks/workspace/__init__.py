"""What the repository is: packages, layout, tags, versions and its lock files."""
