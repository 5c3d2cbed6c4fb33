"""Extract facts from files, one module for each kind of edge."""
