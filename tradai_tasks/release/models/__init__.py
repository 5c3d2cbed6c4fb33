"""The release of a strategy: its stages and its MLflow model version."""
