"""Sessions that check or build what is there."""
