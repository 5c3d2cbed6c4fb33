"""Goes with moves that are large for the market's mood."""
