"""Release step that uploads the distributions that are missing from a package index.

The index is asked first, and again after every upload that did not clearly succeed. A file with the
same bytes is done; other bytes under the same name are an error, whatever the index would do.
"""

from __future__ import annotations

import hashlib
import os
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from tradai_tasks.errors import (
    BuildFailedError,
    ConflictError,
    DistributionError,
    IndexAuthError,
    IndexUnavailableError,
    TasksError,
    UploadRefusedError,
    VersionMismatchError,
)
from tradai_tasks.http_client.address import Credentials
from tradai_tasks.http_client.retry import TransientError, retried
from tradai_tasks.process import run
from tradai_tasks.release.clients.package_index import Listed, PackageIndex
from tradai_tasks.release.engine.step import Known, Look, Stage, Step
from tradai_tasks.release.libraries.attestations import attestations_of
from tradai_tasks.release.libraries.distributions import Distribution, identity_of
from tradai_tasks.release.libraries.publish_target import PublishTarget
from tradai_tasks.release.libraries.twine_upload import UploadResponse, upload
from tradai_tasks.release.libraries.wheel_diff import difference
from tradai_tasks.report import mask
from tradai_tasks.workspace.tags import ReleaseTag

_TOGETHER = 4  # libraries uploaded at once

Upload = Callable[..., UploadResponse]


def missing(
    files: Sequence[Distribution], listed: Mapping[str, Listed], sha256: Callable[[Listed], str]
) -> tuple[list[Distribution], list[tuple[Distribution, Listed, str]]]:
    """Return files missing from an index, and those that differ there, with the index's digest.

    Another spelling of a listed name is the same file; `sha256` returns the digest of a listed
    file.
    """
    absent, other = [], []
    spelled = {identity_of(one.filename): one for one in listed.values()}
    for file in files:
        there = listed.get(file.filename) or spelled.get(identity_of(file.filename))
        if there is None:
            absent.append(file)
            continue
        digest = sha256(there)
        if digest != file.sha256:
            other.append((file, there, digest))
    return absent, other


def check_files(files: Sequence[Distribution]) -> tuple[Path, ...]:
    """Return the files after `twine check --strict`; raise BuildFailedError if it refuses one."""
    if not files:
        return ()
    paths = [str(file.path.resolve()) for file in files]
    env = {name: value for name, value in os.environ.items() if not name.startswith("TWINE_")}
    done = run(
        [sys.executable, "-m", "twine", "--no-color", "check", "--strict", *paths],
        cwd=files[0].path.parent,
        env={**env, "COLUMNS": "1000"},
        check=False,
    )
    if done.returncode != 0:
        said = " ".join(f"{done.text}\n{done.error_text}".split())
        raise BuildFailedError(
            f"{files[0].name} {files[0].version}: twine check --strict refuses it; give the "
            f"package a readme that renders: {said}"
        )
    return tuple(map(Path, paths))


