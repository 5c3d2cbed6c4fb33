"""What a release keeps from the repository's own code: the credentials that it is made with.

Gates run that code, and so do the builds of wheels. What they need to install packages stays, and
what the settings name; the rest of the environment is theirs as it is.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping

from tradai_tasks.settings import Settings

__all__ = ["named_in", "withheld"]

# Of AWS only what signs a request, or leads to it. That a region is set, that no file or metadata
# service is to be asked, is no secret, and its absence would let more in.
_RELEASE = re.compile(
    r"AWS_(?:ACCESS_KEY_ID|SECRET_ACCESS_KEY|SESSION_TOKEN|SECURITY_TOKEN|PROFILE|DEFAULT_PROFILE"
    r"|WEB_IDENTITY_TOKEN_FILE|ROLE_ARN|CONTAINER_CREDENTIALS_\w+|CONTAINER_AUTHORIZATION_TOKEN\w*"
    r"|BEARER_TOKEN_\w+)"
    r"|(?:TWINE|UV_PUBLISH|ACTIONS_ID_TOKEN)_\w+|ACTIONS_RUNTIME_TOKEN|GITHUB_TOKEN|GH_TOKEN"
    r"|MLFLOW_TRACKING_(?:USERNAME|PASSWORD|TOKEN)"
    r"|PULUMI_(?:ACCESS_TOKEN|CONFIG_PASSPHRASE)|CLOUDFLARE_API_TOKEN"
)
_TO_INSTALL = re.compile(r"UV_(?:DEFAULT_|EXTRA_)?INDEX(?:_\w+)?|PIP_INDEX_URL")


def named_in(settings: Settings) -> frozenset[str]:
    """Return the variables that settings name for credentials of a registry, an index, a build."""
    images, index = settings.images, settings.publish.index
    names = {images.username_env, images.password_env, settings.devcontainer.password_env}
    names |= {one.env for one in images.secrets}
    if index is not None:
        names |= {index.username_env, index.password_env}
    return frozenset(names)


def withheld(
    env: Mapping[str, str], named: Collection[str] = (), keep: Collection[str] = ()
) -> tuple[str, ...]:
    """Return the names of what is kept from the repository's own code.

    Args:
        env: The environment of the release.
        named: Variables that hold credentials by the settings.
        keep: Variables that are given to it all the same.
    """
    return tuple(
        name
        for name in sorted(env)
        if name not in keep
        and (name in named or _RELEASE.fullmatch(name))
        and not _TO_INSTALL.fullmatch(name)
    )
