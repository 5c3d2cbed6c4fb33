"""Around the MLflow server: its command line and its health."""
