"""Build libraries, compare them with the package index and upload what is missing."""
