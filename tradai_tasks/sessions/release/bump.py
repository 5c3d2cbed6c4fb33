"""`bump`: raise a package's version, commit it and tag it."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Iterable
from pathlib import Path

import nox
from packaging.utils import canonicalize_name

from tradai_tasks.errors import BadArgumentsError, BumpError, CommandFailedError, GitError
from tradai_tasks.files.atomic_write import remove_leftovers, write_whole
from tradai_tasks.files.file_tree import join
from tradai_tasks.files.path_guard import require_inside
from tradai_tasks.report import say
from tradai_tasks.repository import Repository
from tradai_tasks.sessions.core.arguments import flag, option, parse
from tradai_tasks.sessions.core.context import Context
from tradai_tasks.sessions.core.environments.environment import status_of, uv_program
from tradai_tasks.vcs.git import Git
from tradai_tasks.vcs.git_environment import git_environment, run_git
from tradai_tasks.vcs.history import parents_of
from tradai_tasks.workspace.discovery import Package, Workspace, unknown_package
from tradai_tasks.workspace.version_bump import BumpPlan, BumpState, check_lock, plan

_OPTIONS = [
    option("name", "a strategy or a package"),
    option(
        "step",
        "patch, minor, major, rc (of a stable version the next minor's rc1, of an rc "
        "the next one), or a version",
    ),
    flag("--tag", "make the tag that releases it (a strategy)"),
    flag("--dry-run", "print what would be done"),
]


def bump(session: nox.Session, context: Context) -> None:
    """Look at the repository, print the plan, and do the missing steps."""
    repository = context.repository
    options = parse(session, _OPTIONS)
    package = _package(repository.workspace, options.name)
    git = Git.open(repository.root)
    found = _look(repository, git, package)
    todo = plan(found, options.step, with_tag=options.tag)
    say(*todo.lines)
    if todo.is_done:
        session.log("nothing to do: it is all there already")
    elif options.dry_run:
        session.log("nothing was done: this is a dry run")
    else:
        _act(session, repository, git, package, todo)


def _package(workspace: Workspace, name: str) -> Package:
    by_name = {package.name: package for package in workspace.packages}
    by_name |= {workspace.session_id(package): package for package in workspace.packages}
    found = by_name.get(name) or by_name.get(canonicalize_name(name))
    if found is None:
        raise BadArgumentsError(f"bump: {name!r}: {unknown_package(name, by_name)}")
    return found


def _look(repository: Repository, git: Git, package: Package) -> BumpState:
    """Read the state that the plan depends on."""
    file = join(package.path, "pyproject.toml")
    lock = join(package.project, "uv.lock")
    head = git.require_commit("HEAD", "")
    committed = {entry.path: entry.blob for entry in git.tree(head)}
    parents = parents_of(git, head)
    parent = git.commit(parents[0]) if parents else None  # it may be missing from a shallow clone
    before = {entry.path: entry.blob for entry in git.tree(parent)} if parent else {}
    wanted = [files[file] for files in (committed, before) if file in files]
    blobs = git.read(wanted)
    is_strategy = package in repository.workspace.strategies
    return BumpState(
        name=repository.workspace.session_id(package),
        slugs=tuple(one.slug for one in repository.workspace.strategies) if is_strategy else (),
        file=file,
        lock=lock if repository.tree.is_file(lock) else None,
        is_lock_committed=lock in committed,
        on_disk=repository.tree.read(file),
        at_head=blobs[committed[file]] if file in committed else None,
        before_head=blobs[before[file]] if file in before else None,
        head=head,
        subject=_git(git, "log", "-1", "--no-show-signature", "--format=%s", head).rstrip("\n"),
        dirty=tuple(entry.path for entry in git.status()),
        tags=_tags(git),
    )


def _tags(git: Git) -> dict[str, str]:
    """Return every tag with the commit that it names."""
    # the second id is the commit of an annotated tag; a lightweight tag has only the first
    layout = "--format=%(objectname) %(*objectname) %(refname:strip=2)"
    rows = (
        row.split(" ", 2) for row in _git(git, "for-each-ref", layout, "refs/tags").splitlines()
    )
    return {name: peeled or own for own, peeled, name in rows}


def _act(
    session: nox.Session, repository: Repository, git: Git, package: Package, todo: BumpPlan
) -> None:
    """Execute the plan; if it is interrupted, the next run goes on with the next step."""
    if todo.content is not None:
        _replace(git.top, repository.root / todo.file, todo.content)
    if todo.lock is not None:
        _lock(session, repository, git, package, todo.lock)
    if todo.commit:
        _git(git, "commit", "--quiet", "-m", todo.message, "--", *_literally(todo.commit))
        session.log(f"committed: {todo.message}")
    if todo.tag is not None:
        _git(git, "tag", "--annotate", "-m", f"{todo.name} {todo.new}", todo.tag, "HEAD")
        session.log(f"tagged: {todo.tag}; publish both with: git push --follow-tags")


def _lock(
    session: nox.Session, repository: Repository, git: Git, package: Package, lock: str
) -> None:
    """Update the lock file; if that fails, restore both files."""
    file = join(package.path, "pyproject.toml")
    committed = {entry.path: entry.blob for entry in git.tree("HEAD")}
    kept = {path: committed[path] for path in (file, lock) if path in committed}
    try:
        if status_of(session, [uv_program(), "lock", "--project", package.project]):
            raise CommandFailedError(
                f"bump: uv could not lock {package.project}, see above; nothing was changed"
            )
        if lock in kept:
            before = git.read([kept[lock]])[kept[lock]]
            after = (repository.root / lock).read_bytes()
            check_lock(before, after, name=package.name, file=lock)
    except (BumpError, CommandFailedError):
        _git(git, "checkout", "--quiet", "HEAD", "--", *_literally(kept))
        raise


def _replace(top: Path, file: Path, content: bytes) -> None:
    """Write a file, and remove what an earlier bump that was killed has left beside it."""
    file = require_inside(top.resolve(), file.resolve())  # a link inside the work tree is followed
    remove_leftovers(file.parent, age=0)
    mode = stat.S_IMODE(file.stat().st_mode)
    write_whole(file, content, mode=mode)
    file.chmod(mode)  # whatever the umask takes away


def _literally(paths: Iterable[str]) -> list[str]:
    """Return paths as literal pathspecs; git's option for that would also apply to hooks."""
    return [f":(literal){path}" for path in paths]


def _git(git: Git, *args: str) -> str:
    """Run git and return its output; on a failure, the whole output is shown, also a hook's."""
    # hooks run, since the commit is the user's own
    hooks = args[0] in {"commit", "tag"}
    env = git_environment(os.environ, hooks=True) if hooks else git.env
    done = run_git(git.folder, *args, env=env, check=False)
    if done.returncode != 0:
        say(*f"{done.text}{done.error_text}".splitlines(), file=sys.stderr)
        raise GitError(
            f"git {args[0]}: exit status {done.returncode}; its message is above; fix that and "
            f"run the same again, it goes on from here"
        )
    return done.text