class Publisher:
    """An index to publish to; its URLs and credentials are looked up when first needed.

    `timeout` is in seconds that a request waits for an answer; `send` uploads one file once, with
    twine by default.

    Raises:
        ConflictError: The index has other bytes under the same name.
        IndexAuthError: The index refuses the credentials, or there are none.
        IndexUnavailableError: The index does not answer.
    """

    def __init__(
        self,
        target: PublishTarget,
        *,
        timeout: float = 60.0,
        send: Upload = upload,
        stop: threading.Event | None = None,
    ) -> None:
        self.target = target
        self._timeout = timeout
        self._send = send
        self._stop = stop
        self._lock = threading.Lock()
        self._index: PackageIndex | None = None
        self._check_lock = threading.Lock()
        self.yanked: set[str] = set()  # names of files that the index has yanked
        self._seen: dict[Path, Distribution] = {}  # files that the index did not have when asked
        self._checked: set[Path] = set()  # files that twine has checked

    def __enter__(self) -> Self:
        """Return itself; connections are opened when needed."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the connections."""
        if self._index is not None:
            self._index.close()

    @property
    def index(self) -> PackageIndex:
        """The index; raises CodeArtifactError if AWS does not return its URL."""
        with self._lock:
            if self._index is None:
                self._index = PackageIndex(
                    self.target.simple_url(),
                    self.target.credentials,
                    timeout=self._timeout,
                    stop=self._stop,
                )
            return self._index

    def absent(self, files: Sequence[Distribution]) -> list[Distribution]:
        """Return the files of one library that are missing from the index, with one request.

        Raises:
            ConflictError: The index has other bytes under the same name.
            IndexAuthError: The index refuses the credentials.
            IndexUnavailableError: The index does not answer.
        """
        index = self.index
        listed = index.files(files[0].name)
        absent, other = missing(files, listed, index.sha256)
        self.yanked |= {one.filename for one in listed.values() if one.is_yanked}
        if other:
            raise ConflictError(*(self._conflict(*one) for one in other))
        self._seen.update((file.path, file) for file in absent)
        return absent

    def seen_absent(self, files: Sequence[Distribution]) -> list[Distribution]:
        """Return the files that were missing from the index when it was last asked."""
        return [file for file in files if file.path in self._seen]

    def check(self, files: Sequence[Distribution]) -> tuple[Path, ...]:
        """Return the files that twine has checked; raise BuildFailedError if it refuses one."""
        with self._check_lock:
            todo = [file for file in files if file.path not in self._checked]
            if not todo:
                return ()
            both = {file.path: file for file in todo} | self._seen
            batch = [file for path, file in both.items() if path not in self._checked]
            try:
                read = check_files(batch)
            except BuildFailedError:
                read = check_files(todo)  # the faulty file may be another library's
                batch = todo
            self._checked.update(file.path for file in batch)
            return read

    def put(self, file: Distribution) -> None:
        """Upload one file; if the result is not clear, ask the index.

        Raises:
            UploadRefusedError: The index does not accept the file.
            ConflictError: The index now has other bytes under the same name.
            IndexAuthError: The index refuses the credentials, or there are none.
            IndexUnavailableError: The index does not answer.
        """
        try:
            retried(lambda: self._put_once(file), stop=self._stop)
        except TransientError as fault:
            raise IndexUnavailableError(
                f"{file.filename}: not uploaded to {self.target.shown}: {fault}, at every try; "
                f"run the same again, it goes on from here"
            ) from None

    def _put_once(self, file: Distribution) -> None:
        if hashlib.sha256(file.path.read_bytes()).hexdigest() != file.sha256:
            raise DistributionError(
                f"{file.path}: was changed since it was built; build it again and publish that"
            )
        outcome = self._send(
            file.path,
            self.target.upload_url(),
            self._credentials(),
            timeout=self._timeout,
            attestations=attestations_of(file, stop=self._stop)
            if self.target.takes_attestations
            else (),
            stop=self._stop,
        )
        if outcome.is_stored:
            return
        if outcome.is_denied:
            raise IndexAuthError(
                f"{file.filename}: {self.target.shown} refuses the upload ({outcome.shown}); "
                f"check that the credentials are not expired and may publish"
            )
        if not self.absent([file]):
            return  # the bytes are there: stored before the connection broke, or by another run
        # 409: the file exists, so the listing of the index may only be delayed
        if outcome.may_pass or outcome.status == 409:  # noqa: PLR2004 - HTTP: Conflict
            raise TransientError(outcome.shown, wait=outcome.wait)
        raise UploadRefusedError(
            f"{file.filename}: {self.target.shown} does not take it: {outcome.shown}; see to what "
            f"it says, then run the same again"
        )

    def _credentials(self) -> Credentials:
        found = self.target.upload_credentials()
        if found is None:
            raise IndexAuthError(
                f"{self.target.shown}: no credentials to upload with; set the environment "
                f"variables that publish.index.username-env and password-env name, or "
                f"publish.index.trusted-publishing where the index has it"
            )
        mask([found.password])
        return found

    def confirm(self, files: Sequence[Distribution]) -> None:
        """Check that the index has all files of one library; raise IndexUnavailableError if not."""
        try:
            retried(lambda: self._confirm_once(files), stop=self._stop)
        except TransientError as fault:
            raise IndexUnavailableError(
                f"{self.target.shown}: {fault}, though it took it; run the same again to see "
                f"whether it does by then"
            ) from None

    def _confirm_once(self, files: Sequence[Distribution]) -> None:
        absent = self.absent(files)
        if absent:
            raise TransientError(f"does not list {absent[0].filename}")

    def _conflict(self, file: Distribution, listed: Listed, digest: str) -> str:
        reason = ""
        with suppress(TasksError):  # the conflict is certain; only its cause may remain unknown
            reason = difference(file, self.index.content(listed))
        fix = f"nox -s bump -- {file.name} patch"
        if file.version.base_version == "0.0.0" and file.version.is_devrelease:
            # the version of a test release is made from its commit's time
            fix = "commit again, since another commit of the same second was released so"
        advice = reason or f"if the source has changed, bump it: {fix}"
        spelled = "" if listed.filename == file.filename else f", spelled {listed.filename}"
        return (
            f"{file.filename}: {self.target.shown} has other bytes under this name{spelled}: "
            f"sha256 {digest} there, {file.sha256} here; {advice.format(fix=fix)}"
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class PublishStep:
    """Release step for one library: the index must have its files, with these bytes."""

    name: str  # the library's name
    files: Callable[[], tuple[Distribution, ...]]  # built when first called for
    publisher: Publisher
    tag: ReleaseTag | None = None  # tag whose version the library must have; None if it may differ

    def look(self, known: Known) -> Look:  # noqa: ARG002 - needs no earlier stage
        """Ask the index which files it has, with one request.

        Raises:
            VersionMismatchError: The library does not have the version of the tag.
            ConflictError: The index has other bytes under the same name.
            TasksError: The index cannot be asked.
        """
        _ = self.publisher.index  # looked up while the libraries are still being built
        files = self.files()
        self._check_version(files)
        absent = self.publisher.absent(files)
        if not absent:
            return Look(
                state="done",
                note=f"{files[0].version}: there, with the same bytes{self._yanked(files)}",
                record=_record(files, ()),
            )
        names = ", ".join(file.filename for file in absent)
        return Look(
            state="todo", note=f"{files[0].version}: to upload: {names}", record=_record(files, ())
        )

    def prepare(self, known: Known) -> None:  # noqa: ARG002 - as above
        """Check the files to upload with twine, so that a refused one stops the release early.

        Raises:
            BuildFailedError: twine refuses a file.
        """
        self.publisher.check(self.publisher.seen_absent(self.files()))

    def act(self, known: Known) -> Look:  # noqa: ARG002 - as above
        """Upload the missing files, and check that the index has them.

        Raises:
            ConflictError: Other bytes have been uploaded meanwhile.
            TasksError: An upload failed.
        """
        files = self.files()
        self._check_version(files)
        absent = self.publisher.absent(files)
        self.publisher.check(absent)
        for file in absent:
            self.publisher.put(file)
        if absent:
            self.publisher.confirm(files)
        return Look(
            state="done",
            note=f"{files[0].version}: uploaded {len(absent)} of {len(files)} "
            f"file{'s' * (len(files) > 1)}",
            record=_record(files, absent),
        )

    def _yanked(self, files: Sequence[Distribution]) -> str:
        if not any(file.filename in self.publisher.yanked for file in files):
            return ""
        return ", but yanked: installers pass it over, so release another version"

    def _check_version(self, files: Sequence[Distribution]) -> None:
        if self.tag is None or self.tag.is_test:
            return
        for file in files:
            if file.version != self.tag.pep440:
                raise VersionMismatchError(
                    f"tag {self.tag}: {self.name} has version {file.version}, and publish.lockstep "
                    f"demands the tag's; fix with: nox -s bump -- {self.name} {self.tag.version}"
                )


def _record(files: Sequence[Distribution], uploaded: Sequence[Distribution]) -> dict[str, Any]:
    return {
        "version": str(files[0].version),
        "files": {file.filename: file.sha256 for file in files},
        "uploaded": [file.filename for file in uploaded],
    }


def publish_stage(
    libraries: Mapping[str, Callable[[], tuple[Distribution, ...]]],
    publisher: Publisher,
    *,
    tag: ReleaseTag | None = None,
    lockstep: bool = False,
) -> Stage:
    """Return the stage that publishes libraries.

    `libraries` are functions that return the files of each, called when first needed. With
    `lockstep`, each library must have the tag's version.
    """
    steps: tuple[Step, ...] = tuple(
        PublishStep(name=name, files=files, publisher=publisher, tag=tag if lockstep else None)
        for name, files in libraries.items()
    )
    return Stage(name="publish", steps=steps, parallel=_TOGETHER)
