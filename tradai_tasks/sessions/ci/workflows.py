"""`workflows`: write the CI workflow files, or check that they are up to date."""

from __future__ import annotations

import os
from collections.abc import Mapping

import nox
import nox.registry

from tradai_tasks.errors import BadArgumentsError, SettingsError
from tradai_tasks.report import print_table, say
from tradai_tasks.repository import Repository, base_of
from tradai_tasks.sessions.core.arguments import flag, option, parse
from tradai_tasks.sessions.core.context import Context
from tradai_tasks.sessions.core.registry.replacements import NOT_REPLACED, known_names, unreplaced
from tradai_tasks.vcs.git_environment import run_git
from tradai_tasks.workflows.checkout import look
from tradai_tasks.workflows.drift import plan
from tradai_tasks.workflows.file_writer import check, write
from tradai_tasks.workflows.repository_traits import RepositoryTraits, committed_locks, gather
from tradai_tasks.workflows.rights.required_secrets import needed
from tradai_tasks.workflows.rights.rights import Job, jobs
from tradai_tasks.workflows.rights.sign_in import keys_warning, role_faults, seconds_of
from tradai_tasks.workflows.rights.trust import TAGS, repository_named, shown, trust_of
from tradai_tasks.workflows.selection import without_session, workflows
from tradai_tasks.workflows.tag_readiness import branch_fault, ci_faults, tag_faults

_ROLE_SECONDS = 3600  # that a role lasts at most, unless it is set otherwise
_OPTIONS = [
    flag("--check", "write nothing; fail where one has drifted"),
    flag("--dry-run", "write nothing; show what would change"),
    flag("--secrets", "print the secrets and variables they need"),
    flag(
        "--trust",
        "print who may assume each role of AWS, and the rules of environments, "
        "branches and tags to set on GitHub",
    ),
    option(
        "--repository", "with --trust, if not as the remote `origin` says", metavar="OWNER/NAME"
    ),
    option(
        "--ids",
        "with --trust, of a repository made, renamed or moved after 18 June 2026",
        metavar="OWNER_ID/REPOSITORY_ID",
    ),
    flag("--force", "overwrite files that are not ours, too"),
    flag("--prune", "delete files of ours that no longer fit"),
]


def write_workflows(session: nox.Session, context: Context) -> None:
    """Write, check or describe the workflow files."""
    repository = context.repository
    options = parse(session, _OPTIONS)
    checkout = look(repository.root, os.environ)
    top, folder, there = checkout.top, checkout.folder, checkout.files
    if (options.repository or options.ids) is not None and not options.trust:
        raise BadArgumentsError("workflows: --repository and --ids go with --trust")
    settings = repository.settings.workflows
    traits = _gathered(context, there, folder)
    wanted = workflows(traits, settings)
    for file, lost in without_session(traits, unreplaced(context, context.exclude)):
        session.warn(f"{file} does not fit, since it needs the session {lost}: {NOT_REPLACED}")
    if options.secrets:
        _print_secrets(there or wanted)
        return
    found = jobs(
        wanted,
        branch=settings.branch,
        environments=traits.environments,
        branch_environments=settings.branch_environments,
    )
    if options.trust:
        _print_trust(repository, options.repository, options.ids, found)
        return
    warnings = [
        keys_warning(found, settings),
        *branch_fault(checkout.branch, repository.settings),
        *tag_faults(repository.workspace, repository.settings),
        *ci_faults(there, folder),
    ]
    for warning in filter(None, warnings):
        session.warn(warning)
    changes = plan(wanted, there, folder)
    if options.check:
        check(changes)
        session.log(f"{len(changes)} workflow files are as they should be")
        return
    said = write(top, changes, force=options.force, prune=options.prune, dry_run=options.dry_run)
    for line in said:
        session.log(line)
    if not (top / ".git").exists():
        session.log(f"GitHub reads workflows only at the top of a repository, and {top} is none")


def _gathered(context: Context, there: Mapping[str, str], folder: str) -> RepositoryTraits:
    """Look at the repository, and refuse settings that its workflows cannot follow."""
    repository = context.repository
    _check_before(context)
    found = gather(
        repository.tree,
        repository.workspace,
        repository.settings,
        sessions=known_names(context),
        noxfile=context.noxfile.read_text(encoding="utf-8"),
        locks=committed_locks(repository.root, repository.workspace.projects),
        present=there,
        folder=folder,
    )
    faults = role_faults(repository.settings.workflows, {*found.environments, *found.stacks})
    if faults:
        raise SettingsError(*(f"{repository.settings_file}: {fault}" for fault in faults))
    return found


def _print_trust(
    repository: Repository, given: str | None, ids: str | None, found: tuple[Job, ...]
) -> None:
    """Print what to set up on GitHub and AWS for the workflow files."""
    remote = None
    if given is None:
        done = run_git(repository.root, "remote", "get-url", "origin", check=False)
        remote = done.text.strip() if done.returncode == 0 else None
    trust = trust_of(
        found,
        repository=repository_named(given, remote),
        branch=repository.settings.workflows.branch,
        tags=TAGS[repository.workspace.kind],
        ids=ids,
    )
    say(*shown(trust, os.environ.get("AWS_ACCOUNT_ID")).split("\n"))
    seconds = seconds_of(repository.settings.workflows)
    if trust.roles and seconds > _ROLE_SECONDS:
        say(
            "",
            "# Jobs may take longer than a role lasts; for each role:",
            f"aws iam update-role --role-name ROLE --max-session-duration {seconds}",
        )


def _check_before(context: Context) -> None:
    """Raise SettingsError for an unknown session to run first, which only CI would notice."""
    repository = context.repository
    bases = {base_of(name) for name in context.names}
    own = set(nox.registry.get()) - bases  # of the noxfile; only base names are known
    for position, name in enumerate(repository.settings.workflows.before or ()):
        if name not in {*context.names, *bases} and base_of(name) not in own:
            raise SettingsError(
                f"{repository.settings_file}: workflows.before[{position}]: no session is called "
                f"{name!r}; see `nox -l` for those that there are"
            )


def _print_secrets(files: Mapping[str, str]) -> None:
    rows = [
        (one.kind, one.name, "may be missing" if one.is_optional else "yes", ", ".join(one.files))
        for one in needed(files)
    ]
    if rows:
        columns = ("kind", "name", "needed", "workflows")
        print_table("Secrets and variables of the workflows", columns, rows)
    else:
        say("the workflows need no secret and no variable")
