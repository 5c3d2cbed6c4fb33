"""Asking a package index what it has: its simple API, as JSON (PEP 691) or HTML (PEP 503)."""

from __future__ import annotations

import hashlib
import html.parser
import json
import time
import urllib.parse
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from packaging.utils import canonicalize_name

from tradai_tasks.errors import IndexAuthError, IndexUnavailableError
from tradai_tasks.release.retry import TRANSIENT, Sleep, Transient, retried, seconds_asked_for

if TYPE_CHECKING:
    import httpx

__all__ = ["Credentials", "Listed", "PackageIndex", "read_html", "read_json"]

_ACCEPT = (
    "application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html;q=0.2, "
    "text/html;q=0.01"
)
_OK, _ABSENT, _REFUSED = 200, frozenset({404, 410}), frozenset({401, 403})


@dataclass(frozen=True, kw_only=True, slots=True)
class Credentials:
    """What an index asks for; never shown."""

    username: str
    password: str = field(repr=False)


@dataclass(frozen=True, kw_only=True, slots=True)
class Listed:
    """A file that an index has."""

    filename: str
    url: str  # absolute, without fragment
    sha256: str | None  # lower-case; None where the index does not say
    is_yanked: bool = False


def read_json(content: bytes, base: str) -> list[Listed]:
    """Read a project page in JSON (PEP 691).

    Raises:
        ValueError: It is none.
    """
    page = json.loads(content)
    if not isinstance(page, dict) or not isinstance(page.get("files"), list):
        raise ValueError("no list of files")
    version = str(page.get("meta", {}).get("api-version", "1.0"))
    if version.partition(".")[0] != "1":
        raise ValueError(f"version {version} of the simple API")
    found = []
    for file in page["files"]:
        sha256 = file.get("hashes", {}).get("sha256")
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
    """Read a project page in HTML (PEP 503)."""
    parser = _Anchors()
    parser.feed(content.decode("utf-8", "replace"))
    parser.close()
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
    """Collects the links of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.base = ""
        self.anchors: list[tuple[str, dict[str, str | None]]] = []
        self._is_inside = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "base" and not self.base:
            self.base = dict(attrs).get("href") or ""
        elif tag == "a":
            self.anchors.append(("", dict(attrs)))
            self._is_inside = True

    def handle_endtag(self, tag: str) -> None:
        if tag == "a":
            self._is_inside = False

    def handle_data(self, data: str) -> None:
        if self._is_inside:
            text, attributes = self.anchors[-1]
            self.anchors[-1] = (text + data, attributes)


class PackageIndex:
    """One index, asked over one kept connection; safe to use from several threads.

    Args:
        simple_url: Root of its simple API.
        credentials: Gives the credentials for the next request, None for none.
        timeout: Seconds that a request may go without an answer.
        sleep: Waits between two tries.
    """

    def __init__(
        self,
        simple_url: str,
        credentials: Callable[[], Credentials | None],
        *,
        timeout: float = 60.0,
        sleep: Sleep = time.sleep,
    ) -> None:
        import httpx  # noqa: PLC0415 - of the extra `release`

        self.simple_url = simple_url.rstrip("/") + "/"
        self._credentials = credentials
        self._sleep = sleep
        self._client = httpx.Client(timeout=timeout, follow_redirects=True)

    def close(self) -> None:
        """Close its connections."""
        self._client.close()

    def files(self, name: str) -> dict[str, Listed]:
        """Return the files of a project by file name, empty where the index has no such project.

        Raises:
            IndexAuthError: The index refuses the credentials, so nothing is known.
            IndexUnavailableError: It does not answer, or not as an index does.
        """
        url = f"{self.simple_url}{canonicalize_name(name)}/"
        answer = self._get(url, headers={"Accept": _ACCEPT})
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
            IndexUnavailableError: It does not answer, or has not got what it lists.
        """
        answer = self._get(listed.url, headers={})
        if answer is None:
            raise IndexUnavailableError(
                f"{listed.url}: listed by the index, and not there; see what ails the index"
            )
        return answer.content

    def sha256(self, listed: Listed) -> str:
        """Return a file's SHA-256, downloading the file where the index does not say it.

        Raises:
            IndexAuthError: The index refuses the credentials.
            IndexUnavailableError: It does not answer.
        """
        return listed.sha256 or hashlib.sha256(self.content(listed)).hexdigest()

    def _get(self, url: str, headers: Mapping[str, str]) -> httpx.Response | None:
        """Get a page, trying again where that may help; None where there is none."""
        try:
            answer = retried(lambda: self._try(url, headers), sleep=self._sleep)
        except Transient as fault:
            raise IndexUnavailableError(
                f"{url}: {fault}, at every try; nothing is known of what is there; run the same "
                f"again once the index answers"
            ) from None
        if answer.status_code in _ABSENT:
            return None
        if answer.status_code in _REFUSED:
            raise IndexAuthError(
                f"{url}: the index refuses to show what it has (HTTP {answer.status_code}); check "
                f"that the credentials are not expired and may read"
            )
        if answer.status_code != _OK:
            raise IndexUnavailableError(
                f"{url}: HTTP {answer.status_code}; check the address of the simple API"
            )
        return answer

    def _try(self, url: str, headers: Mapping[str, str]) -> httpx.Response:
        import httpx  # noqa: PLC0415 - as above

        given: dict[str, Any] = {"headers": dict(headers)}
        credentials = self._credentials() if self._is_own(url) else None
        if credentials is not None:
            given["auth"] = (credentials.username, credentials.password)
        try:
            answer = self._client.get(url, **given)
        except httpx.TransportError as error:
            raise Transient(f"no answer ({type(error).__name__})") from None
        except (httpx.TooManyRedirects, httpx.DecodingError) as error:
            raise IndexUnavailableError(f"{url}: {error}; check the address") from None
        if answer.status_code in TRANSIENT:
            wait = seconds_asked_for(answer.headers)
            raise Transient(f"HTTP {answer.status_code}", wait=wait)
        return answer

    def _is_own(self, url: str) -> bool:
        """Tell whether an address is the index's: files may be elsewhere, and get no password."""
        own, other = urllib.parse.urlsplit(self.simple_url), urllib.parse.urlsplit(url)
        return (own.scheme, own.netloc) == (other.scheme, other.netloc)
