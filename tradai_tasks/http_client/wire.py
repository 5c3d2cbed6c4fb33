"""Transport of the HTTP client: connections with deadlines and bounded bodies."""

from __future__ import annotations

import contextvars
import threading
import time
import urllib.request
import zlib
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import httpcore
import httpx

from tradai_tasks.http_client.address import host_of, is_loopback_name, url_of
from tradai_tasks.http_client.limits import AnswerError, Clock
from tradai_tasks.http_client.retry import TransientError

_CLOCK: contextvars.ContextVar[Clock] = contextvars.ContextVar("tradai_tasks_clock")
_PART = 64 * 1024  # bytes sent or decompressed at once
_GZIP, _ZLIB, _RAW = 31, 15, -15  # what zlib calls the formats
_NO_BODY = frozenset({204, 304})
_CUT_OFF = ("Server disconnected", "peer closed connection")  # h11's and httpcore's words


class _Stream(httpcore.NetworkStream):
    """Connection on which every wait is limited by the clock of the current request."""

    def __init__(self, inner: httpcore.NetworkStream) -> None:
        self._inner = inner

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        clock = _CLOCK.get()
        quiet = time.monotonic() + (clock.limits.idle if timeout is None else timeout)
        while True:
            try:
                found = self._inner.read(max_bytes, clock.left(quiet - time.monotonic()))
            except httpcore.ReadTimeout:
                if time.monotonic() >= quiet:
                    raise
                continue
            clock.got(len(found))
            return found

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        for start in range(0, len(buffer), _PART):
            self._inner.write(buffer[start : start + _PART], _CLOCK.get().left(timeout))

    def close(self) -> None:
        self._inner.close()

    def start_tls(
        self, ssl_context: Any, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        seconds = _CLOCK.get().left(timeout)
        return _Stream(self._inner.start_tls(ssl_context, server_hostname, seconds))

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)


class _Backend(httpcore.NetworkBackend):
    """Opens connections that are limited by the clock."""

    def __init__(self) -> None:
        self._inner = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        seconds = _CLOCK.get().left(timeout)
        return _Stream(self._inner.connect_tcp(host, port, seconds, local_address, socket_options))


