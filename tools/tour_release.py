"""The tour's release: a registry and an MLflow server with nothing in them, to be looked at."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class _Empty(BaseHTTPRequestHandler):
    """Answers as both do where nothing was pushed or registered yet."""

    def do_GET(self) -> None:
        """Say that there is nothing."""
        is_search = "/api/2.0/mlflow/model-versions/search" in self.path
        answer = b"{}" if is_search else json.dumps({"error_code": _ABSENT, "errors": []}).encode()
        self.send_response(200 if is_search else 404)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(answer)

    def do_HEAD(self) -> None:
        """Say that there is nothing."""
        self.do_GET()

    def log_message(self, *args: object) -> None:
        """Say nothing on the terminal."""


_ABSENT = "RESOURCE_DOES_NOT_EXIST"


@contextmanager
def empty_servers() -> Iterator[dict[str, str]]:
    """Yield the environment in which a release finds them."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Empty)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    host = f"127.0.0.1:{server.server_port}"
    try:
        yield {"ECR_REGISTRY": host, "MLFLOW_TRACKING_URI": f"http://{host}"}
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
