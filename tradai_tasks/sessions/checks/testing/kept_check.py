"""Replay a green check of many files as a whole: type checks, and bandit's scan."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import TypeVar

import msgspec
import nox
from nox.virtualenv import VirtualEnv

from tradai_tasks.checks.testing.pytest_arguments import FRESH
from tradai_tasks.errors import EnvironmentUnknownError, ResultStoreError
from tradai_tasks.repository import Repository
from tradai_tasks.results.digests import Digested
from tradai_tasks.results.environment_digest import environment_digest
from tradai_tasks.results.inputs import Inputs
from tradai_tasks.results.kept_result import KeptResult, decode_result, encode_result
from tradai_tasks.results.replay import REFUTED, made, record_name
from tradai_tasks.results.run_key import slot_name
from tradai_tasks.results.store import Store
from tradai_tasks.sessions.core.result_use import (
    commit_of,
    is_done,
    policy_of,
    store_of,
    trim,
    work_tree,
)
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


class KeptCheck(msgspec.Struct, frozen=True, kw_only=True):
    """A check of many files, with all that its verdict depends on."""

    session: nox.Session
    repository: Repository
    name: str  # what is checked, for messages
    words: Sequence[str]  # all arguments, options and settings that the verdict depends on
    files: Callable[[], Iterable[str]]  # returns the files that it reads, from the root
    environments: Sequence[Path] = ()  # virtual ones that it reads, besides the session's

    def unless_green(self, check: Callable[[], tuple[Verdict, bool]]) -> Verdict | None:
        """Run the check, unless it was green with the same inputs; return its verdict, or None.

        Where everything is run, a result that would have been replayed is held against what
        happened. `check` returns its verdict, which is false if nothing is wrong, and whether it
        said nothing that must be shown again.
        """
        session, repository, name = self.session, self.repository, self.name
        rules = policy_of(repository, fresh=FRESH in session.posargs)
        if not rules.is_on:
            return check()[0]
        start = time.time()
        paths = tuple(self.files())
        try:
            known = self._look(paths)
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
                f"{known.digested.key[:12]}): it depends on something that is not recorded; its "
                f"result is not replayed again"
            )
            self._write(known, known.name + REFUTED, known.result)
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
            self._write(known, known.name, result)
        return verdict

    def _look(self, paths: tuple[str, ...]) -> _Known:
        """Return what is known of the check.

        Raises:
            EnvironmentUnknownError: It is not known what it runs in.
            ResultStoreError: The store cannot be used.
        """
        if not isinstance(self.session.virtualenv, VirtualEnv):
            raise EnvironmentUnknownError("it has no environment of its own")
        root = self.repository.root
        read = (Path(self.session.virtualenv.location), *self.environments)
        tree = work_tree(self.session, self.repository)
        slot = slot_name(
            environment=b"".join(environment_digest(one, root) for one in read),
            root=root,
            home=".",
            name=self.name,
            words=self.words,
            variables=tree.variables,
            stated=[
                *self.repository.settings.results.env,
                *(one for one in tree.variables if one.startswith(_VARIABLES)),
            ],
        )
        inputs = Inputs(files=paths)
        digested = tree.digest(inputs, self.name)
        record = record_name(slot, self.name, digested.key)
        store = store_of(self.repository)
        found = store.read([record, record + REFUTED])
        return _Known(
            store=store,
            name=record,
            digested=Digested(items=(), key=digested.key),
            inputs=inputs,
            result=decode_result(found.get(record, b"")),
            is_refuted=record + REFUTED in found,
        )

    def _write(self, known: _Known, name: str, result: KeptResult) -> None:
        if is_done(self.session, partial(known.store.write, name, encode_result(result))):
            is_done(self.session, partial(trim, known.store, self.repository))
