"""Which tag is released, whether it may be, and where it goes."""
