"""The server's command line."""

from __future__ import annotations

from mlflow_service.settings import Settings

__all__ = ["CommandError", "server_command"]


class CommandError(ValueError):
    """The settings do not go together."""


def server_command(settings: Settings) -> list[str]:
    """Return the command that starts the server.

    Raises:
        CommandError: Several processes are asked for on a database that takes one writer.
    """
    if settings.workers < 1:
        raise CommandError(f"workers must be at least 1, not {settings.workers}")
    if settings.workers > 1 and settings.backend_store.startswith("sqlite:"):
        raise CommandError("SQLite takes one writer: set workers to 1, or use a database server")
    return [
        "mlflow",
        "server",
        "--host",
        settings.host,
        "--port",
        str(settings.port),
        "--backend-store-uri",
        settings.backend_store,
        "--artifacts-destination",
        settings.artifacts,
        "--serve-artifacts",
        "--workers",
        str(settings.workers),
    ]
