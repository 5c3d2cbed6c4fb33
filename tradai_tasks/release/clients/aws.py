"""boto3 clients for one region, with AWS errors turned into one-line messages.

Credentials come from the usual AWS chain only. Clients are made when first needed. botocore has no
deadline for a whole answer, so requests are retried by the policy of all requests
(`http_client.retry`) instead of its own.
"""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeVar

from tradai_tasks.background import bounded
from tradai_tasks.errors import (
    AwsCredentialsError,
    AwsDeniedError,
    AwsEndpointError,
    AwsError,
    AwsExpiredError,
    AwsRegionError,
    AwsThrottledError,
    AwsUnreachableError,
)
from tradai_tasks.http_client.address import address_fault
from tradai_tasks.http_client.retry import TRANSIENT, TransientError, hurried, is_in_haste, retried

_T = TypeVar("_T")

_EXPIRED = frozenset({"ExpiredToken", "ExpiredTokenException", "RequestExpired"})
_UNKNOWN_KEY = frozenset(
    {
        "AuthFailure",
        "InvalidAccessKeyId",
        "InvalidClientTokenId",
        "InvalidSignatureException",
        "MissingAuthenticationToken",
        "MissingAuthenticationTokenException",
        "SignatureDoesNotMatch",
        "UnrecognizedClientException",
    }
)
_DENIED = frozenset({"AccessDenied", "AccessDeniedException", "UnauthorizedOperation"})
_THROTTLED = frozenset(
    {
        "RequestLimitExceeded",
        "SlowDown",
        "ThrottledException",
        "Throttling",
        "ThrottlingException",
        "TooManyRequestsException",
    }
)
_ACTION = re.compile(r"not authorized to perform: (?P<action>[A-Za-z0-9-]+:[A-Za-z0-9*]+)")
# botocore's exceptions for credentials that are absent, incomplete or cannot be fetched
_NO_CREDENTIALS = (
    "NoCredentialsError",
    "PartialCredentialsError",
    "CredentialRetrievalError",
    "ProfileNotFound",
    "InvalidConfigError",
    "UnknownCredentialError",
)
_SIGN_IN_AGAIN = ("SSOError", "TokenRetrievalError", "RefreshWithMFAUnsupportedError")
_NO_REGION = (
    "AWS: no region is set; set deploy.environments.<name>.region, AWS_REGION or the profile's "
    "region"
)
_SIGN_IN = (
    "sign in (aws sso login, aws configure) or set AWS_PROFILE; in CI, let the job assume its role "
    "first"
)


