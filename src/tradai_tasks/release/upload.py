"""Uploading one file by twine, once: whether to try again is for the caller, who looks first."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tradai_tasks.errors import UploadRefusedError
from tradai_tasks.release.retry import TRANSIENT, seconds_asked_for

if TYPE_CHECKING:
    from tradai_tasks.release.index import Credentials

__all__ = ["Outcome", "upload"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """What an index said to an upload."""

    status: int | None  # None: the connection broke, so the file may be there or not
    text: str = ""  # its reason, one line
    wait: float = 0.0  # seconds for which it asked to be left alone

    @property
    def is_stored(self) -> bool:
        """Whether the index says that it has the file."""
        return self.status is not None and 200 <= self.status < 300  # noqa: PLR2004 - HTTP

    @property
    def is_denied(self) -> bool:
        """Whether the index refuses the credentials."""
        return self.status in {401, 403}

    @property
    def may_pass(self) -> bool:
        """Whether trying again may help."""
        return self.status is None or self.status in TRANSIENT

    @property
    def shown(self) -> str:
        """The outcome in a message."""
        if self.status is None:
            return f"no answer ({self.text})"
        return f"HTTP {self.status}{f' {self.text}' if self.text else ''}"


def upload(path: Path, url: str, credentials: Credentials, *, timeout: float) -> Outcome:
    """Upload a distribution in one request.

    Args:
        path: The wheel or source distribution.
        url: Address that the index takes uploads at.
        credentials: User and password.
        timeout: Seconds that the request may go without an answer.

    Raises:
        UploadRefusedError: twine does not take the file.
    """
    import requests  # noqa: PLC0415 - what twine is built on; of the extra `release`
    from twine.exceptions import InvalidDistribution  # noqa: PLC0415 - as above
    from twine.package import PackageFile  # noqa: PLC0415 - as above
    from twine.repository import Repository  # noqa: PLC0415 - as above

    # twine would announce a further try of its own for a 5xx, and there is none
    logging.getLogger("twine.repository").setLevel(logging.ERROR)
    repository = Repository(
        url, credentials.username, credentials.password, disable_progress_bar=True
    )
    for scheme in ("http://", "https://"):
        repository.session.mount(scheme, _with_timeout(timeout))
    try:
        package = PackageFile.from_filename(str(path), comment=None)
        # a single try (what the parameter counts): twine's further ones would not look first
        answer = repository.upload(package, max_redirects=1)
    except InvalidDistribution as error:
        raise UploadRefusedError(f"{path}: twine does not take it: {error}") from None
    except requests.RequestException as error:
        # its text can hold the address with a query; its kind says enough
        return Outcome(status=None, text=type(error).__name__)
    finally:
        repository.close()
    with answer:
        text = _first_line(answer.text) or str(answer.reason or "")
        text = text.replace(credentials.password, "***")  # should the index echo it
        return Outcome(status=answer.status_code, text=text, wait=seconds_asked_for(answer.headers))


def _with_timeout(timeout: float) -> Any:
    """Return a transport that waits no longer; twine's own waits for ever."""
    from requests.adapters import HTTPAdapter  # noqa: PLC0415 - as above

    class Adapter(HTTPAdapter):
        def send(self, *given: Any, **named: Any) -> Any:
            return super().send(*given, **{**named, "timeout": named.get("timeout") or timeout})

    return Adapter()


def _first_line(text: str) -> str:
    longest = 200  # characters
    for line in text.splitlines():
        shown = "".join(one for one in line if one.isprintable()).strip()
        if shown:
            return shown[:longest]
    return ""
