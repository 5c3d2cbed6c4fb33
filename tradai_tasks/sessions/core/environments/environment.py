"""Install locked packages and tools into a session's environment, and run tools in it."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

import nox
import nox.virtualenv
from nox.command import CommandFailed
from nox.virtualenv import PassthroughEnv, VirtualEnv
from packaging.version import Version

from tradai_tasks.checks.lock_check import state_of
from tradai_tasks.checks.pythons import answers, interpreter_of
from tradai_tasks.checks.testing.coverage_scope import is_root_of_others
from tradai_tasks.checks.testing.pytest_rules import check_conflicts, sync_commands
from tradai_tasks.errors import CommandFailedError, ToolTooOldError
from tradai_tasks.files.file_tree import join
from tradai_tasks.repository import Repository
from tradai_tasks.sessions.core.nox_options import end_of_install, is_made
from tradai_tasks.workspace.discovery import Package, dependency_groups
from tradai_tasks.workspace.locks.lock_file import LockFile, read_lock
from tradai_tasks.workspace.locks.locked_tools import DEFAULT_TOOLS, find_test_tools, pinned_tool

# variables that would change which groups uv installs; the session says which
_OF_GROUPS = ("UV_DEV", "UV_NO_DEFAULT_GROUPS", "UV_NO_DEV", "UV_NO_GROUP")
OLDEST_UV = Version("0.9")  # the oldest uv with all commands and options that sessions use
_ON = frozenset({"1", "true", "t", "yes", "y", "on"})  # what uv takes for true in a variable


def uv_program() -> str:
    """Return the uv that nox finds: from the variable UV, next to nox, or on PATH.

    Raises:
        ToolTooOldError: It does not support all options that sessions use.
    """
    found = nox.virtualenv.UV_VERSION  # cached for the run; 0.0 if there is no uv
    if Version("0.0") < found < OLDEST_UV:
        raise ToolTooOldError(
            f"{nox.virtualenv.UV}: uv {found} is too old, sessions need {OLDEST_UV} or newer; "
            f"upgrade it with: uv self update (or where pip installed it: pip install --upgrade uv)"
        )
    return nox.virtualenv.UV


def with_uv(session: nox.Session, command: Sequence[str]) -> list[str]:
    """Return a command of uv, to be run by the uv that nox found.

    nox prefers a uv in the session's environment, which the tests may need, of any age. It would
    install them from the second run on.
    """
    program = uv_program()
    own = (shutil.which("uv", path=str(one)) for one in session.virtualenv.bin_paths or ())
    return [(shutil.which(program) or program) if any(own) else command[0], *command[1:]]


def install_tool(
    session: nox.Session,
    repository: Repository,
    tool: str,
    *,
    project: str = ".",
    only_missing: bool = False,
) -> None:
    """Install a tool at the version that the project's lock pins, else at the default version.

    With `only_missing`, a pinned tool that an earlier sync from this lock has installed is left.

    Raises:
        CommandFailedError: The installation failed.
    """
    uv_program()
    has_lock = repository.tree.is_file(join(project, "uv.lock"))
    lock = read_lock(repository.tree, project) if has_lock else LockFile()
    if tool not in lock.by_name:
        session.log(
            f"{tool} is in no lock file here; using {DEFAULT_TOOLS[tool]} "
            f"(add {tool} to a dependency group to choose its version)"
        )
    elif only_missing:
        session.log(f"{tool}: as locked")
    requirement = pinned_tool(lock, tool)
    if isinstance(session.virtualenv, PassthroughEnv):
        session.log(f"not installed without an environment of its own: {requirement}")
        return
    try:
        session.install(requirement)
    except CommandFailed:
        raise CommandFailedError(
            f"{session.name}: {requirement} could not be installed; uv's message is above"
        ) from None


def sync_package(
    session: nox.Session,
    repository: Repository,
    package: Package,
    groups: Iterable[str],
    *,
    tool: str = "pytest",
) -> frozenset[str]:
    """Install just one package and its test tools, as locked; return the names of all of them.

    `groups` and `tool` are as for `find_test_tools`.
    """
    root = repository.workspace.root_document if package.project == "." else {}
    lock = read_lock(repository.tree, package.project)
    tools = find_test_tools(lock, package, root, groups, tool=tool)
    is_all = is_root_of_others(package, repository.layout(package), repository.workspace)
    check_conflicts(package, tools.places, repository.workspace.root_document)
    commands = sync_commands(package, tools.places, root=root, is_root_of_others=is_all)
    reached = None if is_all else tools.reached
    for command in commands:
        _install(
            session, repository, package.project, command, [package.document, root], reached=reached
        )
    return tools.reached


def sync_everything(
    session: nox.Session,
    repository: Repository,
    project: str,
    groups: Iterable[str],
    *,
    only: Iterable[str] = (),
) -> None:
    """Install all packages of a project, with those of the groups that exist, as locked.

    `only` are names of members of the workspace to install, instead of all.
    """
    wanted = tuple(groups)
    command = ["uv", "sync", "--locked", "--no-default-groups"]
    every = [f"--package={name}" for name in only] or ["--all-packages"]
    command += every if project == "." else ["--project", project]
    chosen = {*only}
    members = [
        package.document
        for package in repository.workspace.packages
        if package.project == project and (not chosen or package.name in chosen)
    ]
    root = [repository.workspace.root_document] if project == "." else []
    tables = [dependency_groups(document) for document in (*members, *root)]
    for group in wanted:
        # an empty group installs nothing, and some versions of uv do not find it in the lock
        if any(table.get(group) for table in tables):
            command += ["--group", group]
    _install(session, repository, project, command, [*members, *root])


def _install(  # noqa: PLR0913 - what is installed, from which lock
    session: nox.Session,
    repository: Repository,
    project: str,
    command: Sequence[str],
    documents: Iterable[Mapping[str, Any]],
    *,
    reached: Collection[str] | None = None,
) -> None:
    """Run `uv sync` into the session's environment.

    uv builds a local package that is not editable once and never looks at its source again, so
    those are built each time. `reached` are the names of all that is installed, if not the whole
    lock.

    Raises:
        CommandFailedError: uv failed.
    """
    lock = read_lock(repository.tree, project)
    venv = session.virtualenv
    target = session.env.get("UV_PROJECT_ENVIRONMENT")  # an environment that several sessions share
    if isinstance(venv, VirtualEnv):
        # nox sets it for the backend `uv` only, not for others of `--force-venv-backend`
        target = venv.location
    elif is_made(session):
        return
    if target is None:
        session.log(f"not run without an environment of its own: {' '.join(command)}")
        return
    command = with_uv(session, command)
    local = lock.built_locally(editable=os.environ.get("UV_NO_EDITABLE", "").lower() in _ON)
    local = {name: path for name, path in local.items() if reached is None or name in reached}
    argv = [*command, *(f"--reinstall-package={name}" for name in local)]
    try:
        with _fresh_builds([repository.root / project / path for path in local.values()]) as env:
            env["UV_PROJECT_ENVIRONMENT"] = target
            session.run_install(*argv, env={**dict.fromkeys(_OF_GROUPS), **env}, external=True)
    except CommandFailed:
        # what uv has just asked the index for is in its cache
        found = state_of(uv_program(), repository.root, repository.tree, project, ["--offline"])
        if found.state in {"stale", "missing"}:
            raise CommandFailedError(
                f"{session.name}: {found.state}: {found.file}; make it fresh with: nox -s lock"
            ) from None
        raise CommandFailedError(
            f"uv {command[1]} failed; its message is above; {_advice(target, documents)}"
        ) from None


@contextmanager
def _fresh_builds(sources: Sequence[Path]) -> Iterator[dict[str, str]]:
    """Yield variables that make setuptools build in new folders, which are removed afterwards.

    Its usual folder `build` may have modules that were deleted from the source, which would get
    into the wheel.
    """
    if not sources or "DIST_EXTRA_CONFIG" in os.environ:
        yield {}
        return
    with tempfile.TemporaryDirectory(prefix="tradai-build-") as scratch:
        folder = f"build/{Path(scratch).name}"
        config = Path(scratch) / "distutils.cfg"
        config.write_text(f"[build]\nbuild_base = {folder}\n", encoding="utf-8")
        try:
            yield {"DIST_EXTRA_CONFIG": str(config)}
        finally:
            for source in sources:
                shutil.rmtree(source / folder, ignore_errors=True)
                with suppress(OSError):  # it holds something else, or is not there
                    (source / "build").rmdir()


def _advice(environment: str, documents: Iterable[Mapping[str, Any]]) -> str:
    """Return a hint at the most likely cause of a failed installation."""
    found = interpreter_of(Path(environment))
    for document in documents if found else ():
        project = document.get("project", {})
        allowed = project.get("requires-python")
        if allowed and found and answers(found, allowed, found) is False:
            return (
                f"{project.get('name')} requires Python {allowed}, and {found} was asked for; "
                f"change the setting `python`, or what `requires-python` says"
            )
    return "if the lock file is out of date: nox -s lock"


def status_of(  # noqa: PLR0913 - what a call consists of
    session: nox.Session,
    argv: Sequence[str | Path],
    env: Mapping[str, str | None] | None = None,
    *,
    log: bool = True,
    good: Collection[int] = (0,),
    output: IO[str] | None = None,
) -> int:
    """Run a tool and return its exit status; raise CommandFailedError only if it cannot start.

    In `env`, None removes a variable. 0 is returned for each `good` status. Its standard output is
    shown if `output` is None.
    """
    end_of_install(session)
    status = _AnyStatus()
    more: dict[str, Any] = {} if output is None else {"stdout": output, "stderr": None}
    try:
        session.run(*argv, env=env or {}, log=log, success_codes=status, **more)
    except CommandFailed as failed:
        if failed.return_code is None:
            raise CommandFailedError(f"{argv[0]}: {failed.reason}") from None
        return failed.return_code
    return 0 if status.found in good else status.found


class _AnyStatus(Collection[int]):
    """Exit statuses that nox takes for success: all, so that it logs no failure of its own."""

    def __init__(self) -> None:
        self.found = 0  # the last that nox asked for

    def __contains__(self, status: object) -> bool:
        """Take any exit status, and keep it."""
        self.found = int(str(status))
        return True

    def __iter__(self) -> Iterator[int]:
        """Yield nothing; nox only asks whether a status is among them."""
        return iter(())

    def __len__(self) -> int:
        """Return that there are some."""
        return 1


def output_of(
    session: nox.Session, argv: Sequence[str | Path], env: Mapping[str, str | None] | None = None
) -> tuple[int, str]:
    """Run a tool and return its exit status and its standard output, which is not shown.

    Raises:
        CommandFailedError: The tool could not be started.
    """
    with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as file:
        status = status_of(session, argv, env, output=file)
        file.seek(0)
        return status, file.read()


def run_all(session: nox.Session, commands: Iterable[Sequence[str | Path]], fault: str) -> None:
    """Run every command, then raise CommandFailedError with `fault` if any failed."""
    failed = [argv for argv in commands if status_of(session, argv) != 0]
    if failed:
        raise CommandFailedError(fault)
