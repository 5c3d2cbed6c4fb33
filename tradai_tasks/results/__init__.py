"""Keep what was green, for which inputs, so that it need not be run again."""
