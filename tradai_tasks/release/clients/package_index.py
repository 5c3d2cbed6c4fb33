"""Read the files of a project from a package index, as JSON (PEP 691) or HTML (PEP 503)."""

from __future__ import annotations

import hashlib
import html.parser
import threading
import time
import urllib.parse
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from packaging.utils import canonicalize_name

from tradai_tasks.errors import IndexAuthError, IndexUnavailableError
from tradai_tasks.http_client.address import Credentials, basic
from tradai_tasks.http_client.client import HttpClient
from tradai_tasks.http_client.limits import MEGABYTE, AnswerError, Limits, parsed_json
from tradai_tasks.http_client.retry import TRIES, TransientError, raise_transient, retried

if TYPE_CHECKING:
    import httpx

_ACCEPT = (
    "application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html;q=0.2, "
    "text/html;q=0.01"
)
_OK, _ABSENT, _REFUSED = 200, frozenset({404, 410}), frozenset({401, 403})
_PAGE = 32 * MEGABYTE  # the largest pages of the public index have some ten MB
_HELD = 256 * MEGABYTE  # bytes of a file that is compared in memory
_FILE = 8 * 1024 * MEGABYTE  # bytes of a file whose digest is computed from the stream
_FILE_SECONDS = 1800.0
_MOST_FILES = 200_000
_READING = 5.0  # seconds that parsing a page may take; 10,000 files take a tenth
_FED = 64 * 1024  # characters of a page that are parsed at once
_LONGEST_TAG = 256 * 1024
_LONGEST_NAME = 1000


@dataclass(frozen=True, kw_only=True, slots=True)
class Listed:
    """A file that an index lists."""

    filename: str
    url: str  # absolute URL, without fragment
    sha256: str | None  # lower-case; None if the index does not state it
    is_yanked: bool = False


def read_json(content: bytes, base: str) -> list[Listed]:
    """Read a project page in JSON (PEP 691); raise ValueError if it is none."""
    page = parsed_json(content)
    if not isinstance(page, dict) or not isinstance(page.get("files"), list):
        raise ValueError("no list of files")
    version = str(page.get("meta", {}).get("api-version", "1.0"))
    if version.partition(".")[0] != "1":
        raise ValueError(f"version {version} of the simple API")
    found = []
    for file in page["files"]:
        sha256 = file.get("hashes", {}).get("sha256")
        if not isinstance(file["filename"], str) or not isinstance(file["url"], str):
            raise ValueError("a file without a name or an address")
        found.append(
            Listed(
                filename=file["filename"],
                url=urllib.parse.urldefrag(urllib.parse.urljoin(base, file["url"])).url,
                sha256=sha256.lower() if isinstance(sha256, str) else None,
                is_yanked=bool(file.get("yanked", False)),
            )
        )
    return found


def read_html(content: bytes, base: str) -> list[Listed]:
    """Read a project page in HTML (PEP 503); raise ValueError if it is none."""
    parser = _Anchors()
    ended = time.monotonic() + _READING
    text = content.decode("utf-8", "replace")
    for start in range(0, len(text), _FED):
        parser.feed(text[start : start + _FED])
        # what is left unparsed is parsed again with the next piece
        if len(parser.rawdata) > _LONGEST_TAG:
            raise ValueError("a tag that does not end")
        if time.monotonic() > ended:
            raise ValueError("a page that takes too long to read")
    base = urllib.parse.urljoin(base, parser.base)
    found = []
    for text, attributes in parser.anchors:
        href = attributes.get("href")
        if not href:
            continue
        url, fragment = urllib.parse.urldefrag(urllib.parse.urljoin(base, href))
        algorithm, _, digest = fragment.partition("=")
        path = urllib.parse.unquote(urllib.parse.urlsplit(url).path)
        found.append(
            Listed(
                filename=text.strip() or path.rpartition("/")[2],
                url=url,
                sha256=digest.lower() if algorithm == "sha256" and digest else None,
                is_yanked="data-yanked" in attributes,
            )
        )
    return found


