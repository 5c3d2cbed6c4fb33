"""Start the backend: `python -m backend`."""

from __future__ import annotations

import os
from pathlib import Path

import uvicorn

from backend.app import create_app
from backend.settings import Settings, load_settings
from tradai.common.clock import SystemClock
from tradai.common.logging import configure
from tradai.data.storage import CandleStore, MemoryStore, SqliteStore


def open_store(settings: Settings) -> CandleStore:
    """Return the store that the settings ask for."""
    return SqliteStore(Path(settings.database)) if settings.database else MemoryStore()


def main() -> None:
    """Serve until stopped."""
    settings = load_settings(os.environ)
    configure("backend", level=settings.log_level)
    app = create_app(open_store(settings), SystemClock())
    # Its own log settings would undo ours.
    uvicorn.run(app, host=settings.host, port=settings.port, log_config=None)


if __name__ == "__main__":
    main()
