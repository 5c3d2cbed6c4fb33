"""The backend's settings, from `BACKEND_…` variables."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from tradai.common.config import from_env

__all__ = ["Settings", "load_settings"]


@dataclass(frozen=True, kw_only=True)
class Settings:
    """The backend's settings.

    Attributes:
        host: Address to listen on; the container image opens it to the outside.
        port: Port to listen on.
        database: File to keep candles in; in memory when empty.
        log_level: Least level of a log line.
    """

    host: str = "127.0.0.1"
    port: int = 8000
    database: str = ""
    log_level: str = "INFO"


def load_settings(environ: Mapping[str, str]) -> Settings:
    """Read the settings from the environment."""
    return from_env(Settings, "backend", environ)
