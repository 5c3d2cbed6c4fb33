"""What sessions have in common that keep results: what a run may do, the store, the work tree."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import nox

from tradai_tasks.affected.revisions.commit_range import read_payload
from tradai_tasks.errors import ResultStoreError
from tradai_tasks.repository import Repository
from tradai_tasks.results.digests import WorkTree
from tradai_tasks.results.environment_digest import variables_of_tests
from tradai_tasks.results.policy import Policy, policy
from tradai_tasks.results.store import Store, bound, open_store
from tradai_tasks.vcs.git import Git

_MEGABYTE = 1_000_000


def policy_of(repository: Repository, *, fresh: bool = False) -> Policy:
    """Return what this run may do; `fresh` is whether the user asks to run everything."""
    setting = repository.settings.results.replay
    return policy(setting, os.environ, read_payload(os.environ), fresh=fresh)


def store_of(repository: Repository) -> Store:
    """Return the store of the settings; raise ResultStoreError if it cannot be used."""
    return open_store(repository.settings.results.store, repository.root, os.environ)


def trim(store: Store, repository: Repository) -> int:
    """Remove what is above `results.max-size`, and return how many results that were."""
    return bound(store, repository.settings.results.max_size * _MEGABYTE)


def is_done(session: nox.Session, act: Callable[[], object]) -> bool:
    """Use the store; a store that cannot be used costs time and nothing else."""
    try:
        act()
    except ResultStoreError as fault:
        session.warn(str(fault))
        return False
    return True


def commit_of(root: Path) -> str:
    """Return the checked-out commit; empty without git."""
    return Git.open(root).commit("HEAD") or "" if (root / ".git").exists() else ""


def work_tree(session: nox.Session, repository: Repository) -> WorkTree:
    """Return the work tree as it is now, with the variables of the session's tests."""
    roots = [one for layout in repository.layouts.values() for one in layout.source_roots]
    return WorkTree(repository.root, roots, variables_of_tests({**os.environ, **session.env}))
