"""The settings, from `MLFLOW_SERVICE_…` variables."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from tradai.common.config import from_env

__all__ = ["Settings", "load_settings"]


@dataclass(frozen=True, kw_only=True)
class Settings:
    """How the server runs.

    Attributes:
        host: Address to listen on; the container image opens it to the outside.
        port: Port to listen on.
        backend_store: Where runs and models are kept, as SQLAlchemy writes it.
        artifacts: Where files are kept: a folder or an object store.
        workers: Server processes.
    """

    host: str = "127.0.0.1"
    port: int = 5000
    backend_store: str = "sqlite:///mlflow.db"
    artifacts: str = "mlartifacts"
    workers: int = 1


def load_settings(environ: Mapping[str, str]) -> Settings:
    """Read the settings from the environment."""
    return from_env(Settings, "mlflow_service", environ)