@dataclass
class Aws:
    """boto3 clients of one region."""

    region: str | None = None  # None: the region of the usual AWS chain
    attempts: int = 5  # attempts at each request, with the first one
    connect_timeout: float = 10  # seconds
    read_timeout: float = 60  # seconds without a byte
    whole: float = 120  # seconds for an answer, with all its pages
    stop: threading.Event | None = field(default=None, repr=False)  # ends requests and waits
    _session: Any = field(default=None, repr=False)
    _clients: dict[str, Any] = field(default_factory=dict, repr=False)
    # services that gave no answer, which in haste are not asked once more
    _silent: dict[str, AwsError] = field(default_factory=dict, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def call(
        self, service: str, operation: str, /, *, once: bool = False, **parameters: Any
    ) -> dict[str, Any]:
        """Make a request and return its answer.

        `once` is for a request that must not be repeated: it may have succeeded although no answer
        came.

        Raises:
            AwsError: The request failed; `code` is AWS's error code. Subclasses say more.
            StoppedError: It was stopped.
        """
        asked = partial(getattr(self.client(service), operation), **parameters)
        found: dict[str, Any] = self._retry(service, operation, asked, 1 if once else self.attempts)
        return found

    def pages(
        self, service: str, operation: str, key: str, /, **parameters: Any
    ) -> list[dict[str, Any] | str]:
        """Return the items of a paginated answer; raise as `call` does.

        Raises:
            AwsError: As `call`.
        """
        paginator = self.client(service).get_paginator(operation)

        def asked() -> list[dict[str, Any] | str]:
            return [one for page in paginator.paginate(**parameters) for one in page[key]]

        return self._retry(service, operation, asked, self.attempts)

    def _retry(self, service: str, operation: str, asked: Callable[[], _T], tries: int) -> _T:
        """Make a request, with retries while the fault may be temporary."""
        seconds = hurried(self.whole)

        def attempt() -> _T:
            if service in self._silent and is_in_haste():
                raise _MayPass(self._silent[service])
            try:
                with _named_errors(service, operation):
                    return bounded(asked, seconds=seconds, stop=self.stop)
            except TimeoutError:
                late = f"{service}:{pascal_case(operation)}: no answer after {seconds:g} s"
                self._silent[service] = AwsUnreachableError(f"{late}; run it again")
                raise _MayPass(self._silent[service]) from None
            except AwsError as error:
                if isinstance(error, AwsUnreachableError):
                    self._silent[service] = error
                if isinstance(error, AwsThrottledError | AwsUnreachableError) or error.may_pass:
                    raise _MayPass(error) from None
                raise

        try:
            return retried(attempt, tries=tries, stop=self.stop)
        except _MayPass as fault:
            raise fault.error from None

    def client(self, service: str) -> Any:
        """Return a cached client; any thread may use it.

        Raises:
            AwsRegionError: No region is set anywhere.
            AwsCredentialsError: The profile asked for does not exist.
        """
        with self._lock, _named_errors(service, "client"):
            if service not in self._clients:
                self._clients[service] = self._created(service)
            return self._clients[service]

    def _created(self, service: str) -> Any:
        import boto3  # noqa: PLC0415 - takes 0.3 s to load
        from botocore.config import Config  # noqa: PLC0415 - as above

        # a session of our own: boto3's default one would be shared with whoever else uses boto3
        # AWS's other tools read AWS_REGION, and CI sets it; boto3 has AWS_DEFAULT_REGION alone
        region = self.region or os.environ.get("AWS_REGION") or None
        self._session = self._session or boto3.session.Session(region_name=region)
        if self._session.region_name is None:
            raise AwsRegionError(_NO_REGION)
        config = Config(
            retries={"mode": "standard", "total_max_attempts": 1},
            connect_timeout=self.connect_timeout,
            read_timeout=self.read_timeout,
            user_agent_extra="tradai-tasks",
        )
        made = self._session.client(service, config=config)
        fault = address_fault(made.meta.endpoint_url)
        if fault is not None:  # AWS_ENDPOINT_URL, or a profile's endpoint_url
            raise AwsEndpointError(
                f"AWS: its endpoint for {service} is {fault}; check AWS_ENDPOINT_URL and the "
                f"profile's endpoint_url"
            )
        return made


class _MayPass(TransientError):  # noqa: N818 - as its base class
    """A temporary failure of a request to AWS."""

    def __init__(self, error: AwsError) -> None:
        super().__init__(str(error))
        self.error = error


@contextmanager
def _named_errors(service: str, operation: str) -> Iterator[None]:
    """Raise this library's error for one of botocore."""
    try:
        yield
    except Exception as error:
        # botocore is loaded only where AWS is used, so its classes are imported here
        if type(error).__module__.split(".")[0] not in {"boto3", "botocore"}:
            raise
        raise aws_error(error, service, operation) from None


def aws_error(error: BaseException, service: str, operation: str) -> AwsError:
    """Return this library's error for one of botocore: one line, with what to do."""
    action = f"{service}:{pascal_case(operation)}"
    names = {kind.__name__ for kind in type(error).__mro__}
    if "ClientError" in names:
        response: dict[str, Any] = getattr(error, "response", {})
        found = _of_answer(response.get("Error", {}), action)
        found.may_pass = response.get("ResponseMetadata", {}).get("HTTPStatusCode") in TRANSIENT
        return found
    text = _one_line(str(error))
    if "NoRegionError" in names:
        return AwsRegionError(_NO_REGION)
    if names & set(_SIGN_IN_AGAIN):
        return AwsExpiredError(f"{action}: the sign-in to AWS has expired ({text}); {_SIGN_IN}")
    if names & set(_NO_CREDENTIALS):
        return AwsCredentialsError(f"{action}: no credentials for AWS ({text}); {_SIGN_IN}")
    if names & {"HTTPClientError", "ConnectionError"}:
        return AwsUnreachableError(
            f"{action}: AWS cannot be reached ({text}); check the network, the region and "
            f"AWS_ENDPOINT_URL, and run it again"
        )
    return AwsError(f"{action}: {text}", code=type(error).__name__)


def _of_answer(answer: dict[str, Any], action: str) -> AwsError:
    """Return the error for an error response of AWS."""
    code = str(answer.get("Code") or "Unknown")
    text = _one_line(str(answer.get("Message") or answer.get("message") or "no message"))
    if code in _EXPIRED:
        return AwsExpiredError(f"{action}: the credentials of AWS have expired; {_SIGN_IN}", code)
    if code in _UNKNOWN_KEY:
        return AwsCredentialsError(
            f"{action}: AWS does not know these credentials ({code}); {_SIGN_IN}", code
        )
    if code in _DENIED:
        said = _ACTION.search(text)
        needed = said["action"] if said else action
        return AwsDeniedError(
            f"{action}: denied; allow the action {needed} in the IAM policy of this role ({text})",
            code,
        )
    if code in _THROTTLED:
        return AwsThrottledError(f"{action}: AWS throttles ({code}: {text}); run it again", code)
    return AwsError(f"{action}: {code}: {text}", code)


def pascal_case(operation: str) -> str:
    """Return AWS's name of an operation, such as `UpdateService` for `update_service`."""
    return "".join(word.capitalize() for word in operation.split("_"))


def _one_line(text: str) -> str:
    return " ".join(text.split())
