"""Replay a green check of many files as a whole: type checks, and bandit's scan."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TypeVar

import msgspec
import nox
from nox.virtualenv import VirtualEnv

from tradai_tasks.affected.revisions.commit_range import read_payload
from tradai_tasks.checks.testing.pytest_arguments import FRESH
from tradai_tasks.errors import EnvironmentUnknownError, ResultStoreError
from tradai_tasks.repository import Repository
from tradai_tasks.results.digests import Digested
from tradai_tasks.results.environment_digest import environment_digest
from tradai_tasks.results.inputs import Inputs
from tradai_tasks.results.kept_result import KeptResult, decode_result, encode_result
from tradai_tasks.results.policy import policy
from tradai_tasks.results.replay import REFUTED, made, record_name
from tradai_tasks.results.run_key import slot_name
from tradai_tasks.results.store import Store, bound, open_store
from tradai_tasks.sessions.checks.testing.replay import commit_of, work_tree
from tradai_tasks.vcs.file_list import walk_files

Verdict = TypeVar("Verdict")

# Python, stubs and settings, by the ends of names; of JSON, settings of type checkers
_READ = (".py", ".pyi", ".toml", ".cfg", ".ini", ".json", ".pth", "py.typed")
# settings outside of any repository, from the user's home
_OF_USERS = (".mypy.ini", ".config/mypy/config", ".config/ty/ty.toml")
_VARIABLES = ("MYPY", "PYRIGHT", "BASEDPYRIGHT", "TY_", "PYREFLY")  # beginnings of names


class _Known(msgspec.Struct, frozen=True, kw_only=True):
    """What the store has for the key of a check."""

    store: Store
    name: str  # of the record
    digested: Digested
    inputs: Inputs
    result: KeptResult | None
    is_refuted: bool


def code_files(root: Path) -> tuple[str, ...]:
    """Return every file that a type checker may read, also ignored ones and a user's settings.

    A new file counts as well, since it may stand for another.
    """
    home = Path(os.environ.get("HOME", "/"))
    config = Path(os.environ.get("XDG_CONFIG_HOME") or home / ".config")
    users = [home / name for name in _OF_USERS] + [config / "mypy/config", config / "ty/ty.toml"]
    found = (file for file in walk_files(root, links=True) if file.endswith(_READ))
    return (*found, *map(str, users))


def unless_green(  # noqa: PLR0913 - what a check is known by
    session: nox.Session,
    repository: Repository,
    name: str,
    check: Callable[[], tuple[Verdict, bool]],
    *,
    words: Sequence[str],
    files: Callable[[], Iterable[str]],
    environments: Sequence[Path] = (),
) -> Verdict | None:
    """Run a check, unless it was green with the same inputs; return its verdict, or None.

    Where everything is run, a result that would have been replayed is held against what happened.

    Args:
        name: What is checked, for the message.
        check: Returns its verdict, which is false if nothing is wrong, and whether it said nothing
            that must be shown again.
        words: All arguments, options and settings that the verdict depends on.
        files: Returns the files that it reads, from the root.
        environments: Virtual environments that it reads, besides the session's.
    """
    setting = repository.settings.results.replay
    fresh = FRESH in session.posargs
    rules = policy(setting, os.environ, read_payload(os.environ), fresh=fresh)
    if not rules.is_on:
        return check()[0]
    start = time.time()
    paths = tuple(files())
    try:
        known = _look(session, repository, name, words, files=paths, environments=environments)
    except (EnvironmentUnknownError, ResultStoreError) as fault:
        session.warn(f"{name} is run, and its result not kept: {fault}")
        return check()[0]
    if known.result and rules.replays and not known.is_refuted:
        ago = made(known.result, start)
        session.log(f"{name}: {len(paths)} files unchanged since it was green ({ago})")
        return None
    verdict, quiet = check()
    if verdict and known.result and rules.compares and not known.is_refuted:
        session.warn(
            f"{name}: it failed, although it was green with the same inputs (key "
            f"{known.digested.key[:12]}): it depends on something that is not recorded; its result "
            f"is not replayed again"
        )
        _write(session, repository, known, known.name + REFUTED, known.result)
    touched = work_tree(session, repository).touched_since(known.inputs, name, start)
    if not verdict and quiet and rules.keeps and not known.is_refuted and not touched:
        result = KeptResult(
            test_file=name,
            inputs=Inputs(),
            digested=known.digested,
            tests={},
            commit=commit_of(repository.root),
            time=time.time(),
        )
        _write(session, repository, known, known.name, result)
    return verdict


def _look(  # noqa: PLR0913 - as above
    session: nox.Session,
    repository: Repository,
    name: str,
    words: Sequence[str],
    *,
    files: tuple[str, ...],
    environments: Sequence[Path],
) -> _Known:
    """Return what is known of a check.

    Raises:
        EnvironmentUnknownError: It is not known what it runs in.
        ResultStoreError: The store cannot be used.
    """
    if not isinstance(session.virtualenv, VirtualEnv):
        raise EnvironmentUnknownError("it has no environment of its own")
    root = repository.root
    read = (Path(session.virtualenv.location), *environments)
    tree = work_tree(session, repository)
    slot = slot_name(
        environment=b"".join(environment_digest(one, root) for one in read),
        root=root,
        home=".",
        name=name,
        words=words,
        variables=tree.variables,
        stated=[
            *repository.settings.results.env,
            *(one for one in tree.variables if one.startswith(_VARIABLES)),
        ],
    )
    inputs = Inputs(files=files)
    digested = tree.digest(inputs, name)
    record = record_name(slot, name, digested.key)
    store = open_store(repository.settings.results.store, root, os.environ)
    found = store.read([record, record + REFUTED])
    return _Known(
        store=store,
        name=record,
        digested=Digested(items=(), key=digested.key),
        inputs=inputs,
        result=decode_result(found.get(record, b"")),
        is_refuted=record + REFUTED in found,
    )


def _write(
    session: nox.Session, repository: Repository, known: _Known, name: str, result: KeptResult
) -> None:
    """Write a result; a store that cannot be used costs time and nothing else."""
    try:
        known.store.write(name, encode_result(result))
        bound(known.store, repository.settings.results.max_size * 1_000_000)
    except ResultStoreError as fault:
        session.warn(str(fault))
