"""What runs in the environment of the tests, with coverage.py and without this library."""
