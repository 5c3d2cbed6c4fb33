"""From facts to edges, and the walk over them."""
