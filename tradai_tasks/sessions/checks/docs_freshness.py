"""`docs-freshness`: find names and links in Markdown pages that no longer exist."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import nox
import nox.registry

from tradai_tasks.docs.freshness import RepositoryNames, Stale, external_links, recipes_of, stale
from tradai_tasks.docs.link_sources import answers, older_than_code
from tradai_tasks.errors import CheckFailedError, DocsError
from tradai_tasks.files.path_globs import matches
from tradai_tasks.report import annotate, append_summary, print_table
from tradai_tasks.repository import base_of
from tradai_tasks.sessions.core.arguments import flag, parse
from tradai_tasks.sessions.core.context import Context
from tradai_tasks.sessions.core.registry.catalog import AGGREGATES, CATALOG
from tradai_tasks.vcs.git import Git

_DOC = (
    "Find what pages name that no longer exists (files, sessions, recipes, settings, links), and "
    "pages that are older than the code they describe."
)
_OPTIONS = [flag("--external", "ask for every web address, too; for a schedule")]
_COLUMNS = ("page", "line", "what")
_AT_ONCE = 8  # requests


def docs_freshness(session: nox.Session, context: Context) -> None:
    """Compare every page with the repository."""
    repository = context.repository
    options = parse(session, _OPTIONS, _DOC)
    settings = repository.settings.docs
    git = Git.open(repository.root)
    files = frozenset(git.inside(entry.path) for entry in git.index())
    names = [path for path in sorted(files) if any(matches(path, g) for g in settings.pages)]
    there = [name for name in names if repository.tree.is_file(name)]
    if not there:
        raise DocsError("docs-freshness: no page is here; name some in the setting docs.pages")
    pages = {name: repository.tree.read(name).decode("utf-8", "replace") for name in there}
    just = next((name for name in ("justfile", "Justfile") if repository.tree.is_file(name)), None)
    recipes = repository.tree.read(just).decode("utf-8", "replace") if just else ""
    facts = RepositoryNames(
        files=files,
        sessions=_sessions(context),
        recipes=recipes_of(recipes),
        ignore=settings.ignore,
    )
    found = stale(pages, facts)
    found += older_than_code(git, settings.covers, files)
    if options.external:
        found += _dead(session, pages)
    for one in found:
        annotate("error", one.what, file=one.page, line=one.line)
    if found:
        rows = [(one.page, str(one.line), one.what) for one in found]
        print_table("What is no longer so", _COLUMNS, rows)
        append_summary(_COLUMNS, rows)
        raise CheckFailedError(
            f"docs-freshness: {len(found)} in {len({one.page for one in found})} of {len(pages)} "
            f"pages; fix the pages, or name what need not exist in docs.ignore"
        )
    session.log(f"{len(pages)} pages are as the repository is")


def _sessions(context: Context) -> frozenset[str]:
    """Return all sessions that a page, which may describe another repository, may name."""
    names = {entry.name for entry in CATALOG} | {base_of(name) for name in context.names}
    return frozenset(names | {*AGGREGATES} | context.exclude | set(nox.registry.get()))


def _dead(session: nox.Session, pages: dict[str, str]) -> list[Stale]:
    links = external_links(pages)
    session.log(f"asking for {len(links)} web addresses")
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        said = dict(zip(links, pool.map(answers, links), strict=True))
    return [
        Stale(page=page, line=line, what=f"link to {url}: {said[url]}")
        for url, (page, line) in links.items()
        if said[url]
    ]
