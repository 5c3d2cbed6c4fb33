"""The workflow files of a repository: which fit, what is in them, whether they have drifted."""
