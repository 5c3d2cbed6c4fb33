"""Know whether a whole session `test(pkg)` would be replayed, without its environment.

A green session leaves a record under what decides its environment and its verdict: lock and project
files, Python, settings, the code that coverage is measured of, and which test files there are.
"""

from __future__ import annotations

import copy
import functools
import os
import re
import sys
import time
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path, PurePosixPath

import msgspec

from tradai_tasks.checks.pythons import interpreter_of
from tradai_tasks.errors import EnvironmentUnknownError
from tradai_tasks.files.file_tree import join
from tradai_tasks.process import run
from tradai_tasks.repository import Repository
from tradai_tasks.results.digests import Digested, Item, WorkTree
from tradai_tasks.results.environment_digest import (
    environment_digest,
    platform_of,
    variables_of_tests,
)
from tradai_tasks.results.inputs import Inputs
from tradai_tasks.results.kept_result import KeptResult, decode_result, encode_result
from tradai_tasks.results.replay import Decision, decide, made, record_name
from tradai_tasks.results.run_key import slot_name
from tradai_tasks.results.store import FolderStore, Store
from tradai_tasks.workspace.discovery import Package
from tradai_tasks.workspace.locks.lock_file import read_lock

# Files that decide what is installed, and how the sessions are made; at the top, all modules.
_INSTALLING = re.compile(
    r"(?:.*/)?(?:[^/]*\.toml|\.python-version|setup\.(?:py|cfg)|hatch_build\.py|MANIFEST\.in"
    r"|[^/]*\.(?:c|cc|cpp|h|hpp|pyx|pxd|rs|f90))\Z|[^/]*\.py\Z"
)


class Said(msgspec.Struct, frozen=True, kw_only=True):
    """What a green session said and wrote; empty where it had something to warn of."""

    summary: str = ""
    rows: tuple[tuple[str, ...], ...] = ()  # of the step summary
    reports: dict[str, bytes] = {}  # of coverage, by file name


