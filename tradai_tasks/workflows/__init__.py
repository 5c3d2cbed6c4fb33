"""Select, render and compare the CI workflow files of a repository."""
