"""From names and paths to files, as Python would find them for that member."""