class WholeRun(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a session whose last run was green, with the same locks and code."""

    package: str  # the id in the brackets of the session's name
    decision: Decision
    record: KeptResult
    is_valid: bool  # whether each of its test files would be replayed, as it was in that run
    why: str

    def was_in(self, environment: Path, root: Path) -> bool:
        """Return whether the run was in a virtual environment as this one is now."""
        return self.record.environment == _digest_of(environment, root) != b""

    def changed_by(self, paths: Iterable[str]) -> str | None:
        """Return a test file and its recorded input that is among changed paths, as a reason."""
        known = set(paths)
        for test, items in sorted(self.decision.items.items()):
            for item in sorted(items):
                if _is_among(item, known):
                    return f"{test}: as recorded it depends on {item}"
        return None


def _digest_of(environment: Path, root: Path) -> bytes:
    try:
        return environment_digest(environment, root)
    except EnvironmentUnknownError:
        return b""


def _is_among(item: Item, paths: Collection[str]) -> bool:
    """Return whether an input is one of the paths, lists one, or is a module that one may be."""
    match item.kind:
        case "listing":
            return any(str(PurePosixPath(path).parent) == item.name for path in paths)
        case "name":
            last = item.name.rpartition(".")[2]
            return any(last in {PurePosixPath(p).stem, PurePosixPath(p).parent.name} for p in paths)
        case "variable":
            return False
        case _:
            return item.name in paths


class WholeRuns:
    """The records of whole sessions in a store, held against a work tree."""

    def __init__(self, repository: Repository, store: Store, env: Mapping[str, str]) -> None:
        """Look at nothing yet."""
        self._repository, self._store, self._env = repository, store, env
        roots = [one for layout in repository.layouts.values() for one in layout.source_roots]
        self._base = WorkTree(repository.root, roots, variables_of_tests(env))
        self._pythons: dict[str | None, str] = {}
        self._built: dict[str, bool] = {}  # project -> whether its lock tells too little

    def keep(  # noqa: PLR0913 - what a session is known by
        self,
        session: str,
        package: Package,
        results: Mapping[str, str],
        *,
        slot: str,
        environment: Path,
        set_by_session: Mapping[str, str | None],
        said: Said,
        commit: str,
    ) -> None:
        """Keep that a session was green, where all of its test files have results.

        Args:
            session: Its name.
            package: The package.
            results: The key of the result by test file, from the root, of those in the store.
            slot: Where these results are.
            environment: The virtual environment.
            set_by_session: Variables that the session gives its tests.
            said: What it said and wrote.
            commit: The checked-out commit.

        Raises:
            ResultStoreError: The store cannot be used.
        """
        made_by = interpreter_of(environment)
        known = set(self._tests(package)) <= set(results)
        if made_by is None or not known or not self._is_locked(package):
            return
        name, digested = self._record(session, package, ".".join(map(str, made_by.release)))
        root = str(self._repository.root)
        record = KeptResult(
            test_file=session,
            inputs=Inputs(),
            digested=Digested(items=(), key=digested.key),
            tests={test: (key, ()) for test, key in results.items()},
            slot=slot,
            environment=_digest_of(environment, self._repository.root),
            root=root,
            reports=said.reports,
            summary=said.summary,
            rows=said.rows,
            env={
                variable: value and value.replace(root, "", 1)
                for variable, value in set_by_session.items()
                if value is None or value.startswith(root)
            },
            commit=commit,
            time=time.time(),
        )
        self._store.write(name, encode_result(record))

    def look(self, session: str, package: Package, version: str) -> WholeRun | None:
        """Return what is known of a session; None if it is nothing.

        Args:
            session: Its name.
            package: The package.
            version: The release of its Python, such as 3.12.1; empty if that is not known.

        Raises:
            ResultStoreError: The store cannot be used.
        """
        if not version or self._is_empty or not self._is_locked(package):
            return None
        name, _ = self._record(session, package, version)
        record = decode_result(self._store.read([name]).get(name, b""))
        if record is None or record.test_file != session:
            return None
        root = str(self._repository.root)
        given = {name: value and root + value for name, value in record.env.items()}
        given["NOX_CURRENT_SESSION"] = session
        tree = copy.copy(self._base)  # with what it has digested
        tree.variables = variables_of_tests({**self._env, **given})
        decision = decide(self._store, record.slot, tree)
        tests = {*self._tests(package), *record.tests}
        keys = {test: key for test, (key, _) in record.tests.items()}
        found = {test: one for test, one in decision.valid.items() if test in tests}
        valid = [one for test, one in found.items() if one.digested.key == keys.get(test)]
        oldest = min(valid, key=lambda one: one.time, default=record)
        return WholeRun(
            package=self._repository.workspace.session_id(package),
            decision=decision,
            record=record,
            is_valid=bool(tests) and len(valid) == len(tests),
            why=f"{len(tests)} test files unchanged since they were green "
            f"({made(oldest, time.time())})",
        )

    @functools.cached_property
    def _is_empty(self) -> bool:
        # to list a bucket may take longer than to ask it for a record
        return isinstance(self._store, FolderStore) and not self._store.entries()

    def _tests(self, package: Package) -> list[str]:
        return [one.path for one in self._repository.inventory.tests(package.path)]

    def _is_locked(self, package: Package) -> bool:
        """Return whether the lock and the project files tell all that is installed."""
        tree = self._repository.tree
        if not tree.is_file(join(package.project, "uv.lock")):
            return False
        units = {
            one.area.path
            for one in self._repository.inventory.tests(package.path)
            if one.area.package is None
        }
        if package.project not in self._built:
            lock = read_lock(tree, package.project)
            places = lock.built_locally(editable=True).values()
            root = f"{self._repository.root}{os.sep}"
            around = [os.path.normpath(f"{root}{package.project}/{place}") for place in places]
            is_outside = not all(f"{one}{os.sep}".startswith(root) for one in around)
            self._built[package.project] = is_outside or bool(lock.built_locally())
        is_built = self._built[package.project]
        return not is_built and not units and "UV_NO_EDITABLE" not in self._env

    def _record(self, session: str, package: Package, python: str) -> tuple[str, Digested]:
        repository = self._repository
        locks = [join(project, "uv.lock") for project in repository.workspace.projects]
        folders = tuple(f"{path}/" for path in repository.shares[package].tests)
        modules = {module.path for module in repository.shares[package].imports}
        code = [file.path for file in repository.inventory.below(modules)]
        inputs = Inputs(files=(*filter(_INSTALLING.match, repository.files), *locks, *code))
        digested = self._base.digest(inputs, session)
        slot = slot_name(
            environment=repr((python, platform_of())).encode(),
            root=repository.root,
            home=package.path,
            name=session,
            words=[
                msgspec.json.encode(repository.settings, order="deterministic").decode(),
                *self._tests(package),
                *(file for file in repository.files if file.startswith(folders)),
            ],
            variables=self._base.variables,
            stated=repository.settings.results.env,
        )
        return record_name(slot, session, digested.key), digested

    def python(self, request: str | None) -> str:
        """Return the release of the Python that a session would get; empty if it is not there.

        Args:
            request: The version that it asks for; None for the Python that runs nox.
        """
        if request is None:
            return ".".join(map(str, sys.version_info[:3]))
        if request not in self._pythons:
            argv = ["uv", "python", "find", "--system", "--no-project", "--show-version", request]
            done = run(argv, cwd=self._repository.root, check=False)
            self._pythons[request] = done.text.strip() if done.returncode == 0 else ""
        return self._pythons[request]
