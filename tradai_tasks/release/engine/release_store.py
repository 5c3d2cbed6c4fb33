"""The folder of a release's evidence, and the lock that keeps two runs apart."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager

from tradai_tasks.errors import LockMissingError, ReleaseRunningError
from tradai_tasks.files.file_tree import join
from tradai_tasks.files.path_guard import require_inside
from tradai_tasks.release.engine.confinement import Confinement
from tradai_tasks.release.engine.evidence import Store, Subject, digest_of
from tradai_tasks.release.engine.released_package import projects_of
from tradai_tasks.release.engine.step import Release
from tradai_tasks.repository import Repository


def store_of(
    repository: Repository, release: Release, confinement: Confinement, *, needs_lock: bool
) -> Store:
    """Return the store of a release's evidence; raise LockMissingError if a lock is needed."""
    locks = [join(project, "uv.lock") for project in projects_of(repository, release.tag)]
    missing = [lock for lock in locks if not repository.tree.is_file(lock)]
    if missing and needs_lock:
        raise LockMissingError(
            f"{', '.join(missing)}: no such lock file, so it cannot be said what is released; make "
            f"it with: nox -s lock"
        )
    lock = digest_of([repository.root / lock for lock in locks if lock not in missing])
    subject = Subject(tag=release.tag.text, commit=release.commit, lock=lock)
    folder = repository.root / "build" / "release" / release.tag.text
    require_inside(repository.root, folder / ".gitignore")
    return Store(folder=folder, subject=subject, key=confinement.key, unkept=confinement.unkept)


@contextmanager
def locked(store: Store) -> Iterator[None]:
    """Lock the tag; raise ReleaseRunningError if another process releases it from this clone."""
    store.prepare()
    file = store.folder / ".running"
    if file.is_symlink():  # a gate of an earlier release may have put it there
        file.unlink()
    flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
    with os.fdopen(os.open(file, flags, 0o666), "r+b") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ReleaseRunningError(
                f"tag {store.subject.tag}: another process is releasing it from this clone; wait "
                f"until it has ended"
            ) from None
        yield