class _Anchors(html.parser.HTMLParser):
    """HTML parser that collects the links of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.base = ""
        self.anchors: list[tuple[str, dict[str, str | None]]] = []
        self._is_inside = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "base" and not self.base:
            self.base = dict(attrs).get("href") or ""
        elif tag == "a":
            if len(self.anchors) >= _MOST_FILES:
                raise ValueError(f"more than {_MOST_FILES} files")
            self.anchors.append(("", dict(attrs)))
            self._is_inside = True

    def handle_endtag(self, tag: str) -> None:
        if tag == "a":
            self._is_inside = False

    def handle_data(self, data: str) -> None:
        if self._is_inside:
            text, attributes = self.anchors[-1]
            if len(text) < _LONGEST_NAME:
                self.anchors[-1] = (text + data[:_LONGEST_NAME], attributes)


class PackageIndex:
    """Client of one package index, with persistent connections; safe to use from several threads.

    `simple_url` is the root of its simple API, and `timeout` is in seconds for a whole page, and
    for a file without receiving a byte. `credentials` is called for each request.

    Raises:
        IndexAuthError: The index refuses the credentials, so nothing is known.
        IndexUnavailableError: It does not answer, its answer is not that of an index, or its
            address may not be used.
    """

    def __init__(
        self,
        simple_url: str,
        credentials: Callable[[], Credentials | None],
        *,
        timeout: float = 60.0,
        stop: threading.Event | None = None,
    ) -> None:
        self.simple_url = simple_url.rstrip("/") + "/"
        self._credentials = credentials
        self._stop = stop
        self._pages = Limits(idle=timeout, whole=timeout, most=_PAGE)
        self._timeout = timeout
        try:
            self._client = HttpClient(self.simple_url, authorization=self._header, stop=stop)
        except AnswerError as fault:
            raise IndexUnavailableError(
                f"the index's address is {fault}; check publish.index"
            ) from None

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def files(self, name: str) -> dict[str, Listed]:
        """Return a project's files by file name; empty if the index does not have the project.

        Raises:
            IndexAuthError: The index refuses the credentials, so nothing is known.
            IndexUnavailableError: It does not answer, or its answer is not that of an index.
        """
        url = f"{self.simple_url}{canonicalize_name(name)}/"
        answer = self._get(url, self._pages, accept=_ACCEPT)
        if answer is None:
            return {}
        kind = answer.headers.get("Content-Type", "").partition(";")[0].strip().lower()
        try:
            if kind in {"application/vnd.pypi.simple.v1+json", "application/json"}:
                listed = read_json(answer.content, str(answer.url))
            elif kind in {"text/html", "application/vnd.pypi.simple.v1+html"}:
                listed = read_html(answer.content, str(answer.url))
            else:
                raise ValueError(f"content type {kind or 'missing'}")
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise IndexUnavailableError(
                f"{url}: answers with something that is no page of an index ({error}); check the "
                f"address of the simple API"
            ) from None
        return {one.filename: one for one in listed}

    def content(self, listed: Listed) -> bytes:
        """Return the bytes of a file.

        Raises:
            IndexAuthError: The index refuses the credentials.
            IndexUnavailableError: It does not answer, or does not have a file that it lists.
        """
        limits = Limits(idle=self._timeout, whole=_FILE_SECONDS, most=_HELD)
        return self._file(listed, limits).content

    def sha256(self, listed: Listed) -> str:
        """Return a file's SHA-256; download the file if the index does not state it.

        Raises:
            IndexAuthError: The index refuses the credentials.
            IndexUnavailableError: It does not answer.
        """
        if listed.sha256:
            return listed.sha256
        digests: list[hashlib._Hash] = []

        def begun() -> Callable[[bytes], object]:
            digests.append(hashlib.sha256())  # a new one for each attempt
            return digests[-1].update

        self._file(listed, Limits(idle=self._timeout, whole=_FILE_SECONDS, most=_FILE), sink=begun)
        return digests[-1].hexdigest()

    def _file(
        self,
        listed: Listed,
        limits: Limits,
        sink: Callable[[], Callable[[bytes], object]] | None = None,
    ) -> httpx.Response:
        answer = self._get(listed.url, limits, sink=sink)
        if answer is None:
            raise IndexUnavailableError(
                f"{_bare(listed.url)}: listed by the index, and not there; see what ails the index"
            )
        return answer

    def _get(
        self,
        url: str,
        limits: Limits,
        *,
        accept: str = "*/*",
        sink: Callable[[], Callable[[bytes], object]] | None = None,
    ) -> httpx.Response | None:
        """Get a page, with retries; None if it does not exist."""
        shown = _bare(url)

        def once() -> httpx.Response:
            made = None if sink is None else sink()
            answer = self._client.request(
                "GET", url, headers={"Accept": accept}, limits=limits, sink=made
            )
            raise_transient(answer, f"HTTP {answer.status_code}")
            return answer

        try:
            answer = retried(once, tries=TRIES, stop=self._stop)
        except TransientError as fault:
            what = fault.kind if fault.kind.startswith("HTTP ") else f"no answer ({fault.kind})"
            raise IndexUnavailableError(
                f"{shown}: {what}, at every try; nothing is known of what is there; run the same "
                f"again once the index answers"
            ) from None
        except AnswerError as fault:
            raise IndexUnavailableError(
                f"{shown}: {fault}; nothing is known of what is there; see what ails the index"
            ) from None
        if answer.status_code in _ABSENT:
            return None
        if answer.status_code in _REFUSED:
            raise IndexAuthError(
                f"{shown}: the index refuses to show what it has (HTTP {answer.status_code}); "
                f"check that the credentials are not expired and may read"
            )
        if answer.status_code != _OK:
            raise IndexUnavailableError(
                f"{shown}: HTTP {answer.status_code}; check the address of the simple API"
            )
        return answer

    def _header(self) -> str | None:
        known = self._credentials()
        return None if known is None else basic(known.username, known.password)


def _bare(url: str) -> str:
    """Return an address without its query, which may hold a signature, for a message."""
    return url.partition("?")[0]
