"""Build the wheels that Dockerfiles copy, from the released commit."""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from tradai_tasks.environment_allowance import Allowance
from tradai_tasks.errors import BuildFailedError
from tradai_tasks.files.file_tree import join
from tradai_tasks.files.path_guard import require_inside, write_below
from tradai_tasks.process import run
from tradai_tasks.release.engine.source_export import SourceExport, export_commit
from tradai_tasks.release.images.image_specs import ImageSpec
from tradai_tasks.release.libraries.wheel_build import (
    build,
    build_env,
    open_build_folder,
    refuse_dirty,
)
from tradai_tasks.sandbox import Sandbox
from tradai_tasks.vcs.git import Git
from tradai_tasks.workspace.lock_file import LockedPackage, parse_lock_file

__all__ = ["WHEELS", "ImageWheels"]

WHEELS = "wheels"  # folder in a build context for wheels of libraries from other repositories
_SECONDS = 1800.0


@dataclass(kw_only=True)
class ImageWheels:
    """Puts wheels into an export; each is built once for all images."""

    source: SourceExport
    allowance: Allowance
    sandbox: Sandbox | None
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)
    _made: set[str] = field(default_factory=set)

    def put(self, spec: ImageSpec) -> None:
        """Put the wheels that an image copies into the export.

        Wheels of the workspace are built into dist/. A context with a lock file may have libraries
        of other repositories in wheels/: a package that the lock takes from a folder is built from
        the commit that is checked out there, a wheel on disk is used if the lock has its SHA-256.

        Raises:
            BuildFailedError: uv could not build a wheel.
            DirtyTreeError: The folder of another repository has uncommitted changes.
        """
        with self._lock:
            lacking = [one for one in spec.wheels if one.name not in self._made]
            if lacking:
                require_inside(self.source.folder(), self.source.folder() / "dist" / "wheel")
                build(
                    self.source.git,
                    lacking,
                    self.source.folder() / "dist",
                    env=build_env(os.environ, self.allowance),
                    commit=self.source.commit,
                    sandbox=self.sandbox,
                    hidden=self.source.scratch,
                )
                self._made.update(one.name for one in lacking)
            if spec.takes_wheels and spec.context not in self._made:
                self._put_foreign(spec.context)
                self._made.add(spec.context)

    def _put_foreign(self, context: str) -> None:
        lock = self.source.folder() / context / "uv.lock"
        if not lock.is_file():
            return
        packages = parse_lock_file(lock.read_bytes(), join(context, "uv.lock")).package
        target = lock.parent / WHEELS
        home = self.source.git.folder
        for folder in _foreign_folders(packages, home / context, home.resolve()):
            self._build_folder(folder, target)
        known = {one.hash for package in packages for one in package.wheels}
        for file in sorted((home / context / WHEELS).glob("*.whl")):
            content = file.read_bytes()
            if f"sha256:{hashlib.sha256(content).hexdigest()}" in known:
                self._write(target, file.name, content)

    def _build_folder(self, folder: Path, target: Path) -> None:
        """Build the wheel of a library in another repository, from the commit checked out there."""
        git = Git.open(folder)
        refuse_dirty(git)
        with open_build_folder(self.sandbox, self.source.scratch) as place:
            export_commit(git, git.require_commit("HEAD", ""), place.folder / "tree")
            out = place.folder / "out"
            argv = ["uv", "build", "--no-progress", "--wheel", "--no-create-gitignore"]
            done = run(
                [*argv, "--out-dir", str(place.seen / "out"), str(place.seen / "tree")],
                cwd=place.entered("tree"),
                env=build_env(os.environ, self.allowance),
                check=False,
                timeout=_SECONDS,
                umask=0o022,
                sandbox=place.sandbox,
            )
            if done.returncode != 0:
                said = (done.error_text or done.text).splitlines()[-30:]
                raise BuildFailedError(
                    f"{folder}: uv build failed with status {done.returncode}; fix what it "
                    f"reports:",
                    *said,
                )
            for wheel in sorted(out.glob("*.whl")):
                self._write(target, wheel.name, wheel.read_bytes())

    def _write(self, target: Path, name: str, content: bytes) -> None:
        """Put a wheel into a folder of the export, which may be a link in the commit."""
        require_inside(self.source.folder(), target / name)
        target.mkdir(exist_ok=True)
        write_below(target, name, content)


def _foreign_folders(packages: Iterable[LockedPackage], project: Path, root: Path) -> list[Path]:
    """Return the folders outside the repository that a lock takes packages from."""
    found = []
    for package in packages:
        path = package.local_path
        if path is not None and "virtual" not in package.source:
            folder = (project / path).resolve()
            if not folder.is_relative_to(root):
                found.append(folder)
    return sorted(set(found))
