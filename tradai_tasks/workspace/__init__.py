"""What the repository is: packages, layout, tags, versions and lock files."""
