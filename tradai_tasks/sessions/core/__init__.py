"""How nox sessions are made: catalog, arguments, context and environments."""
