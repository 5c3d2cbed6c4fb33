"""One module for each kind of edge: a class with a name, found by the catalog."""
