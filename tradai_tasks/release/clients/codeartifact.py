"""Endpoints and authorization tokens of an AWS CodeArtifact repository.

A token is valid for 12 hours, the longest that `GetAuthorizationToken` allows; it is renewed before
it expires.
"""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tradai_tasks.errors import AwsError, AwsRegionError, CodeArtifactError
from tradai_tasks.http_client.address import Credentials
from tradai_tasks.release.clients.aws import Aws
from tradai_tasks.settings.codeartifact import CodeArtifactSettings

USERNAME = "aws"  # CodeArtifact's own, for every token
DURATION = 12 * 3600  # seconds
RENEWED_UNDER = dt.timedelta(hours=1)


@dataclass(frozen=True, kw_only=True, slots=True)
class Token:
    """An authorization token, used as the password; never shown."""

    value: str = field(repr=False)
    expires: dt.datetime  # with a time zone


def _now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


class CodeArtifact:
    """One repository from the settings; requests to AWS are made when first needed.

    Raises:
        AwsError: AWS does not answer.
        CodeArtifactError: There is no such domain or repository.
    """

    def __init__(
        self,
        settings: CodeArtifactSettings,
        *,
        aws: Aws | None = None,
        now: Callable[[], dt.datetime] = _now,
    ) -> None:
        self.settings = settings
        self._aws = aws or Aws(region=settings.region)
        self._now = now
        self._lock = threading.RLock()
        self._endpoint: str | None = None
        self._token: Token | None = None

    @property
    def shown(self) -> str:
        """Name of the repository in messages."""
        return f"CodeArtifact {self.settings.domain}/{self.settings.repository}"

    def upload_url(self) -> str:
        """Return the URL for uploads.

        Raises:
            AwsError: AWS does not return it.
            CodeArtifactError: There is no such repository.
        """
        with self._lock:
            if self._endpoint is None:
                answer = self._request(
                    "get_repository_endpoint", repository=self.settings.repository, format="pypi"
                )
                self._endpoint = str(self._field(answer, "repositoryEndpoint")).rstrip("/") + "/"
            return self._endpoint

    def simple_url(self) -> str:
        """Return the URL of the simple API.

        Raises:
            AwsError: AWS does not return it.
            CodeArtifactError: There is no such repository.
        """
        return f"{self.upload_url()}simple/"

    def token(self) -> Token:
        """Return a token that is valid for at least another hour.

        Raises:
            AwsError: AWS returns no token.
            CodeArtifactError: There is no such domain.
        """
        with self._lock:
            if self._token is None or self._token.expires - self._now() < RENEWED_UNDER:
                answer = self._request("get_authorization_token", durationSeconds=DURATION)
                self._token = Token(
                    value=str(self._field(answer, "authorizationToken")),
                    expires=self._field(answer, "expiration"),
                )
            return self._token

    def credentials(self) -> Credentials:
        """Return the user name and the token.

        Raises:
            AwsError: AWS returns no token.
            CodeArtifactError: There is no such domain.
        """
        return Credentials(username=USERNAME, password=self.token().value)

    upload_credentials = credentials
    takes_attestations = False

    def _request(self, operation: str, **given: Any) -> dict[str, Any]:
        given["domain"] = self.settings.domain
        if self.settings.owner:
            given["domainOwner"] = self.settings.owner
        try:
            return self._aws.call("codeartifact", operation, **given)
        except AwsRegionError:
            raise CodeArtifactError(
                f"{self.shown}: no AWS region is set; set publish.codeartifact.region, AWS_REGION "
                f"or the profile's region"
            ) from None
        except AwsError as error:
            if error.code != "ResourceNotFoundException":
                raise
            raise CodeArtifactError(f"{self.shown}: {self._missing(str(error))}") from None
        except ValueError as error:  # botocore passes on an error that it cannot decode
            raise CodeArtifactError(
                f"{self.shown}: what answers is not AWS's API ({error}); check AWS_ENDPOINT_URL "
                f"and proxies"
            ) from None

    def _missing(self, message: str) -> str:
        what = "repository" if "epository" in message.partition(": ")[2] else "domain"
        name = self.settings.repository if what == "repository" else self.settings.domain
        return (
            f"there is no {what} {name!r} in this account and region; make it, or fix "
            f"publish.codeartifact ({what}, owner, region)"
        )

    def _field(self, answer: Mapping[str, Any], name: str) -> Any:
        if name not in answer:
            raise CodeArtifactError(
                f"{self.shown}: what answers is not AWS's API (no {name}); check AWS_ENDPOINT_URL "
                f"and proxies"
            )
        return answer[name]
