"""Parse and check container image references: host, repository, tag and digest."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from tradai_tasks.errors import SettingsError
from tradai_tasks.http_client.address import is_loopback_name
from tradai_tasks.settings.images import ImagesSettings

# https://distribution.github.io/distribution/spec/api/#overview, and a host with a port
_HOST = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?(?::[0-9]{1,5})?", re.ASCII)
_PATH = re.compile(r"[a-z0-9]+(?:(?:[._]|__|-+|/)[a-z0-9]+)*", re.ASCII)
_LONGEST = 255  # characters of a repository's name, the host included


@dataclass(frozen=True, kw_only=True, slots=True)
class Home:
    """A registry, and the path in it under which the images are."""

    host: str  # with the port
    prefix: str = ""  # without slashes at either end

    def path(self, image: str) -> str:
        """Return an image's repository as the registry's API names it, without the host."""
        return f"{self.prefix}/{image}" if self.prefix else image


def home_of(settings: ImagesSettings, env: Mapping[str, str]) -> Home:
    """Return the registry from the settings, else from the environment variable ECR_REGISTRY.

    Raises:
        SettingsError: None is set, or it is not the address of a registry.
    """
    text, where = settings.registry, "images.registry"
    if text is None:
        text, where = env.get("ECR_REGISTRY", "").strip() or None, "ECR_REGISTRY"
    if text is None:
        raise SettingsError(
            "images.registry: not set; name the registry there or in the environment variable "
            "ECR_REGISTRY, such as 123456789012.dkr.ecr.eu-central-1.amazonaws.com"
        )
    host, _, prefix = text.rstrip("/").partition("/")
    if not _HOST.fullmatch(host) or (prefix and not _PATH.fullmatch(prefix)):
        raise SettingsError(
            f"{where}: {text[:80]!r} is no registry; expected host[:port][/prefix], without https://"
        )
    return Home(host=host, prefix=prefix)


def check_repository(home: Home, image: str, where: str) -> None:
    """Raise SettingsError for a repository name that no registry takes; `where` is the setting."""
    if not _PATH.fullmatch(image) or len(f"{home.host}/{home.path(image)}") > _LONGEST:
        raise SettingsError(
            f"{where}: {image[:80]!r} is no name of an image; a registry takes lower-case letters, "
            f"digits, and single . _ - / between them"
        )


def is_loopback(host: str) -> bool:
    """Return whether a host, with or without a port, is this machine."""
    return is_loopback_name(host) or is_loopback_name(host.rpartition(":")[0])
