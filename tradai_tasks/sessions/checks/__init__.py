"""Sessions that check or build the repository's code."""
