"""Compare pages with the git history of their code, and request their external links."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from tradai_tasks.docs.freshness import Stale
from tradai_tasks.errors import DocsError
from tradai_tasks.files.path_globs import matches
from tradai_tasks.http_client.client import HttpClient
from tradai_tasks.http_client.limits import MEGABYTE, AnswerError, Limits
from tradai_tasks.http_client.retry import TransientError
from tradai_tasks.settings.docs import CoveredCode
from tradai_tasks.vcs.git import Git
from tradai_tasks.vcs.git_environment import run_git
from tradai_tasks.vcs.history import is_shallow

_DAY = 86400  # seconds
_LIMITS = Limits(idle=20.0, whole=20.0, most=MEGABYTE)  # seconds for one address
# a page that needs a login, or refuses programs, exists
_ALIVE = frozenset({401, 403, 405, 406, 429, 999})
_BAD = 400


def older_than_code(git: Git, covers: Iterable[CoveredCode], files: Collection[str]) -> list[Stale]:
    """Return the pages whose code was changed long after them.

    Raises:
        DocsError: A page or all its code does not exist; or the clone is shallow.
    """
    found = []
    for one in covers:
        code = sorted(path for path in files if any(matches(path, g) for g in one.code))
        if one.page not in files:
            raise DocsError(f"docs.covers: {one.page}: no such page in git")
        if not code:
            raise DocsError(f"docs.covers: {one.page}: nothing in git matches {list(one.code)}")
        if is_shallow(git):
            raise DocsError(
                "docs.covers: this clone is shallow, so ages are unknown; fetch the history: "
                "git fetch --unshallow (in CI: fetch-depth: 0)"
            )
        days = (_changed(git, code) - _changed(git, [one.page])) / _DAY
        if days > one.days:
            what = f"is {days:.0f} days older than the code it describes; {one.days} are allowed"
            found.append(Stale(page=one.page, line=1, what=what))
    return found


def _changed(git: Git, paths: Iterable[str]) -> int:
    """Return when paths were last changed by a commit, in seconds since the epoch."""
    argv = ["log", "-1", "--no-show-signature", "--format=%ct", "--", *paths]
    text = run_git(git.folder, *argv, env=git.env).text.strip()
    if not text:
        raise DocsError(f"docs.covers: {next(iter(paths))}: is in no commit yet; commit it first")
    return int(text)


def answers(url: str) -> str:
    """Return what is wrong with a web address; empty if it exists."""
    client = None
    try:
        client = HttpClient(url, limits=_LIMITS, plain_http=True)
        status = client.request("GET", url, sink=_enough).status_code
    except _EnoughError:
        return ""
    except TransientError as fault:
        return f"does not answer ({fault.kind})"
    except AnswerError as fault:
        return str(fault)
    finally:
        if client is not None:
            client.close()
    return f"answers with status {status}" if status >= _BAD and status not in _ALIVE else ""


class _EnoughError(Exception):
    """Raised once a page starts to arrive, which is proof enough."""


def _enough(part: bytes) -> None:
    if part:
        raise _EnoughError
