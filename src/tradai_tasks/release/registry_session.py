"""Requests to a registry: logging in where it asks for that, and retrying what may pass.

The token authentication is that of https://distribution.github.io/distribution/spec/auth/token/.
"""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tradai_tasks.errors import LoginRefusedError, PushDeniedError, RegistryError
from tradai_tasks.release.reference import is_loopback

if TYPE_CHECKING:
    import httpx

__all__ = ["Credentials", "RegistrySession", "fault_of", "parsed"]

_TIMEOUT = 30.0  # seconds without a byte
_CHALLENGE = re.compile(r'(\w+)="([^"]*)"')
_OK, _UNAUTHORIZED, _FORBIDDEN, _TOO_MANY, _ERRORS = 200, 401, 403, 429, 500


@dataclass(frozen=True, slots=True)
class Credentials:
    """A user name, and a password that no text of this object shows."""

    username: str
    password: str = field(repr=False)


class _TransientError(Exception):
    """A fault that may pass: told apart by the retries alone, never shown as itself."""

    def __init__(self, what: str, after: float | None = None) -> None:
        super().__init__(what)
        self.after = after  # seconds, as the server asks for


class RegistrySession:
    """The requests to one registry; safe to use from several threads."""

    def __init__(  # noqa: PLR0913 - all but the host have defaults
        self,
        host: str,
        *,
        credentials: Callable[[], Credentials | None] = lambda: None,
        remedy: str = "check the credentials",
        insecure: bool = False,
        patience: float = 60.0,
        sleep: Callable[[float], None] = time.sleep,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        """Make a client; nothing is asked for yet.

        Args:
            host: With its port.
            credentials: Called once, when the registry first wants any.
            remedy: What to do about credentials that are refused.
            insecure: Whether it speaks http though it is not on this machine.
            patience: Seconds for which a fault that may pass is retried.
            sleep: Waits a number of seconds; for tests.
            transport: Of the HTTP client; for tests.
        """
        import httpx  # noqa: PLC0415 - takes 0.2 s to load

        self.host = host
        self._remedy = remedy
        self._scheme = "http" if insecure or is_loopback(host) else "https"
        self._ask_credentials = credentials
        self._patience = patience
        self._sleep = sleep
        self._lock = threading.RLock()
        self._credentials: list[Credentials | None] = []  # empty until asked for
        self._authorization: dict[str, str] = {}  # scope -> header
        self.base_url = httpx.URL(f"{self._scheme}://{host}")
        self._client = httpx.Client(
            base_url=self.base_url,
            timeout=_TIMEOUT,
            follow_redirects=True,
            transport=transport,
            headers={"User-Agent": "tradai-tasks"},
        )

    def close(self) -> None:
        """Close its connections."""
        self._client.close()

    def send(self, method: str, url: str, repository: str, **given: Any) -> httpx.Response:
        """Send a request, log in where that is asked for, and retry what may pass."""
        import tenacity  # noqa: PLC0415 - as above

        retrying = tenacity.Retrying(
            retry=tenacity.retry_if_exception_type(_TransientError),
            stop=tenacity.stop_after_delay(self._patience),
            wait=self._wait,
            reraise=True,
            sleep=self._sleep,
        )
        try:
            answer: httpx.Response = retrying(self._once, method, url, repository, **given)
        except _TransientError as fault:
            raise RegistryError(
                f"{self.host}: {fault}; tried for {self._patience:g} s (images.patience); "
                f"run the same again once it is up"
            ) from None
        return answer

    def expect_ok(self, answer: httpx.Response, name: str) -> None:
        """Raise unless an answer is a plain success."""
        if answer.status_code != _OK:
            raise RegistryError(
                f"{self.host}/{name}: status {answer.status_code}: {fault_of(answer)}"
            )

    def _wait(self, state: Any) -> float:
        """Return the seconds to wait: as the server asks, else longer with each try."""
        import tenacity  # noqa: PLC0415 - as above

        asked = getattr(state.outcome.exception(), "after", None)
        if asked is not None:
            return float(min(asked, self._patience))
        backing_off = tenacity.wait_fixed(0.1) + tenacity.wait_random_exponential(0.2, max=8)
        return float(backing_off(state))

    def _once(
        self, method: str, url: str, repository: str, *, writes: bool = False, **given: Any
    ) -> httpx.Response:
        scope = f"repository:{repository}:{'pull,push' if writes else 'pull'}"
        headers = given.pop("headers", {})
        answer = self._request(method, url, {**headers, **self._header(scope)}, **given)
        if answer.status_code == _UNAUTHORIZED:
            self._authorize(scope, answer)
            answer = self._request(method, url, {**headers, **self._header(scope)}, **given)
        if answer.status_code == _UNAUTHORIZED:
            self._refuse(answer)
        if answer.status_code == _FORBIDDEN:
            raise PushDeniedError(
                f"{self.host}/{repository}: {'push' if writes else 'pull'} denied: "
                f"{fault_of(answer)}; {self._remedy}"
            )
        return answer

    def _request(
        self, method: str, url: str, headers: Mapping[str, str], **given: Any
    ) -> httpx.Response:
        import httpx  # noqa: PLC0415 - as above

        try:
            answer = self._client.request(method, url, headers=dict(headers), **given)
        except httpx.HTTPError as error:
            raise _TransientError(str(error) or type(error).__name__) from None
        status = answer.status_code
        if status == _TOO_MANY or status >= _ERRORS:
            after = answer.headers.get("Retry-After", "")
            raise _TransientError(
                f"status {status} {answer.reason_phrase}", float(after) if after.isdigit() else None
            )
        return answer

    def _header(self, scope: str) -> dict[str, str]:
        with self._lock:
            held = self._authorization.get(scope) or self._authorization.get("")
        return {} if held is None else {"Authorization": held}

    def _authorize(self, scope: str, answer: httpx.Response) -> None:
        """Get what the registry's challenge asks for."""
        import httpx  # noqa: PLC0415 - as above

        kind, _, rest = answer.headers.get("WWW-Authenticate", "").partition(" ")
        with self._lock:
            if not self._credentials:
                self._credentials.append(self._ask_credentials())
            known = self._credentials[0]
            basic = None if known is None else httpx.BasicAuth(known.username, known.password)
            if kind.lower() == "bearer":
                asked = dict(_CHALLENGE.findall(rest))
                self._authorization[scope] = f"Bearer {self._token(asked, scope, basic)}"
            elif kind.lower() == "basic" and basic is not None:
                request = next(basic.auth_flow(httpx.Request("GET", self.base_url)))
                self._authorization[""] = request.headers["Authorization"]

    def _token(self, asked: Mapping[str, str], scope: str, basic: httpx.Auth | None) -> str:
        import httpx  # noqa: PLC0415 - as above

        realm = httpx.URL(asked.get("realm", ""))
        if realm.scheme != "https" and not (
            realm.scheme == "http" and (self._scheme == "http" or is_loopback(realm.host))
        ):
            raise RegistryError(
                f"{self.host}: wants credentials sent to {str(realm)[:80]!r}, which is not https"
            )
        params = {"scope": scope, **({"service": asked["service"]} if "service" in asked else {})}
        try:
            answer = self._client.get(realm, params=params, auth=basic)
        except httpx.HTTPError as error:
            raise _TransientError(f"{realm.host}: {error}") from None
        if answer.status_code in {_UNAUTHORIZED, _FORBIDDEN}:
            self._refuse(answer)
        if answer.status_code == _TOO_MANY or answer.status_code >= _ERRORS:
            raise _TransientError(f"{realm.host}: status {answer.status_code}")
        self.expect_ok(answer, "token")
        body = parsed(answer.content, f"{realm.host}: token")
        token = body.get("token") or body.get("access_token")
        if not isinstance(token, str):
            raise RegistryError(f"{realm.host}: answers without a token")
        return token

    def _refuse(self, answer: httpx.Response) -> None:
        known = self._credentials[0] if self._credentials else None
        who = "no credentials were given" if known is None else f"user {known.username!r}"
        raise LoginRefusedError(
            f"{self.host}: login refused (status {answer.status_code}, {who}): {fault_of(answer)}; "
            f"{self._remedy}"
        )


def parsed(body: bytes, name: str) -> dict[str, Any]:
    """Return the JSON object of an answer."""
    try:
        found = json.loads(body)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise RegistryError(f"{name}: the registry's answer is no JSON object")
    return found


def fault_of(answer: httpx.Response) -> str:
    """Return what a registry says is wrong, on one line."""
    try:
        errors = answer.json()["errors"]
        said = "; ".join(f"{one.get('code')}: {one.get('message')}" for one in errors)
    except (ValueError, KeyError, TypeError, AttributeError):
        said = answer.text
    return " ".join(said.split())[:200] or answer.reason_phrase
