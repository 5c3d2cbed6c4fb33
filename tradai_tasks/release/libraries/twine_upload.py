"""Upload one distribution file with twine, in a single attempt."""

from __future__ import annotations

import contextlib
import io
import logging
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tradai_tasks.errors import UploadRefusedError
from tradai_tasks.http_client.client import HttpClient
from tradai_tasks.http_client.limits import MEGABYTE, AnswerError, Limits
from tradai_tasks.http_client.retry import TRANSIENT, TransientError, seconds_asked_for
from tradai_tasks.text import safe

if TYPE_CHECKING:
    from tradai_tasks.http_client.address import Credentials

_SAID = MEGABYTE  # bytes of an answer to an upload
_SLOWEST = 16 * 1024  # bytes in a second that an upload must reach
_PART = 64 * 1024


@dataclass(frozen=True, kw_only=True, slots=True)
class UploadResponse:
    """The response of an index to an upload."""

    status: int | None  # None: the connection broke, so the file may be stored or not
    text: str = ""  # the reason in the response, one line
    wait: float = 0.0  # seconds to wait, from Retry-After
    is_final: bool = False  # the answer exceeded the limits, and another would too

    @property
    def is_stored(self) -> bool:
        """Whether the index has accepted the file."""
        return self.status is not None and 200 <= self.status < 300  # noqa: PLR2004 - HTTP

    @property
    def is_denied(self) -> bool:
        """Whether the index refuses the credentials."""
        return self.status in {401, 403}

    @property
    def may_pass(self) -> bool:
        """Whether a retry may succeed."""
        return not self.is_final and (self.status is None or self.status in TRANSIENT)

    @property
    def shown(self) -> str:
        """The response as text for a message."""
        if self.status is None:
            return f"no answer ({self.text})"
        return f"HTTP {self.status}{f' {self.text}' if self.text else ''}"


def upload(  # noqa: PLR0913 - what an upload depends on, by keyword
    path: Path,
    url: str,
    credentials: Credentials,
    *,
    timeout: float,
    attestations: Sequence[Path] = (),
    stop: threading.Event | None = None,
) -> UploadResponse:
    """Upload a distribution in one request; raise UploadRefusedError if twine does not accept it.

    `timeout` is in seconds, for the answer once the file is sent. `stop` ends the upload; what has
    arrived of the file is for the index to drop. `attestations` are those of PEP 740.

    Raises:
        StoppedError: It was stopped.
    """
    size = path.stat().st_size
    limits = Limits(idle=timeout, whole=timeout + size / _SLOWEST, most=_SAID)
    try:
        client = HttpClient(url, limits=limits, stop=stop)
    except AnswerError as fault:
        raise UploadRefusedError(
            f"{path.name}: not uploaded: the index's address is {fault}; check publish.index"
        ) from None
    with contextlib.closing(client):
        return _posted(path, url, credentials, attestations, client)


def _posted(
    path: Path, url: str, credentials: Credentials, attestations: Sequence[Path], client: HttpClient
) -> UploadResponse:
    """Have twine upload a file through a client, and return what came of it."""
    import requests  # noqa: PLC0415 - a dependency of twine; of the extra `release`
    from twine.exceptions import InvalidDistribution  # noqa: PLC0415 - as above
    from twine.package import PackageFile  # noqa: PLC0415 - as above
    from twine.repository import Repository  # noqa: PLC0415 - as above

    # for a 5xx twine announces a retry of its own, which is turned off here
    logging.getLogger("twine.repository").setLevel(logging.ERROR)
    user, password = credentials.username, credentials.password
    repository = Repository(url, user, password, disable_progress_bar=True)
    for scheme in ("http://", "https://"):
        repository.session.mount(scheme, _through(client))
    try:
        package = PackageFile.from_filename(str(path), comment=None)
        if attestations:
            package.add_attestations([str(one) for one in attestations])
        # a single attempt: twine's own retries would not look at the index first
        answer = repository.upload(package, max_redirects=1)
    except InvalidDistribution as error:
        raise UploadRefusedError(f"{path}: twine does not take it: {error}") from None
    except requests.RequestException as error:
        # its text can contain the URL with a query; its type says enough
        return UploadResponse(status=None, text=type(error).__name__)
    except AnswerError as fault:
        return UploadResponse(status=None, text=str(fault), is_final=True)
    finally:
        repository.close()
    with answer:
        content = answer.content.decode("utf-8", "replace")
        text = _first_line(content) or str(answer.reason or "")
        text = text.replace(password, "***")  # in case the index echoes it
        return UploadResponse(
            status=answer.status_code, text=text, wait=seconds_asked_for(answer.headers)
        )


def _through(client: HttpClient) -> Any:
    """Return a requests adapter for twine that sends through this library's HTTP client."""
    import requests  # noqa: PLC0415 - as above
    from requests.adapters import BaseAdapter  # noqa: PLC0415 - as above

    class Adapter(BaseAdapter):
        def send(self, request: Any, *_: Any, **__: Any) -> Any:
            headers = {name: _text(value) for name, value in request.headers.items()}
            header = headers.pop("Authorization", None)
            try:
                found = client.request(
                    request.method,
                    request.url,
                    headers=headers,
                    authorization=header,
                    content=_chunks(request.body),
                )
            except TransientError as fault:
                raise requests.ConnectionError(fault.kind) from None
            answer = requests.Response()
            answer.status_code, answer.reason = found.status_code, found.reason_phrase
            answer.url, answer.request = request.url, request
            answer.headers.update(found.headers)
            answer.raw = io.BytesIO(found.content)
            return answer

        def close(self) -> None:
            """Do nothing: whoever created the client closes it."""

    return Adapter()


def _chunks(body: Any) -> Iterator[bytes]:
    if isinstance(body, bytes | str):
        yield body.encode() if isinstance(body, str) else body
        return
    while part := body.read(_PART):
        yield part


def _text(value: str | bytes) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else value


def _first_line(text: str) -> str:
    longest = 200  # characters
    for line in text.splitlines():
        shown = "".join(one for one in line if one.isprintable()).strip()
        if shown:
            return safe(shown[:longest])
    return ""
