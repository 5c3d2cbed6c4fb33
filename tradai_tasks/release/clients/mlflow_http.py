"""HTTP requests to an MLflow server: address, credentials and retries."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import quote, unquote, urlsplit

from tradai_tasks.errors import ModelRegistryError
from tradai_tasks.http_client.address import address_fault, basic, bearer
from tradai_tasks.http_client.client import HttpClient
from tradai_tasks.http_client.limits import MEGABYTE, AnswerError, Limits, parsed_json
from tradai_tasks.http_client.retry import TransientError, hurried, raise_transient, retried
from tradai_tasks.report import mask

if TYPE_CHECKING:
    import httpx

_LIMITS = Limits(idle=30.0, whole=60.0, most=16 * MEGABYTE)
_SLOWEST = 16 * 1024  # bytes in a second that an upload must reach
_OF_LOGIN = frozenset({401, 403})
_T = TypeVar("_T")


class AnsweredError(Exception):
    """An error response of the server, with its code; shown as a ModelRegistryError."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True, kw_only=True)
class MlflowClient:
    """The requests to one server."""

    address: str  # without credentials
    client: HttpClient = field(repr=False)
    patience: float  # seconds for which temporary faults are retried
    stop: threading.Event | None = field(default=None, repr=False)

    def answer(self, method: str, path: str, given: Mapping[str, Any]) -> dict[str, Any]:
        """Send one request and return the JSON document of the answer; call it within `retried`."""
        how: dict[str, Any] = {"params": given} if method == "GET" else {"json": given}
        return self._judged(self._sent(method, f"api/2.0/mlflow/{path}", **how))

    def put(self, path: str, content: bytes) -> None:
        """Upload an artifact file; call it within `retried`."""
        limits = Limits(idle=_LIMITS.idle, whole=_LIMITS.whole + len(content) / _SLOWEST)
        url = f"api/2.0/mlflow-artifacts/artifacts/{quote(path)}"
        self._judged(self._sent("PUT", url, content=content, limits=limits), has_body=False)

    def _sent(self, method: str, url: str, **given: Any) -> httpx.Response:
        try:
            return self.client.request(method, url, **given)
        except TransientError as fault:
            raise TransientError(f"cannot be reached: {fault}") from None
        except AnswerError as fault:
            raise ModelRegistryError(
                f"{self.address}: {fault}; is that an MLflow server?"
            ) from None

    def _judged(self, answer: httpx.Response, *, has_body: bool = True) -> dict[str, Any]:
        """Return the JSON document of an answer, or raise the error that it states."""
        status = answer.status_code
        raise_transient(answer, f"status {status} {answer.reason_phrase}")
        if status in _OF_LOGIN:
            raise ModelRegistryError(
                f"{self.address}: refuses (status {status}); set MLFLOW_TRACKING_USERNAME and "
                f"MLFLOW_TRACKING_PASSWORD, or MLFLOW_TRACKING_TOKEN, of a user who may register "
                f"models"
            )
        try:
            wanted = has_body or not answer.is_success
            document = parsed_json(answer.content) if wanted else {}
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
        """Call a function again until it succeeds or meets a fault that is not temporary.

        Raises:
            ModelRegistryError: The server cannot be reached in time, or refuses the request.
        """
        try:
            return retried(action, patience=self.patience, stop=self.stop)
        except TransientError as fault:
            raise ModelRegistryError(
                f"{self.address}: {fault}; tried for {hurried(self.patience):g} s "
                f"(mlflow.patience); once it is up, run the same again: only what is missing is "
                f"done"
            ) from None
        except AnsweredError as error:
            raise ModelRegistryError(f"{self.address}: {error.code}: {error}") from None
        except (KeyError, TypeError, ValueError, AttributeError):
            raise ModelRegistryError(
                f"{self.address}: its answer is not that of MLflow; is that an MLflow server?"
            ) from None


@dataclass(frozen=True, kw_only=True, slots=True)
class ServerAddress:
    """The address of a server, without credentials, and its Authorization header."""

    url: str  # without credentials or a final slash
    authorization: str | None = field(repr=False)  # header
    secrets: tuple[str, ...] = field(repr=False)


def address_of(env: Mapping[str, str], setting: str | None) -> ServerAddress:
    """Return the address of the server to use, and the credentials for it.

    Raises:
        ModelRegistryError: No address is set, or it is not valid. It may contain a password, so no
            message shows it.
    """
    name = "MLFLOW_TRACKING_URI" if env.get("MLFLOW_TRACKING_URI") else "mlflow.tracking-uri"
    address = env.get("MLFLOW_TRACKING_URI") or setting
    if not address:
        raise ModelRegistryError(
            "no MLflow server is named; set the environment variable MLFLOW_TRACKING_URI, or the "
            "setting mlflow.tracking-uri"
        )
    fault = address_fault(address)
    if fault is None and ("?" in address or "#" in address):
        fault = "no address of a server, since it has a query or a fragment"
    if fault is not None:
        raise ModelRegistryError(
            f"{name}: {fault}; in a password, write %40 for @, %2F for / and so on, or set "
            f"MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD"
        )
    parts = urlsplit(address)
    user = env.get("MLFLOW_TRACKING_USERNAME") or unquote(parts.username or "")
    password = env.get("MLFLOW_TRACKING_PASSWORD") or unquote(parts.password or "")
    token = env.get("MLFLOW_TRACKING_TOKEN", "")
    header = basic(user, password) if user else bearer(token) if token else None
    if header is None and token:
        raise ModelRegistryError(
            "MLFLOW_TRACKING_TOKEN: has characters that no token has; set it again"
        )
    host = parts.netloc.rpartition("@")[2]
    return ServerAddress(
        url=f"{parts.scheme}://{host}{parts.path.rstrip('/')}",
        authorization=header,
        secrets=tuple(filter(None, (password, token))),
    )


def client_of(
    env: Mapping[str, str],
    setting: str | None,
    *,
    patience: float,
    stop: threading.Event | None = None,
) -> MlflowClient:
    """Create the client of a server without a request; its secrets are masked in CI.

    `env` has the variables that MLflow's own client reads, `setting` is the address from the
    settings, and `patience` is in seconds for which temporary faults are retried.

    Raises:
        ModelRegistryError: No server is named.
    """
    found = address_of(env, setting)
    mask(found.secrets, env)
    trusted = env.get("MLFLOW_TRACKING_SERVER_CERT_PATH")
    checks = env.get("MLFLOW_TRACKING_INSECURE_TLS", "").lower() not in {"1", "true"}
    client = HttpClient(
        f"{found.url}/",
        authorization=lambda: found.authorization,
        limits=_LIMITS,
        verify=_tls(trusted) if trusted else checks,
        stop=stop,
    )
    return MlflowClient(address=found.url, client=client, patience=patience, stop=stop)


def _tls(file: str) -> Any:
    import ssl  # noqa: PLC0415 - rarely needed

    try:
        return ssl.create_default_context(cafile=file)
    except OSError as error:
        raise ModelRegistryError(
            f"MLFLOW_TRACKING_SERVER_CERT_PATH: {file}: cannot be read: {error}"
        ) from None
