"""The first files of a repository, and settings under which it is green as it is."""
