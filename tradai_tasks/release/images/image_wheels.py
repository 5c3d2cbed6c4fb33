"""Build the wheels that Dockerfiles copy, from the released commit."""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from tradai_tasks.environment_allowance import Allowance
from tradai_tasks.files.file_tree import join
from tradai_tasks.files.path_guard import require_inside, write_below
from tradai_tasks.release.engine.source_export import SourceExport
from tradai_tasks.release.images.image_specs import ImageSpec
from tradai_tasks.release.libraries.path_sources import local_folders, path_sources, wheel_of
from tradai_tasks.release.libraries.wheel_build import build, build_env
from tradai_tasks.sandbox import Sandbox
from tradai_tasks.workspace.locks.lock_file import LockedPackage, parse_lock_file

CONSTRAINTS = "constraints.txt"  # in that folder: what the lock pins, for pip
WHEELS = "wheels"  # folder in a build context for wheels of libraries from other repositories


@dataclass(kw_only=True)
class ImageWheels:
    """Puts wheels into an export; each is built once for all images."""

    source: SourceExport
    allowance: Allowance
    sandbox: Sandbox | None
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)
    _made: set[str] = field(default_factory=set)
    # of each context: wheels of other repositories' packages, and the commit of each package
    foreign: dict[str, tuple[list[Path], dict[str, str]]] = field(default_factory=dict)

    def put(self, spec: ImageSpec) -> None:
        """Put the wheels that an image copies into the export.

        Wheels of the workspace are built into dist/. A context with a lock file may have libraries
        of other repositories in wheels/, and the lock's pins as constraints for pip: a package that
        the lock takes from a folder is built from the commit that is checked out there, a wheel on
        disk is used if the lock has its SHA-256.

        Raises:
            BuildFailedError: uv could not build a wheel.
            DirtyTreeError: The folder of another repository has uncommitted changes.
            UncommittedInputError: Git ignores a file there.
        """
        with self._lock:
            missing = [one for one in spec.wheels if one.name not in self._made]
            if missing:
                require_inside(self.source.folder(), self.source.folder() / "dist" / "wheel")
                build(
                    self.source.git,
                    missing,
                    self.source.folder() / "dist",
                    env=build_env(os.environ, self.allowance),
                    commit=self.source.commit,
                    sandbox=self.sandbox,
                    hidden=self.source.scratch,
                )
                self._made.update(one.name for one in missing)
            if spec.takes_wheels and spec.context not in self._made:
                self.foreign[spec.context] = self._put_foreign(spec.context)
                self._made.add(spec.context)

    def _put_foreign(self, context: str) -> tuple[list[Path], dict[str, str]]:
        lock = self.source.folder() / context / "uv.lock"
        wheels: list[Path] = []
        commits: dict[str, str] = {}
        if not lock.is_file():
            return wheels, commits
        parsed = parse_lock_file(lock.read_bytes(), join(context, "uv.lock"))
        target = lock.parent / WHEELS
        home = self.source.git.folder
        self._write(target, CONSTRAINTS, constraints(parsed.package).encode())
        for source in path_sources(local_folders(parsed, home / context), home):
            commits[source.name] = source.commit
            with wheel_of(source, self.allowance, self.sandbox, self.source.scratch) as wheel:
                self._write(target, wheel.name, wheel.read_bytes())
                wheels.append(target / wheel.name)
        known = {one.hash for package in parsed.package for one in package.wheels}
        for file in sorted((home / context / WHEELS).glob("*.whl")):
            content = file.read_bytes()
            if f"sha256:{hashlib.sha256(content).hexdigest()}" in known:
                self._write(target, file.name, content)
        return wheels, commits

    def _write(self, target: Path, name: str, content: bytes) -> None:
        """Put a wheel into a folder of the export, which may be a link in the commit."""
        require_inside(self.source.folder(), target / name)
        target.mkdir(exist_ok=True)
        write_below(target, name, content)


def constraints(packages: Iterable[LockedPackage]) -> str:
    """Return a constraints file of pip for what a lock pins, each version under its conditions."""
    lines = []
    for package in packages:
        if "virtual" not in package.source and package.version:
            joined = " or ".join(f"({one})" for one in package.resolution_markers)
            line = f"{package.name}=={package.version}"
            lines.append(f"{line} ; {joined}" if joined else line)
    return "".join(f"{line}\n" for line in sorted(lines))
