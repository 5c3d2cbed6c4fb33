"""HTTP client that sends every request of the library, with bounded responses.

What a server may cost is bounded: the size of an answer after decompression, the time until it is
whole, its headers, its redirects. Requests go by https, but to this machine. Credentials go to the
origin (scheme, host and port) that they are for, and to no other, whatever a redirect says.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from tradai_tasks.background import bounded
from tradai_tasks.http_client.address import (
    NO_ADDRESS,
    PORTS,
    address_fault,
    host_of,
    is_loopback_name,
    origin_of,
    url_of,
)
from tradai_tasks.http_client.limits import AnswerError, Clock, Limits
from tradai_tasks.http_client.retry import TransientError, hurried, is_in_haste

if TYPE_CHECKING:
    import httpx

_LARGE = 3  # times as long as for a byte, a whole answer may take in haste
_MOST_REDIRECTS = 5
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_SAME_METHOD = frozenset({307, 308})
_KEPT = frozenset({"accept", "accept-encoding", "content-type", "user-agent"})  # headers


class HttpClient:
    """Client of one server, with persistent connections; safe to use from several threads."""

    def __init__(  # noqa: PLR0913 - all but the address have defaults
        self,
        base: str,
        *,
        authorization: Callable[[], str | None] | None = None,
        limits: Limits | None = None,
        plain_http: bool = False,
        verify: Any = True,
        stop: threading.Event | None = None,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        """Create a client; no request is made yet.

        Args:
            base: Address that relative ones are below.
            authorization: Returns the Authorization header of a request to the origin of `base`.
            limits: What an answer may cost, unless a request says otherwise.
            plain_http: Whether http may go to other machines too; then no credentials do.
            verify: Whether certificates are checked, or the TLS context to check them by.
            stop: Once set, requests end with a StoppedError.
            transport: Of httpx; for tests.

        Raises:
            AnswerError: The address is not to be used.
        """
        if (fault := address_fault(base, plain_http=plain_http)) is not None:
            raise AnswerError(fault)
        if (url := url_of(base)) is None:
            raise AnswerError(NO_ADDRESS)
        from tradai_tasks.http_client.wire import Wire  # noqa: PLC0415 - as above

        self.base = url
        self.transport = transport or Wire(verify)
        self._origin = origin_of(self.base)
        self._authorization = authorization
        self._limits = limits or Limits()
        self._plain_http = plain_http
        self._stop = stop
        # why a server that let time run out is, in haste, not asked once more
        self._silent: Exception | None = None

    def close(self) -> None:
        """Close its connections."""
        self.transport.close()

    def request(  # noqa: PLR0913 - what a request is made of, by keyword
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        limits: Limits | None = None,
        sink: Callable[[bytes], object] | None = None,
        authorization: str | None = None,
        **given: Any,
    ) -> httpx.Response:
        """Send a request, follow redirects and return the whole response.

        Args:
            url: An address, absolute or below the base.
            headers: Headers without credentials.
            sink: Called with each part of the body, which the answer then does not hold.
            authorization: The header to send to the address in place of the client's own.
            given: `params`, `json` or `content`, as httpx takes them.

        Raises:
            AnswerError: The answer is beyond the limits, or leads to where none may.
            TransientError: There is no answer.
            StoppedError: It was stopped.
        """
        import httpx  # noqa: PLC0415 - as above

        limits = limits or self._limits
        # in haste a server that drips is not waited for either; a large answer has some more time
        whole = hurried(limits.whole / _LARGE) * _LARGE
        limits = replace(limits, idle=hurried(limits.idle), whole=whole)
        clock = Clock(limits=limits, stop=self._stop)
        try:
            place = self.base.join(url)
        except (httpx.InvalidURL, ValueError, TypeError):
            raise AnswerError("no web address that can be asked for") from None
        try:
            request = self._made(method, place, headers or {}, **given)
        except (ValueError, TypeError):
            raise AnswerError("cannot be asked: what would be sent is no text") from None
        origin = origin_of(request.url)
        for _ in range(_MOST_REDIRECTS + 1):
            request.headers.pop("Authorization", None)
            if authorization is not None and origin_of(request.url) == origin:
                self._sign(request, authorization)
            elif authorization is None and origin_of(request.url) == self._origin:
                self._sign(request, self._authorization() if self._authorization else None)
            answer = self._answer(request, clock, sink)
            following = self._redirected(request, answer)
            if following is None:
                return answer
            request = following
        raise AnswerError(f"redirects more than {_MOST_REDIRECTS} times")

    def _made(
        self, method: str, url: httpx.URL, headers: Mapping[str, str], **given: Any
    ) -> httpx.Request:
        import httpx  # noqa: PLC0415 - as above

        self._check(url)
        own = {"User-Agent": "tradai-tasks", "Accept-Encoding": "gzip, deflate", "Accept": "*/*"}
        merged = httpx.Headers(own)
        merged.update(headers)
        return httpx.Request(method, url, headers=merged, **given)

    def _check(self, url: httpx.URL) -> None:
        """Raise for an address to which no request may be sent."""
        if url.userinfo:
            raise AnswerError("an address with a user or password in it")
        fault = address_fault(str(url), plain_http=self._plain_http)
        if url_of(str(url)) is None:
            fault = NO_ADDRESS
        if fault is not None:
            raise AnswerError(fault)

    def _sign(self, request: httpx.Request, header: str | None) -> None:
        if header is None:
            return
        if request.url.scheme != "https" and not is_loopback_name(host_of(request.url)):
            raise AnswerError("wants credentials by http, which anybody on the way could read")
        request.headers["Authorization"] = header

    def _answer(
        self, request: httpx.Request, clock: Clock, sink: Callable[[bytes], object] | None
    ) -> httpx.Response:
        from tradai_tasks.http_client.wire import exchange  # noqa: PLC0415 - as above

        if self._silent is not None and is_in_haste():
            raise self._silent
        try:
            # looking up a name, and a handshake, cannot be stopped otherwise
            return bounded(
                lambda: exchange(self.transport, request, clock, sink),
                seconds=clock.remaining,
                stop=self._stop,
            )
        except TimeoutError:
            self._silent = clock.fault()
            raise self._silent from None
        except TransientError as fault:
            self._silent = fault
            raise
        except AnswerError as fault:
            if clock.remaining <= 0:
                self._silent = fault
            raise

    def _redirected(self, request: httpx.Request, answer: httpx.Response) -> httpx.Request | None:
        """Return the request that a response redirects to; None if it does not redirect."""
        import httpx  # noqa: PLC0415 - as above

        place = answer.headers.get("Location")
        if answer.status_code not in _REDIRECTS or not place:
            return None
        reads = request.method in {"GET", "HEAD"}
        try:
            url = request.url.join(place)
        except (httpx.InvalidURL, ValueError, TypeError):
            raise AnswerError("redirects to what is no web address") from None
        if url.scheme not in PORTS:
            raise AnswerError(f"redirects to {url.scheme[:20]!r}, which is not https")
        if request.url.scheme == "https" and url.scheme != "https":
            raise AnswerError("redirects from https to http")
        same = origin_of(url) == origin_of(request.url)
        again = same and answer.status_code in _SAME_METHOD
        if not reads and not (again and isinstance(request.stream, httpx.ByteStream)):
            return None  # what changes something is not sent elsewhere: the caller sees the status
        try:
            self._check(url)
        except AnswerError as error:
            raise AnswerError(f"redirects to {error}") from None
        headers = {k: v for k, v in request.headers.items() if k.lower() in _KEPT}
        content = None if reads else request.read()
        return self._made(request.method, url, headers, content=content)
