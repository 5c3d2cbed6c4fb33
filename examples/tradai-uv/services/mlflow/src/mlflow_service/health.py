"""Whether the server is up."""

from __future__ import annotations

from http.client import HTTPConnection, HTTPException

__all__ = ["NotUpError", "ask", "wait_until_up"]

_OK = 200


class NotUpError(Exception):
    """The server does not answer, or not as it should."""


def ask(host: str, port: int, *, timeout: float = 3.0) -> None:
    """Ask the server once.

    Raises:
        NotUpError: It is not up.
    """
    connection = HTTPConnection(host, port, timeout=timeout)
    try:
        connection.request("GET", "/health")
        status = connection.getresponse().status
    except (OSError, HTTPException) as error:
        raise NotUpError(f"{host}:{port}: {error}") from error
    finally:
        connection.close()
    if status != _OK:
        raise NotUpError(f"{host}:{port}: status {status}")


def wait_until_up(host: str, port: int, *, attempts: int) -> None:
    """Ask until the server is up; it takes up to half a minute to start.

    Raises:
        NotUpError: It never was.
    """
    # A single question, which is what the container's health check asks, needs no retries.
    from tradai.common.retry import RetryPolicy, retrying

    policy = RetryPolicy(attempts=attempts, first_delay=1.0, max_delay=5.0)
    retrying(policy, on=(NotUpError,))(ask)(host, port)
