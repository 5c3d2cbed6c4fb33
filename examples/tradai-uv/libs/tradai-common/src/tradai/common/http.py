"""A JSON client that calls again when a server is busy or out of reach."""

from __future__ import annotations

from collections.abc import Mapping
from types import TracebackType
from typing import Any

import httpx

from tradai.common.retry import RetryPolicy, retrying

__all__ = ["HttpError", "JsonClient", "TransientHttpError"]

_TRANSIENT = frozenset({429, 500, 502, 503, 504})


class HttpError(Exception):
    """A server refused a request, or answered something other than JSON."""


class TransientHttpError(HttpError):
    """A server was busy or out of reach; it may answer later."""


class JsonClient:
    """Speaks JSON to one server."""

    def __init__(
        self,
        base_url: str,
        *,
        timeout: float = 10.0,
        policy: RetryPolicy | None = None,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        """Prepare for a server; nothing is sent yet.

        Args:
            base_url: What every path is appended to.
            timeout: Seconds for each single request.
            policy: How often to call again.
            transport: Replaces the network, for tests.
        """
        self._client = httpx.Client(base_url=base_url, timeout=timeout, transport=transport)
        self._request = retrying(policy or RetryPolicy(), on=(TransientHttpError,))(self._once)

    def __enter__(self) -> JsonClient:
        """Return itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close the connections."""
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def get(self, path: str, params: Mapping[str, str | int] | None = None) -> Any:
        """Return the answer to a GET request.

        Raises:
            HttpError: The server refused it; `TransientHttpError` when all attempts failed.
        """
        return self._request("GET", path, params=params)

    def post(self, path: str, body: Any) -> Any:
        """Return the answer to a POST request; only for what may safely arrive twice.

        Raises:
            HttpError: The server refused it; `TransientHttpError` when all attempts failed.
        """
        return self._request("POST", path, body=body)

    def _once(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str | int] | None = None,
        body: Any = None,
    ) -> Any:
        try:
            answer = self._client.request(method, path, params=params, json=body)
        except httpx.TransportError as error:
            raise TransientHttpError(f"{method} {path}: {error}") from error
        if answer.status_code in _TRANSIENT:
            raise TransientHttpError(f"{method} {path}: status {answer.status_code}")
        if answer.is_error:
            raise HttpError(f"{method} {path}: status {answer.status_code}: {answer.text[:200]}")
        try:
            return answer.json()
        except ValueError as error:
            raise HttpError(f"{method} {path}: the answer is no JSON") from error
