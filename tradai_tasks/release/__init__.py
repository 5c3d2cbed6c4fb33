"""A tag -> a plan of steps, each of which acts only where the world is not yet as the tag says."""
