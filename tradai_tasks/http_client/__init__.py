"""HTTP client of the library: allowed addresses, bounded responses and retries."""
