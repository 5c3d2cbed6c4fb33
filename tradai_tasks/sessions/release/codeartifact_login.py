"""`codeartifact-login`: get a token and write it where pip, uv and twine read it."""

from __future__ import annotations

import datetime as dt
import os
import sys
from pathlib import Path

import nox

from tradai_tasks.errors import (
    BadArgumentsError,
    CredentialsFileError,
    SettingsError,
    UnsafeIndexError,
)
from tradai_tasks.extras import require
from tradai_tasks.release.clients.codeartifact import CodeArtifact, Token
from tradai_tasks.release.libraries.index_safety import index_named, lines_to_add, unsafe_packages
from tradai_tasks.release.libraries.login_files import (
    TOOLS,
    Access,
    Tool,
    append_secret,
    environment,
    extra_indexes,
    netrc_with,
    pypirc_with,
    write_secret,
)
from tradai_tasks.release.tags.target_environment import environment_named
from tradai_tasks.report import mask, say
from tradai_tasks.repository import Repository
from tradai_tasks.sessions.core.arguments import flag, option, parse, repeated
from tradai_tasks.sessions.core.context import Context
from tradai_tasks.settings.codeartifact import CodeArtifactSettings
from tradai_tasks.workspace.published_libraries import DEFAULT_LIBRARY

_OPTIONS = [
    repeated("--tool", "just this tool; by default all of them", choices=list(TOOLS)),
    option(
        "--env-file",
        "append NAME=value lines there, as $GITHUB_ENV has them; for other CI",
        metavar="FILE",
    ),
    option("--environment", "of the repository of dev, staging, prod or another", metavar="NAME"),
    flag("--dry-run", "say what would be written, and where"),
]


def login(session: nox.Session, context: Context) -> None:
    """Check that packages come from this index only, then get a token and write it."""
    repository = context.repository
    options = parse(session, _OPTIONS)
    tools: tuple[Tool, ...] = tuple(tool for tool in TOOLS if tool in (options.tool or TOOLS))
    settings = _settings(repository, options.environment)
    require("release")
    if "pip" in tools:
        extra_indexes(os.environ, Path.home())
    index = CodeArtifact(settings)
    url = index.simple_url()
    name = settings.index_name or index_named(repository.workspace, url) or settings.repository
    if "uv" in tools:
        _refuse_unsafe(repository, settings, name, url)
    file = _env_file(session, options.env_file)
    places = _places(tools, file)
    if options.dry_run:
        for tool, place in places.items():
            say(f"{tool}: would be written to {place}")
        session.log("nothing was written: this is a dry run")
        return
    token = index.token()
    access = Access(
        index_name=name, upload_url=index.upload_url(), simple_url=url, token=token.value
    )
    if file is not None:
        _to_env_file(file, access, tools)
    else:
        _to_home(access, tools)
    for tool, place in places.items():
        say(f"{tool}: {place}{_usage(tool, access, in_ci=file is not None)}")
    session.log(f"{index.shown}: token good until {_shown(token)}")


def _settings(repository: Repository, environment: str | None) -> CodeArtifactSettings:
    """Return the settings of the CodeArtifact repository to log in to."""
    publish, where = repository.settings.publish, "publish.codeartifact"
    if environment is not None:
        publish = environment_named(environment, repository.settings.deploy).published(publish)
        where += f", or deploy.environments.{environment}.codeartifact"
    if publish.codeartifact is None:
        raise SettingsError(
            f"{repository.settings_file}: {where}: not set; name domain and repository there"
        )
    return publish.codeartifact


def _refuse_unsafe(
    repository: Repository, settings: CodeArtifactSettings, index_name: str, url: str
) -> None:
    """Raise if a project could take the libraries from another index."""
    names = settings.packages or repository.settings.publish.libraries or (DEFAULT_LIBRARY,)
    unsafe = unsafe_packages(repository.workspace, names, url)
    if not unsafe:
        return
    for file in dict.fromkeys(one.file for one in unsafe):
        there = [one.package for one in unsafe if one.file == file]
        say(f"# {file}", *lines_to_add(there, index_name, url).split("\n"))
    sys.stdout.flush()
    raise UnsafeIndexError(
        *(
            f"{one.file}: {one.package} {one.why}, and a public package of that name would win; "
            f"put the lines above there, then: nox -s lock"
            for one in unsafe
        )
    )


def _env_file(session: nox.Session, given: str | None) -> Path | None:
    """Return the CI file with environment variables for later steps; None on a laptop."""
    if given is not None:
        return Path(session.invoked_from) / given
    if os.environ.get("GITHUB_ACTIONS") != "true":
        return None
    file = os.environ.get("GITHUB_ENV")
    if not file:
        raise BadArgumentsError(
            "GITHUB_ENV is not set, so no later step could have the token; run this in a step of "
            "a job, or name a file: --env-file FILE"
        )
    return Path(file)


def _netrc() -> Path:
    return Path(os.environ.get("NETRC") or Path.home() / ".netrc")


def _pypirc() -> Path:
    return Path.home() / ".pypirc"


def _places(tools: tuple[Tool, ...], file: Path | None) -> dict[Tool, Path]:
    if file is not None:
        return dict.fromkeys(tools, file)
    return {tool: _pypirc() if tool == "twine" else _netrc() for tool in tools}


def _to_env_file(file: Path, access: Access, tools: tuple[Tool, ...]) -> None:
    """Pass the token to later steps of the job, after masking it in the log."""
    mask(access.secrets)
    lines = "".join(f"{name}={value}\n" for name, value in environment(access, tools).items())
    append_secret(file, lines)


def _to_home(access: Access, tools: tuple[Tool, ...]) -> None:
    """Write the token to the user's files; all texts are computed before the first is written."""
    made: dict[Path, str] = {}
    if {"pip", "uv"} & set(tools):
        made[_netrc()] = netrc_with(_text(_netrc()), access.host, access.token, file=str(_netrc()))
    if "twine" in tools:
        made[_pypirc()] = pypirc_with(_text(_pypirc()), access, file=str(_pypirc()))
    for file, text in made.items():
        write_secret(file, text)


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8") if file.exists() else ""
    except OSError as error:
        raise CredentialsFileError(f"{file}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        # its bytes are not shown: the file contains passwords
        raise CredentialsFileError(
            f"{file}: byte {error.start} is no UTF-8; fix it, nothing was written"
        ) from None


def _usage(tool: Tool, access: Access, *, in_ci: bool) -> str:
    if tool == "pip" and not in_ci:
        return f"; use: pip install --index-url {access.simple_url} <package>"
    if tool == "twine" and not in_ci:
        return f"; use: twine upload --repository {access.index_name} <files>"
    return ""


def _shown(token: Token) -> str:
    """Return when a token expires, as local time and as a duration."""
    left = token.expires - dt.datetime.now(dt.UTC)
    hours, minutes = divmod(round(left.total_seconds() / 60), 60)
    moment = token.expires.astimezone().strftime("%Y-%m-%d %H:%M %Z")
    return f"{moment} (in {hours} h{f' {minutes} min' if minutes else ''})"
