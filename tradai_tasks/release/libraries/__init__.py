"""Libraries: built, compared with the index and published."""