class Wire(httpx.BaseTransport):
    """Persistent connections, through the proxies of the environment."""

    def __init__(self, verify: Any = True) -> None:  # noqa: FBT002 - as httpx has it
        self._verify = verify
        self._pools: dict[tuple[str, str | None], httpcore.ConnectionPool] = {}
        self._lock = threading.Lock()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request and return the response, its body unread."""
        url = request.url
        sent = httpcore.Request(
            method=request.method,
            url=httpcore.URL(
                scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path
            ),
            headers=request.headers.raw,
            content=request.stream,
            extensions=request.extensions,
        )
        answer = self._pool(url).handle_request(sent)
        return httpx.Response(
            answer.status,
            headers=answer.headers,
            stream=_Body(answer.stream),
            extensions=answer.extensions,
        )

    def close(self) -> None:
        """Close the connections."""
        for pool in self._pools.values():
            pool.close()

    def _pool(self, url: httpx.URL) -> httpcore.ConnectionPool:
        proxy = _proxy_of(url)
        key = (url.scheme, proxy)
        with self._lock:
            if key not in self._pools:
                given: dict[str, Any] = {"max_connections": 20, "network_backend": _Backend()}
                if url.scheme == "https":  # loading the authorities takes 0.05 s
                    given["ssl_context"] = httpx.create_ssl_context(self._verify)
                self._pools[key] = _through(proxy, given)
            return self._pools[key]


class _Body(httpx.SyncByteStream):
    """The body of a response, as it arrives."""

    def __init__(self, parts: Any) -> None:
        self._parts = parts

    def __iter__(self) -> Iterator[bytes]:
        yield from self._parts

    def close(self) -> None:
        self._parts.close()


def _proxy_of(url: httpx.URL) -> str | None:
    """Return the proxy for an address according to the environment."""
    if is_loopback_name(host_of(url)) or urllib.request.proxy_bypass(host_of(url)):
        return None
    proxies = urllib.request.getproxies()
    return proxies.get(url.scheme) or proxies.get("all")


def _through(proxy: str | None, given: dict[str, Any]) -> httpcore.ConnectionPool:
    if proxy is None:
        return httpcore.ConnectionPool(**given)
    found = url_of(proxy if "://" in proxy else f"http://{proxy}")
    if found is None or found.scheme not in {"http", "https"} or not host_of(found):
        raise AnswerError("its proxy (HTTPS_PROXY, ALL_PROXY) is none by http; set one that is")
    address = found.copy_with(username=None, password=None, path="/")
    auth = (found.username, found.password) if found.userinfo else None
    return httpcore.HTTPProxy(str(address), proxy_auth=auth, **given)


def exchange(
    transport: httpx.BaseTransport,
    request: httpx.Request,
    clock: Clock,
    sink: Callable[[bytes], object] | None,
) -> httpx.Response:
    """Send one request and return the whole response within the limits of its clock.

    Raises:
        AnswerError: It is beyond them, or no answer by the protocol.
        TransientError: There is none.
    """
    seconds = clock.limits.idle
    request.extensions["timeout"] = {
        "connect": min(seconds, 10.0), "read": seconds, "write": seconds,
        "pool": clock.limits.whole,
    }  # fmt: skip
    before = _CLOCK.set(clock)
    try:
        clock.left(None)
        answer = transport.handle_request(request)
        try:
            return _whole(request, answer, clock, sink)
        finally:
            answer.stream.close()  # type: ignore[union-attr]  # the transport is no async one
    except (httpcore.RemoteProtocolError, httpx.RemoteProtocolError) as error:
        if str(error).startswith(_CUT_OFF):
            raise TransientError(_said(error), kind=type(error).__name__) from None
        raise AnswerError(f"answers by no HTTP: {_said(error)}") from None
    except (httpcore.LocalProtocolError, httpx.LocalProtocolError):
        # the text may quote a header
        raise AnswerError("cannot be asked: a header has characters that none may have") from None
    except (
        httpcore.TimeoutException, httpcore.NetworkError, httpcore.ProtocolError,
        httpcore.ProxyError, httpcore.UnsupportedProtocol, httpcore.ConnectionNotAvailable,
        httpx.TransportError, OSError,
    ) as error:  # fmt: skip
        raise TransientError(_said(error), kind=type(error).__name__) from None
    finally:
        _CLOCK.reset(before)


def _whole(
    request: httpx.Request,
    answer: httpx.Response,
    clock: Clock,
    sink: Callable[[bytes], object] | None,
) -> httpx.Response:
    """Read and decompress a response's body within the limits."""
    headers = [
        (name, value)  # as bytes: what is no ASCII must not end in an error of its own
        for name, value in answer.headers.raw
        if name.lower() not in {b"content-encoding", b"content-length", b"transfer-encoding"}
    ]
    most, count, parts = clock.limits.most, 0, []
    too_large = AnswerError(f"answers with more than {most / 1024 / 1024:g} MB")
    if request.method != "HEAD" and answer.status_code not in _NO_BODY:
        stated = answer.headers.get("Content-Length", "")
        if stated.isascii() and stated.isdigit() and int(stated[:20]) > most:
            raise too_large
        raw = _watched(answer.stream, clock)  # type: ignore[arg-type]  # as above
        for part in _decoded(raw, answer.headers.get("Content-Encoding", "")):
            count += len(part)
            if count > most:
                raise too_large
            if sink is None or answer.status_code != 200:  # noqa: PLR2004 - HTTP: OK
                parts.append(part)
            else:
                sink(part)
    return httpx.Response(
        answer.status_code,
        headers=headers,
        content=b"".join(parts),
        request=request,
        extensions={k: v for k, v in answer.extensions.items() if k == "reason_phrase"},
    )


def _watched(parts: Iterable[bytes], clock: Clock) -> Iterator[bytes]:
    for part in parts:
        clock.left(None)
        yield part


def _decoded(parts: Iterable[bytes], stated: str) -> Iterator[bytes]:
    """Yield a decompressed body in small pieces."""
    encodings = [one.strip().lower() for one in stated.split(",")]
    encodings = [one for one in encodings if one not in {"", "identity"}]
    if not encodings:
        yield from parts
        return
    if encodings[1:] or encodings[0] not in {"gzip", "x-gzip", "deflate"}:
        raise AnswerError(f"answers in an encoding that was not asked for, {stated[:40]!r}")
    form = _ZLIB if encodings[0] == "deflate" else _GZIP
    unpacker: Any = None
    for whole in parts:
        part = whole
        if unpacker is None and part:
            # some servers leave out the header of zlib
            form = _RAW if form == _ZLIB and (part[0] & 0x0F) != zlib.DEFLATED else form
            unpacker = zlib.decompressobj(form)
        while part:
            try:
                yield unpacker.decompress(part, _PART)
            except zlib.error:
                raise AnswerError(f"answers in broken {encodings[0]}") from None
            part = unpacker.unconsumed_tail
            if unpacker.eof:
                if unpacker.unused_data:
                    raise AnswerError(f"answers with more than one {encodings[0]} stream")
                break
    if unpacker is not None:
        yield unpacker.flush()  # a little may be left: all that was read is in it
    if unpacker is not None and not unpacker.eof:
        raise TransientError("the answer ends too early", kind="RemoteProtocolError")


def _said(error: Exception) -> str:
    return " ".join(str(error).split())[:200] or type(error).__name__
