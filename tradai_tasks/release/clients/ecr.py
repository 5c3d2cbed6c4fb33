"""Amazon ECR: login credentials, repositories and the immutability of their tags."""

from __future__ import annotations

import base64
import fnmatch
import re
import threading
from typing import Any

from tradai_tasks.errors import AwsDeniedError, AwsError, RepositoryMissingError
from tradai_tasks.http_client.address import Credentials
from tradai_tasks.release.clients.aws import Aws

# https://docs.aws.amazon.com/AmazonECR/latest/userguide/Registries.html#registry-auth
_HOST = re.compile(
    r"(?P<account>\d{12})\.dkr[.-]ecr(?:-fips)?\.(?P<region>[a-z0-9-]+)\."
    r"(?:amazonaws\.com(?:\.cn)?|on\.(?:aws|amazonwebservices\.com\.cn))",
    re.ASCII,
)
# https://docs.aws.amazon.com/AmazonECR/latest/userguide/image-push-iam.html, and those of reading
PERMISSIONS = (
    "ecr:GetAuthorizationToken, ecr:DescribeRepositories, ecr:BatchCheckLayerAvailability, "
    "ecr:InitiateLayerUpload, ecr:UploadLayerPart, ecr:CompleteLayerUpload, ecr:PutImage, "
    "ecr:BatchGetImage, ecr:GetDownloadUrlForLayer, ecr:ListImages"
)


def ecr_address(host: str) -> tuple[str, str] | None:
    """Return (account, region) of an ECR registry's host; None of any other."""
    found = _HOST.fullmatch(host)
    return None if found is None else (found["account"], found["region"])


def uses_ecr(login: str, host: str) -> bool:
    """Return whether credentials for a registry come from ECR, by `images.login` and its host."""
    return login == "ecr" or (login == "auto" and ecr_address(host) is not None)


class Ecr:
    """Client of ECR's API with the usual AWS credentials; safe to use from several threads.

    Each method raises AwsError if AWS does not answer.
    """

    def __init__(
        self,
        host: str,
        *,
        region: str | None = None,
        create: bool = False,
        stop: threading.Event | None = None,
    ) -> None:
        """Create a client; no request is made yet.

        Without a `region` it is the host's, else the AWS chain's. `create` is whether a missing
        repository may be created.
        """
        account, own = ecr_address(host) or (None, None)
        self.host = host
        self.creates = create
        self._region = region or own
        self._registry: dict[str, Any] = {} if account is None else {"registryId": account}
        self._aws = Aws(region=self._region, stop=stop)
        self._lock = threading.Lock()
        self._repositories: dict[str, dict[str, Any] | None] = {}

    def credentials(self) -> Credentials:
        """Return a user name and a password for the registry, valid for 12 hours.

        Raises:
            AwsError: AWS does not return them.
        """
        data = self._aws.call("ecr", "get_authorization_token")["authorizationData"][0]
        username, _, password = base64.b64decode(data["authorizationToken"]).decode().partition(":")
        return Credentials(username, password)

    def has(self, repository: str) -> bool:
        """Return whether there is a repository; true if the role may not look.

        Raises:
            AwsError: AWS does not answer the question.
        """
        return self._described(repository) is not None

    def is_immutable(self, repository: str, tag: str) -> bool:
        """Return whether existing tags may not be overwritten; false if AWS will not say.

        https://docs.aws.amazon.com/AmazonECR/latest/userguide/image-tag-mutability.html

        Raises:
            AwsError: AWS does not answer the question.
        """
        facts = self._described(repository) or {}
        setting = str(facts.get("imageTagMutability", "MUTABLE"))
        filters = facts.get("imageTagMutabilityExclusionFilters") or ()
        excluded = any(fnmatch.fnmatchcase(tag, one.get("filter", "")) for one in filters)
        return setting.startswith("IMMUTABLE") != excluded

    def require(self, repository: str) -> None:
        """Create a missing repository; raise RepositoryMissingError if it must not be created.

        Raises:
            AwsError: It could not be created.
        """
        if self.has(repository):
            return
        if not self.creates:
            raise RepositoryMissingError(self.missing(repository))
        try:
            self._aws.call("ecr", "create_repository", **self._registry, repositoryName=repository)
        except AwsError as error:
            if error.code != "RepositoryAlreadyExistsException":  # another run was faster
                raise
        with self._lock:
            self._repositories.pop(repository, None)

    def missing(self, repository: str) -> str:
        """Return the error for a repository that does not exist, with what to do."""
        region = f" --region {self._region}" if self._region else ""
        return (
            f"{self.host}/{repository}: there is no such repository; create it with: aws ecr "
            f"create-repository --repository-name {repository}{region}, or set images.create = true"
        )

    def _described(self, repository: str) -> dict[str, Any] | None:
        """Return ECR's description of a repository: None if absent, empty if access is denied."""
        with self._lock:
            if repository in self._repositories:
                return self._repositories[repository]
        facts: dict[str, Any] | None
        try:
            answer = self._aws.call(
                "ecr", "describe_repositories", **self._registry, repositoryNames=[repository]
            )
            facts = dict(answer["repositories"][0])
        except AwsDeniedError:
            facts = {}  # pushing does not need this permission; the push itself will show
        except AwsError as error:
            if error.code != "RepositoryNotFoundException":
                raise
            facts = None
        with self._lock:
            return self._repositories.setdefault(repository, facts)
