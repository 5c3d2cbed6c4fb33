"""Clients of AWS, registries, package indexes and MLflow."""
