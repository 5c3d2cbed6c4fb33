"""Check access to CodeArtifact repositories and the tokens stored for them."""

from __future__ import annotations

import netrc
import re
import time
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from tradai_tasks.doctor.check_runner import Finding, fault, fine, not_here
from tradai_tasks.doctor.repository import DoctorContext
from tradai_tasks.errors import TasksError
from tradai_tasks.http_client.address import basic
from tradai_tasks.http_client.client import HttpClient
from tradai_tasks.http_client.limits import MEGABYTE, AnswerError, Limits
from tradai_tasks.http_client.retry import TransientError
from tradai_tasks.release.clients.codeartifact import DURATION, USERNAME, CodeArtifact
from tradai_tasks.release.libraries.index_safety import index_named
from tradai_tasks.release.tags.target_environment import environment_named
from tradai_tasks.settings.codeartifact import CodeArtifactSettings

_LOGIN = "nox -s codeartifact-login"
_REFUSED = (401, 403)
_ANSWERED = (200, 404)  # a name that is not there is an answer too
_HOUR = 3600  # seconds


@dataclass(frozen=True, kw_only=True, slots=True)
class _StoredToken:
    """A stored token that uv and pip would use."""

    where: str
    token: str = field(repr=False)
    age: float | None = None  # seconds; None if it cannot be determined


def codeartifact(context: DoctorContext) -> Finding:
    """Ask CodeArtifact for each repository and a token, and check the stored tokens."""
    meant = _repositories(context)
    if not meant:
        where = "publish.codeartifact" if not context.is_asked else "CodeArtifact"
        return not_here(f"no {where} in the settings")
    asked = [(names, _check_repository(context, settings)) for settings, names in meant]
    if len(asked) == 1:
        return asked[0][1]
    faults = [(names, one) for names, one in asked if one.state == "fault"]
    said = "; ".join(f"{', '.join(names)}: {one.what}" for names, one in faults or asked)
    if not faults:
        return fine(said)
    return fault(said, "; ".join(dict.fromkeys(one.remedy for _, one in faults)))


def _repositories(context: DoctorContext) -> list[tuple[CodeArtifactSettings, list[str]]]:
    """Return each CodeArtifact repository with its origin: the settings, or an environment.

    Also of an environment without a cluster, since libraries are published to it all the same.
    """
    repository = context.repository
    publish, deploy = repository.settings.publish, repository.settings.deploy
    found: dict[str, CodeArtifactSettings | None] = {}
    if context.is_asked:
        for name in context.environments:
            found[name] = environment_named(name, deploy).published(publish).codeartifact
    else:
        found["publish"] = publish.codeartifact
        found |= {name: table.codeartifact for name, table in deploy.environments.items()}
    meant: list[tuple[CodeArtifactSettings, list[str]]] = []
    for name, settings in found.items():
        if settings is None:
            continue
        same = next((names for other, names in meant if other == settings), None)
        if same is None:
            meant.append((settings, [name]))
        else:
            same.append(name)
    return meant


def _check_repository(context: DoctorContext, settings: CodeArtifactSettings) -> Finding:
    """Ask for one repository; an AWS error is a fault of this repository alone."""
    try:
        return _found(context, settings)
    except TasksError as error:
        return fault(
            " ".join(str(error).split()), "see its settings (codeartifact) and the AWS credentials"
        )


def _found(context: DoctorContext, settings: CodeArtifactSettings) -> Finding:
    service = CodeArtifact(settings)
    url = service.simple_url()
    service.token()
    name = (
        settings.index_name or index_named(context.repository.workspace, url) or settings.repository
    )
    stored = _stored(context, url, name)
    if stored is None:
        return fine(f"{service.shown} is there; no token is stored here ({_LOGIN} stores one)")
    status = _status(url, stored.token, context.seconds)
    if status in _REFUSED:
        return fault(
            f"the token in {stored.where} is refused (status {status}){_age(stored)}; one is good "
            f"for {DURATION // _HOUR} hours",
            f"get a new one: {_LOGIN}",
        )
    if status not in _ANSWERED:
        return fault(f"{service.shown}: the index answers with status {status}", "run it again")
    return fine(f"{service.shown} takes the token in {stored.where}{_age(stored)}")


def _stored(context: DoctorContext, url: str, index: str) -> _StoredToken | None:
    """Return the token that uv and pip would use, from where `codeartifact-login` puts it."""
    variable = f"UV_INDEX_{re.sub(r'[^A-Z0-9]', '_', index.upper())}_PASSWORD"
    given = context.env.get(variable)
    if given:
        return _StoredToken(where=variable, token=given)
    file = Path(context.env.get("NETRC") or Path.home() / ".netrc")
    try:
        found = netrc.netrc(str(file)).authenticators(urlsplit(url).hostname or "")
        written = file.stat().st_mtime
    except FileNotFoundError:
        return None
    except (netrc.NetrcParseError, OSError, UnicodeDecodeError):
        return None  # codeartifact-login says what is wrong with it
    if found is None or found[0] != USERNAME or not found[2]:
        return None
    return _StoredToken(where=str(file), token=found[2], age=time.time() - written)


def _age(stored: _StoredToken) -> str:
    return "" if stored.age is None else f", written {stored.age / _HOUR:.1f} h ago"


def _status(url: str, token: str, seconds: float) -> int | str:
    limits = Limits(idle=seconds, whole=seconds, most=32 * MEGABYTE)
    try:
        client = HttpClient(url, authorization=lambda: basic(USERNAME, token), limits=limits)
        with closing(client):
            return client.request("GET", f"{url}pip/").status_code
    except TransientError as fault:
        return fault.kind
    except AnswerError as fault:
        return str(fault)
