import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from unittest import mock

import pytest

from mlflow_service.__main__ import main
from mlflow_service.health import NotUpError, ask, wait_until_up


class Handler(BaseHTTPRequestHandler):
    status = 200

    def do_GET(self) -> None:
        self.send_response(type(self).status if self.path == "/health" else 404)
        self.end_headers()

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[HTTPServer]:
    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_server_that_answers_is_up(server: HTTPServer) -> None:
    ask("127.0.0.1", server.server_port)


def test_a_server_that_fails_is_not(server: HTTPServer) -> None:
    with mock.patch.object(Handler, "status", 503), pytest.raises(NotUpError, match="503"):
        ask("127.0.0.1", server.server_port)


def test_it_is_asked_until_it_is_up() -> None:
    with (
        mock.patch("mlflow_service.health.ask", side_effect=[NotUpError(), None]) as asked,
        mock.patch("tradai.common.retry.sleep"),
    ):
        asked.__name__ = "ask"
        wait_until_up("127.0.0.1", 5000, attempts=3)
    assert asked.call_count == 2


@pytest.mark.parametrize("attempts", ["1", "2"])
def test_the_exit_status_tells(
    server: HTTPServer, attempts: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with mock.patch.dict("os.environ", {"MLFLOW_SERVICE_PORT": str(server.server_port)}):
        assert main(["health", "--attempts", attempts]) == 0
        with (
            mock.patch.object(Handler, "status", 500),
            mock.patch("tradai.common.retry.sleep"),
        ):
            assert main(["health", "--attempts", attempts]) == 1
    assert "status 500" in capsys.readouterr().err
