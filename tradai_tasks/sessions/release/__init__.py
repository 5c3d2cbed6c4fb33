"""Sessions that release, and their stages where they stand alone."""
