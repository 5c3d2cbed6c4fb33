"""Print the server's command, or ask for its health: `python -m mlflow_service`."""

from __future__ import annotations

import argparse
import os
import shlex
import sys
from collections.abc import Sequence

from mlflow_service.command import server_command
from mlflow_service.health import NotUpError, ask, wait_until_up
from mlflow_service.settings import load_settings


def main(argv: Sequence[str] | None = None) -> int:
    """Do what is asked and return the exit status."""
    parser = argparse.ArgumentParser(prog="mlflow_service", description=__doc__)
    parser.add_argument("what", choices=["command", "health"])
    parser.add_argument("--attempts", type=int, default=1, help="questions before giving up")
    options = parser.parse_args(argv)
    settings = load_settings(os.environ)
    if options.what == "command":
        print(shlex.join(server_command(settings)))
        return 0
    try:
        if options.attempts > 1:
            wait_until_up("127.0.0.1", settings.port, attempts=options.attempts)
        else:
            ask("127.0.0.1", settings.port)
    except NotUpError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
