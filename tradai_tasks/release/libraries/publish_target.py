"""Package indexes that libraries are published to: CodeArtifact or any other."""

from __future__ import annotations

import threading
from collections.abc import Mapping

from tradai_tasks.errors import IndexAuthError, SettingsError
from tradai_tasks.extras import require
from tradai_tasks.http_client.address import Credentials
from tradai_tasks.release.clients.aws import Aws
from tradai_tasks.release.clients.codeartifact import CodeArtifact
from tradai_tasks.release.libraries.trusted_publishing import TrustedPublisher
from tradai_tasks.settings.publish import IndexSettings, PublishSettings


class PlainIndex:
    """An index at addresses from the settings, with credentials from the environment."""

    def __init__(
        self,
        settings: IndexSettings,
        env: Mapping[str, str],
        *,
        stop: threading.Event | None = None,
    ) -> None:
        self._settings = settings
        self._env = env
        self._trusted = None
        if settings.trusted_publishing:
            self._trusted = TrustedPublisher(settings.upload_url, stop=stop)

    @property
    def shown(self) -> str:
        """Name of the index in messages."""
        return self._settings.simple_url

    def upload_url(self) -> str:
        """Return the URL for uploads."""
        return self._settings.upload_url

    def simple_url(self) -> str:
        """Return the URL of the simple API."""
        return self._settings.simple_url

    def credentials(self) -> Credentials | None:
        """Return the credentials in the environment; None if there are none.

        Raises:
            IndexAuthError: Only one of user and password is set.
        """
        names = (self._settings.username_env, self._settings.password_env)
        user, password = (self._env.get(name, "") for name in names)
        if bool(user) != bool(password):
            missing = names[1] if user else names[0]
            raise IndexAuthError(
                f"{self.shown}: the environment variable {missing} is not set (see "
                f"publish.index.username-env and password-env); set both, or neither"
            )
        return Credentials(username=user, password=password) if user else None

    def upload_credentials(self) -> Credentials | None:
        """Return the credentials in the environment, else a token by trusted publishing.

        Raises:
            IndexAuthError: Only one of user and password is set, or there is no such token.
        """
        found = self.credentials()
        return self._trusted.credentials() if found is None and self._trusted else found

    @property
    def takes_attestations(self) -> bool:
        """Whether files are uploaded with their attestations (PEP 740)."""
        return self._settings.attestations


PublishTarget = CodeArtifact | PlainIndex


def target_of(
    settings: PublishSettings,
    env: Mapping[str, str],
    *,
    file: str,
    stop: threading.Event | None = None,
) -> PublishTarget:
    """Return the index to publish to, from the settings.

    Raises:
        ExtraMissingError: The extra `release` is not installed.
        SettingsError: They name no index, or two.
    """
    if settings.codeartifact is not None and settings.index is not None:
        raise SettingsError(
            f"{file}: publish: both `codeartifact` and `index` are set; keep the one to publish to"
        )
    require("release")
    if settings.codeartifact is not None:
        aws = Aws(region=settings.codeartifact.region, stop=stop)
        return CodeArtifact(settings.codeartifact, aws=aws)
    if settings.index is not None:
        return PlainIndex(settings.index, env, stop=stop)
    raise SettingsError(
        f"{file}: publish: no index to publish to; set publish.codeartifact (domain, repository) "
        f"or publish.index (upload-url, simple-url)"
    )
