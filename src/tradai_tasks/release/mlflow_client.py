"""Requests to an MLflow server: its address and credentials, and retrying what may pass."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import quote, unquote, urlsplit

from tradai_tasks.errors import ModelRegistryError
from tradai_tasks.report import mask

if TYPE_CHECKING:
    import httpx

__all__ = ["AnsweredError", "MlflowClient", "address_of", "client_of"]

_TIMEOUT = 30.0  # seconds without a byte
_TOO_MANY, _ERRORS = 429, 500
_OF_LOGIN = frozenset({401, 403})
_T = TypeVar("_T")


class _TransientError(Exception):
    """A fault that may pass: told apart by the retries alone, never shown as itself."""


class AnsweredError(Exception):
    """An error that the server states, with its code; shown as a ModelRegistryError."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True, kw_only=True)
class MlflowClient:
    """The requests to one server."""

    address: str  # without credentials
    client: httpx.Client = field(repr=False)
    patience: float  # seconds for which a fault that may pass is retried
    sleep: Callable[[float], None] = time.sleep

    def answer(self, method: str, path: str, given: Mapping[str, Any]) -> dict[str, Any]:
        """Send one request and return the answer's document; to be called within `retried`."""
        import httpx  # noqa: PLC0415 - takes 0.2 s to load

        how = {"params": given} if method == "GET" else {"json": given}
        url = f"api/2.0/mlflow/{path}"
        try:
            answer = self.client.request(method, url, **how)  # type: ignore[arg-type]  # one of two
        except httpx.TransportError as error:
            raise _TransientError(f"cannot be reached: {_said(error)}") from None
        return self._judged(answer)

    def put(self, path: str, content: bytes) -> None:
        """Put a file among the artifacts; to be called within `retried`."""
        import httpx  # noqa: PLC0415 - as above

        url = f"api/2.0/mlflow-artifacts/artifacts/{quote(path)}"
        try:
            answer = self.client.put(url, content=content)
        except httpx.TransportError as error:
            raise _TransientError(f"cannot be reached: {_said(error)}") from None
        self._judged(answer, has_body=False)

    def _judged(self, answer: httpx.Response, *, has_body: bool = True) -> dict[str, Any]:
        """Return an answer's document, or raise what it says."""
        status = answer.status_code
        if status == _TOO_MANY or status >= _ERRORS:
            raise _TransientError(f"status {status} {answer.reason_phrase}")
        if status in _OF_LOGIN:
            raise ModelRegistryError(
                f"{self.address}: refuses (status {status}); set MLFLOW_TRACKING_USERNAME and "
                f"MLFLOW_TRACKING_PASSWORD, or MLFLOW_TRACKING_TOKEN, of a user who may register "
                f"models"
            )
        try:
            document = answer.json() if has_body or not answer.is_success else {}
        except ValueError:
            document = None
        if not isinstance(document, dict):
            raise ModelRegistryError(
                f"{self.address}: status {status} and no JSON object; is that an MLflow server?"
            )
        if not answer.is_success:
            message = " ".join(str(document.get("message", answer.reason_phrase)).split())
            raise AnsweredError(str(document.get("error_code", status)), message[:200])
        return document

    def retried(self, action: Callable[[], _T]) -> _T:
        """Do something again until no passing fault is in its way.

        Raises:
            ModelRegistryError: It cannot be reached in time, or refuses.
        """
        import tenacity  # noqa: PLC0415 - of the extra `release`

        retrying = tenacity.Retrying(
            retry=tenacity.retry_if_exception_type(_TransientError),
            stop=tenacity.stop_after_delay(self.patience),
            wait=tenacity.wait_exponential(multiplier=0.2, max=8) + tenacity.wait_random(0, 0.2),
            sleep=self.sleep,
            reraise=True,
        )
        try:
            return retrying(action)
        except _TransientError as fault:
            raise ModelRegistryError(
                f"{self.address}: {fault}; tried for {self.patience:g} s (mlflow.patience); once "
                f"it is up, run the same again: only what lacks is done"
            ) from None
        except AnsweredError as error:
            raise ModelRegistryError(f"{self.address}: {error.code}: {error}") from None
        except (KeyError, TypeError, ValueError):
            raise ModelRegistryError(
                f"{self.address}: its answer lacks what MLflow's has; is that an MLflow server?"
            ) from None


def address_of(env: Mapping[str, str], setting: str | None) -> str:
    """Return the address of the server that is to be used, as it was given.

    Raises:
        ModelRegistryError: None is named, or it is none of a server.
    """
    address = env.get("MLFLOW_TRACKING_URI") or setting
    if not address:
        raise ModelRegistryError(
            "no MLflow server is named; set the environment variable MLFLOW_TRACKING_URI, or the "
            "setting mlflow.tracking-uri"
        )
    parts = urlsplit(address)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ModelRegistryError(
            f"MLFLOW_TRACKING_URI: {parts.scheme or 'a path'} is no address of a server; it must "
            f"begin with https:// or http://"
        )
    return address


def client_of(
    env: Mapping[str, str],
    setting: str | None,
    *,
    patience: float,
    transport: httpx.BaseTransport | None = None,
    sleep: Callable[[float], None] = time.sleep,
) -> MlflowClient:
    """Make the client of a server; nothing is asked for yet, and its secrets are masked in CI.

    Args:
        env: The environment, with the variables that MLflow's own client reads.
        setting: Address by the settings.
        patience: Seconds for which a fault that may pass is retried.
        transport: Of the HTTP client; for tests.
        sleep: Waits a number of seconds; for tests.

    Raises:
        ModelRegistryError: No server is named.
    """
    import httpx  # noqa: PLC0415 - takes 0.2 s to load

    parts = urlsplit(address_of(env, setting))
    user = env.get("MLFLOW_TRACKING_USERNAME") or unquote(parts.username or "")
    password = env.get("MLFLOW_TRACKING_PASSWORD") or unquote(parts.password or "")
    token = env.get("MLFLOW_TRACKING_TOKEN", "")
    mask([password, token], env)
    headers = {"User-Agent": "tradai-tasks"}
    headers |= {"Authorization": f"Bearer {token}"} if token and not user else {}
    host = f"{parts.hostname}:{parts.port}" if parts.port else str(parts.hostname)
    address = f"{parts.scheme}://{host}{parts.path.rstrip('/')}"
    trusted = env.get("MLFLOW_TRACKING_SERVER_CERT_PATH")
    checks = env.get("MLFLOW_TRACKING_INSECURE_TLS", "").lower() not in {"1", "true"}
    client = httpx.Client(
        base_url=f"{address}/",
        auth=httpx.BasicAuth(user, password) if user else None,
        headers=headers,
        timeout=_TIMEOUT,
        transport=transport,
        # loading the authorities takes 0.05 s, and http has no use for them
        verify=_tls(trusted) if trusted else checks and parts.scheme == "https",
    )
    return MlflowClient(address=address, client=client, patience=patience, sleep=sleep)


def _tls(file: str) -> Any:
    import ssl  # noqa: PLC0415 - few need it

    return ssl.create_default_context(cafile=file)


def _said(error: Exception) -> str:
    return " ".join(str(error).split())[:200] or type(error).__name__
