"""Upload without a stored token: the CI's identity in exchange for a token of minutes.

The index trusts a workflow that is registered there as a publisher of the project. twine makes the
exchange, by OpenID Connect.

Source: PyPI's documentation, "Trusted publishers: internals and technical details".
"""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING

from tradai_tasks.background import bounded
from tradai_tasks.errors import IndexAuthError
from tradai_tasks.http_client.address import Credentials

if TYPE_CHECKING:
    from twine.auth import Resolver

_SECONDS = 60.0  # for the exchange as a whole: three requests


class TrustedPublisher:
    """Upload tokens of one index, renewed by twine before they expire; safe for several threads."""

    def __init__(self, upload_url: str, *, stop: threading.Event | None = None) -> None:
        self._url = upload_url
        self._stop = stop
        self._lock = threading.Lock()
        self._resolver: Resolver | None = None

    def credentials(self) -> Credentials:
        """Return a user name and an upload token.

        Raises:
            IndexAuthError: The CI gives no identity token, or the index no upload token.
            StoppedError: It was stopped.
        """
        import requests  # noqa: PLC0415 - a dependency of twine; of the extra `release`
        from twine import auth  # noqa: PLC0415 - as above
        from twine.exceptions import TwineException  # noqa: PLC0415 - as above

        logging.getLogger("twine.auth").setLevel(logging.ERROR)  # it logs each step
        with self._lock:
            if self._resolver is None:
                given = auth.CredentialInput(username=auth.TOKEN_USERNAME)
                self._resolver = auth.Private({"repository": self._url}, given)
            resolver = self._resolver
            try:
                token = bounded(
                    resolver.make_trusted_publishing_token, seconds=_SECONDS, stop=self._stop
                )
            except TimeoutError:
                raise self._fault(f"no answer after {_SECONDS:g} s") from None
            except TwineException as error:
                raise self._fault(" ".join(str(error).split())) from None
            except requests.RequestException as error:
                # its text may quote an address with a query
                raise self._fault(f"the exchange failed ({type(error).__name__})") from None
            except (KeyError, TypeError, ValueError):
                raise self._fault("what answers has no trusted publishing") from None
        if not token:
            raise self._fault("this is no CI job with an identity")
        return Credentials(username=auth.TOKEN_USERNAME, password=token)

    def _fault(self, why: str) -> IndexAuthError:
        return IndexAuthError(
            f"{self._url}: no token by trusted publishing: {why}; register this workflow there as "
            f"a trusted publisher, and give its job `permissions: id-token: write`"
        )
