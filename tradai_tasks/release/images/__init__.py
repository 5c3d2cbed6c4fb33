"""Container images: built once, pushed, found again."""
