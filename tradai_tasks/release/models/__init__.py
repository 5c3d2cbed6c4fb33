"""A strategy's release: its stages and its model version."""
