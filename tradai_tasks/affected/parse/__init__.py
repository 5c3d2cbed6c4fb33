"""Read one file's text: imports, strings, and the values of expressions."""
