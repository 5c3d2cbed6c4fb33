"""Services and functions brought to a release."""
