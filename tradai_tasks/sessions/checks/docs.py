"""`docs`: build the site with mkdocs and deploy it to Cloudflare Pages with wrangler."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import nox

from tradai_tasks.errors import (
    BadArgumentsError,
    CheckFailedError,
    CommandFailedError,
    DocsError,
    SettingsError,
)
from tradai_tasks.files.report_folder import make_report_folder
from tradai_tasks.process import node_tool
from tradai_tasks.report import mask_environment, say
from tradai_tasks.repository import Repository
from tradai_tasks.sessions.core.arguments import flag, option, parse
from tradai_tasks.sessions.core.context import Context
from tradai_tasks.sessions.core.dispatched import refuse_dispatch
from tradai_tasks.sessions.core.environments.confined import confined, withhold
from tradai_tasks.sessions.core.environments.environment import (
    install_tool,
    status_of,
    sync_everything,
)
from tradai_tasks.sessions.core.nox_options import end_of_install, only_installs
from tradai_tasks.vcs.git import Git

_OPTIONS = [
    flag("--deploy", "deploy it to Cloudflare Pages by wrangler"),
    option("--branch", "deploy a preview of this branch, not production", metavar="NAME"),
    option("--site", "deploy what is built there, and build nothing", metavar="DIR"),
    flag("--dry-run", "build; print what would be deployed"),
]
_NEEDED = ("CLOUDFLARE_API_TOKEN", "CLOUDFLARE_ACCOUNT_ID")


def docs(session: nox.Session, context: Context) -> None:
    """Build the site and, if asked, deploy it."""
    repository = context.repository
    options = parse(session, _OPTIONS)
    mask_environment()
    for name in ("branch", "site"):
        if getattr(options, name) and not options.deploy:
            raise BadArgumentsError(f"docs: --{name} goes with --deploy")
    if not repository.tree.is_file("mkdocs.yml"):
        raise DocsError("mkdocs.yml: no such file, so there is no site to build; add one")
    # check what the deployment needs before anything is built
    deploy = _deployment(repository, options.branch) if options.deploy else None
    if deploy and only_installs(session):
        _fetch(session, deploy[0])
    elif deploy and not options.dry_run:
        refuse_dispatch(repository, repository.settings.workflows.docs_environment)
        _check_credentials()
    if options.site is None:
        site = _built_site(session, repository)
    else:
        end_of_install(session)
        site = _existing_site(Path(session.invoked_from) / options.site)
    if deploy is None:
        return
    wrangler, given = deploy
    argv = [*wrangler, "pages", "deploy", str(site), *given]
    if options.dry_run:
        say(" ".join(argv))
        session.log("nothing was deployed: this is a dry run")
        return
    # wrangler reads the token from the environment
    try:
        session.run(*argv, external=True, env=dict(os.environ))
    except nox.command.CommandFailed:
        raise CommandFailedError(
            "docs: wrangler did not deploy the site; its message is above; the site that was "
            "there is still served: fix that and run it again"
        ) from None


def _built_site(session: nox.Session, repository: Repository) -> Path:
    """Build the site and return its folder; mkdocs and its hooks see only allowed variables."""
    withhold(session, repository)
    sync_everything(session, repository, ".", repository.settings.docs.groups)
    install_tool(session, repository, "mkdocs", only_missing=True)
    end_of_install(session)
    site = repository.root / "build" / "site"
    shutil.rmtree(site, ignore_errors=True)
    make_report_folder(repository.root)  # creates build/, ignored by git
    argv = confined("mkdocs", "build", "--strict", "--site-dir", site)
    if status_of(session, argv):
        raise CheckFailedError(
            "docs: mkdocs does not build the site; each warning above is an error"
        )
    if not (site / "index.html").is_file():
        raise DocsError("docs: mkdocs built no index.html; is docs/index.md there?")
    session.log(f"built into {site.relative_to(repository.root)}")
    return site


def _existing_site(site: Path) -> Path:
    """Return the folder of an existing site."""
    if not (site / "index.html").is_file():
        raise DocsError(
            f"docs: --site {site}: no index.html is there, so it is no site; build it with: "
            f"nox -s docs"
        )
    return site


def _fetch(session: nox.Session, wrangler: list[str]) -> None:
    """Download and install wrangler with npx, before the token is in the environment."""
    if wrangler[0] == "npx":
        env = dict.fromkeys(_NEEDED)
        session.run_install(*wrangler, "--version", env=env, external=True)


def _deployment(repository: Repository, branch: str | None) -> tuple[list[str], list[str]]:
    """Return wrangler's command and its options for the deployment.

    Raises:
        SettingsError: No project is set.
        ToolMissingError: Neither wrangler nor npx is installed.
    """
    settings = repository.settings.docs
    if settings.project is None:
        raise SettingsError(
            f"{repository.settings_file}: docs.project: not set; name the project of "
            f"Cloudflare Pages"
        )
    wrangler = node_tool("wrangler")
    git = Git.open(repository.root)
    head = git.require_commit("HEAD", "")
    return wrangler, [
        f"--project-name={settings.project}",
        f"--branch={branch or settings.branch}",
        f"--commit-hash={head}",
        f"--commit-dirty={'true' if git.status() else 'false'}",
    ]


def _check_credentials() -> None:
    missing = [name for name in _NEEDED if not os.environ.get(name)]
    if missing:
        raise DocsError(
            f"docs: {' and '.join(missing)} not set; give them by the environment (in CI: secrets)"
        )
