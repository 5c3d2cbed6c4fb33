"""HTTP requests to a container registry: token login and retries.

Source of the login: https://distribution.github.io/distribution/spec/auth/token/
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Collection, Mapping
from typing import TYPE_CHECKING, Any

from tradai_tasks.errors import LoginRefusedError, PushDeniedError, RegistryError
from tradai_tasks.http_client.address import (
    Credentials,
    basic,
    bearer,
    host_of,
    origin_of,
    url_of,
)
from tradai_tasks.http_client.client import HttpClient
from tradai_tasks.http_client.limits import MEGABYTE, AnswerError, Limits, parsed_json
from tradai_tasks.http_client.retry import TransientError, hurried, raise_transient, retried
from tradai_tasks.release.clients.image_reference import is_loopback

if TYPE_CHECKING:
    import httpx

_LIMITS = Limits(idle=30.0, whole=60.0, most=4 * MEGABYTE)  # no registry accepts larger manifests
_CHALLENGE = re.compile(r'(\w+)="([^"]*)"')
_OK, _UNAUTHORIZED, _FORBIDDEN = 200, 401, 403
# registries whose passwords may go to one other host, of the same owner
_TOKEN_HOSTS = {
    "docker.io": "auth.docker.io",
    "index.docker.io": "auth.docker.io",
    "registry-1.docker.io": "auth.docker.io",
    "registry.gitlab.com": "gitlab.com",
}


class RegistrySession:
    """HTTP session with one registry; safe to use from several threads."""

    def __init__(  # noqa: PLR0913 - all but the host have defaults
        self,
        host: str,
        *,
        credentials: Callable[[], Credentials | None] = lambda: None,
        remedy: str = "check the credentials",
        insecure: bool = False,
        token_hosts: Collection[str] = (),
        patience: float = 60.0,
        stop: threading.Event | None = None,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        """Create a session; no request is made yet.

        Args:
            credentials: Called once, when the registry first asks for a login.
            remedy: What to do if the credentials are refused, for messages.
            insecure: Whether it uses http although it is on another machine; it then gets no
                credentials.
            token_hosts: Further hosts, with their ports, that its password may be sent to.
            patience: Seconds for which temporary faults are retried.
            transport: Transport of the HTTP client; for tests.

        Raises:
            RegistryError: Requests to that host are not allowed.
        """
        self.host = host
        self._remedy = remedy
        scheme = "http" if insecure or is_loopback(host) else "https"
        self._ask_credentials = credentials
        self._patience = patience
        self.stop = stop
        self._lock = threading.RLock()
        self._credentials: list[Credentials | None] = []  # empty until first needed
        self._authorization: dict[str, str] = {}  # scope -> header
        self._token_hosts = {*token_hosts, _TOKEN_HOSTS.get(host, host), host}
        try:
            self._client = HttpClient(
                f"{scheme}://{host}",
                limits=_LIMITS,
                plain_http=insecure,
                stop=stop,
                transport=transport,
            )
        except AnswerError as fault:
            raise RegistryError(f"{host}: {fault}; check images.registry") from None
        self.base_url = self._client.base

    def close(self) -> None:
        """Close its connections."""
        self._client.close()

    def send(
        self,
        method: str,
        url: str,
        repository: str,
        *,
        before: Callable[[], None] = lambda: None,
        **given: Any,
    ) -> httpx.Response:
        """Send a request, with a login if the registry asks for one, and retry temporary faults.

        `before` is called before each try.
        """

        def once() -> httpx.Response:
            before()
            return self._once(method, url, repository, **given)

        try:
            return retried(once, patience=self._patience, stop=self.stop)
        except TransientError as fault:
            raise RegistryError(
                f"{self.host}: {fault}; tried for {hurried(self._patience):g} s "
                f"(images.patience); run the same again once it is up"
            ) from None
        except AnswerError as fault:
            raise RegistryError(
                f"{self.host}: {fault}; check that it is a registry (images.registry)"
            ) from None

    def expect_ok(self, answer: httpx.Response, name: str) -> None:
        """Raise unless the answer is a success."""
        if answer.status_code != _OK:
            raise RegistryError(
                f"{self.host}/{name}: status {answer.status_code}: {fault_of(answer)}"
            )

    def _once(
        self, method: str, url: str, repository: str, *, writes: bool = False, **given: Any
    ) -> httpx.Response:
        scope = f"repository:{repository}:{'pull,push' if writes else 'pull'}"
        answer = self._request(method, url, self._header(scope), **given)
        if answer.status_code == _UNAUTHORIZED:
            self._authorize(scope, answer)
            answer = self._request(method, url, self._header(scope), **given)
        if answer.status_code == _UNAUTHORIZED:
            self._refuse(answer)
        if answer.status_code == _FORBIDDEN:
            raise PushDeniedError(
                f"{self.host}/{repository}: {'push' if writes else 'pull'} denied: "
                f"{fault_of(answer)}; {self._remedy}"
            )
        return answer

    def _request(
        self, method: str, url: str, authorization: str | None, **given: Any
    ) -> httpx.Response:
        answer = self._client.request(method, url, authorization=authorization, **given)
        raise_transient(answer, f"status {answer.status_code} {answer.reason_phrase}")
        return answer

    def _header(self, scope: str) -> str | None:
        with self._lock:
            return self._authorization.get(scope) or self._authorization.get("")

    def _authorize(self, scope: str, answer: httpx.Response) -> None:
        """Log in as the registry's challenge demands; a challenge after a redirect is ignored."""
        if origin_of(answer.url) != origin_of(self.base_url):
            return
        kind, _, rest = answer.headers.get("WWW-Authenticate", "").partition(" ")
        with self._lock:
            if not self._credentials:
                self._credentials.append(self._ask_credentials())
            known = self._credentials[0]
            header = None if known is None else basic(known.username, known.password)
            if kind.lower() == "bearer":
                challenge = dict(_CHALLENGE.findall(rest))
                self._authorization[scope] = self._token(challenge, scope, header)
            elif kind.lower() == "basic" and header is not None:
                self._authorization[""] = header

    def _token(self, challenge: Mapping[str, str], scope: str, header: str | None) -> str:
        """Return the header with a token, from where the registry has it asked for."""
        stated = challenge.get("realm", "")
        realm = url_of(stated)
        if realm is None or realm.scheme not in {"https", self.base_url.scheme}:
            raise RegistryError(
                f"{self.host}: wants credentials sent to {stated[:80]!r}, which is not https"
            )
        hosts = (url_of(f"{realm.scheme}://{one}") for one in self._token_hosts)
        allowed = {origin_of(one) for one in hosts if one is not None}
        if origin_of(realm) not in allowed:
            place = realm.netloc.decode("ascii", "replace")[:80]
            raise RegistryError(
                f"{self.host}: wants credentials sent to another host, {place!r}; if that is its "
                f"own, name it: images.token-hosts"
            )
        params = {
            "scope": scope,
            **({"service": challenge["service"]} if "service" in challenge else {}),
        }
        try:
            answer = self._request("GET", str(realm), header, params=params)
        except (TransientError, AnswerError) as fault:
            raise type(fault)(f"{host_of(realm)}: {fault}") from None
        if answer.status_code in {_UNAUTHORIZED, _FORBIDDEN}:
            self._refuse(answer)
        self.expect_ok(answer, "token")
        body = parsed(answer.content, f"{host_of(realm)}: token")
        token = body.get("token") or body.get("access_token")
        if not isinstance(token, str) or (made := bearer(token)) is None:
            raise RegistryError(f"{host_of(realm)}: answers without a token")
        return made

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
        found = parsed_json(body)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise RegistryError(f"{name}: the registry's answer is no JSON object")
    return found


def fault_of(answer: httpx.Response) -> str:
    """Return the error message of a registry's answer, on one line."""
    try:
        errors = parsed_json(answer.content)["errors"]
        said = "; ".join(f"{one.get('code')}: {one.get('message')}" for one in errors)
    except (ValueError, KeyError, TypeError, AttributeError):
        said = answer.content.decode("utf-8", "replace")
    return " ".join(said.split())[:200] or answer.reason_phrase
