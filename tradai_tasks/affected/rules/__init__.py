"""One module for each kind of edge."""
