"""Release step that uploads the distributions that are missing from a package index.

The index is asked first, and again after every upload that did not clearly succeed. Bytes decide:
the same ones are done, others under the same name are an error, whatever the index itself would do
about a file of a name that it has.
"""

from __future__ import annotations

import hashlib
import os
import sys
import threading
import time
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
from tradai_tasks.http_client.retry import Sleep, TransientError, retried
from tradai_tasks.process import run
from tradai_tasks.release.clients.package_index import Credentials, Listed, PackageIndex
from tradai_tasks.release.engine.step import Known, Look, Stage, Step
from tradai_tasks.release.libraries.distributions import Distribution, identity_of
from tradai_tasks.release.libraries.publish_target import PublishTarget
from tradai_tasks.release.libraries.twine_upload import UploadResponse, upload
from tradai_tasks.release.libraries.wheel_diff import difference
from tradai_tasks.report import mask
from tradai_tasks.workspace.tags import ReleaseTag

__all__ = ["PublishStep", "Publisher", "check_files", "missing", "publish_stage"]

_TOGETHER = 4  # libraries at once

Upload = Callable[..., UploadResponse]


def missing(
    files: Sequence[Distribution], listed: Mapping[str, Listed], sha256: Callable[[Listed], str]
) -> tuple[list[Distribution], list[tuple[Distribution, Listed, str]]]:
    """Hold files against what an index has of their project.

    Args:
        files: What should be there.
        listed: What is there, by file name; another spelling of a name is the same file.
        sha256: Returns the digest of a listed file.

    Returns:
        The files that are not there, and those of which other bytes are, with their digest.
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


def check_files(files: Sequence[Distribution]) -> None:
    """Have twine check the metadata of files, strictly.

    Raises:
        BuildFailedError: It refuses one.
    """
    if not files:
        return
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


class Publisher:
    """An index to publish to; its addresses and credentials are asked for when first needed.

    Args:
        target: The index.
        timeout: Seconds that one request may go without an answer.
        sleep: Waits between two tries.
        send: Uploads one file once; by twine.
    """

    def __init__(
        self,
        target: PublishTarget,
        *,
        timeout: float = 60.0,
        sleep: Sleep = time.sleep,
        send: Upload = upload,
    ) -> None:
        self.target = target
        self._timeout = timeout
        self._sleep = sleep
        self._send = send
        self._lock = threading.Lock()
        self._index: PackageIndex | None = None
        self._check_lock = threading.Lock()
        self.yanked: set[str] = set()  # names of files that installers are to pass over
        self._seen: dict[Path, Distribution] = {}  # found to be absent
        self._checked: set[Path] = set()  # by twine

    def __enter__(self) -> Self:
        """Return itself; connections are made when needed."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close its connections."""
        if self._index is not None:
            self._index.close()

    @property
    def index(self) -> PackageIndex:
        """The index, to ask.

        Raises:
            CodeArtifactError: AWS does not say where it is.
        """
        with self._lock:
            if self._index is None:
                self._index = PackageIndex(
                    self.target.simple_url(),
                    self.target.credentials,
                    timeout=self._timeout,
                    sleep=self._sleep,
                )
            return self._index

    def absent(self, files: Sequence[Distribution]) -> list[Distribution]:
        """Return what the index lacks of one library's files, by one request.

        Raises:
            ConflictError: It has other bytes under the same name.
            IndexAuthError: It refuses the credentials.
            IndexUnavailableError: It does not answer.
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
        """Return those of the files that the index lacked when it was last asked."""
        return [file for file in files if file.path in self._seen]

    def check(self, files: Sequence[Distribution]) -> None:
        """Have twine check files before their upload, all that are to be uploaded at one go.

        Raises:
            BuildFailedError: It refuses one of them.
        """
        with self._check_lock:
            todo = [file for file in files if file.path not in self._checked]
            if not todo:
                return
            both = {file.path: file for file in todo} | self._seen
            batch = [file for path, file in both.items() if path not in self._checked]
            try:
                check_files(batch)
            except BuildFailedError:
                check_files(todo)  # it may be another library's that is at fault
                batch = todo
            self._checked.update(file.path for file in batch)

    def put(self, file: Distribution) -> None:
        """Upload one file; whatever is not clear afterwards is asked of the index.

        Raises:
            ConflictError: The index has other bytes under the same name by now.
            IndexAuthError: It refuses or lacks the credentials.
            IndexUnavailableError: It does not answer.
            UploadRefusedError: It does not take the file.
        """
        try:
            retried(lambda: self._put_once(file), sleep=self._sleep)
        except TransientError as fault:
            raise IndexUnavailableError(
                f"{file.filename}: not uploaded to {self.target.shown}: {fault}, at every try; "
                f"run the same again, it goes on from here"
            ) from None

    def _put_once(self, file: Distribution) -> None:
        if hashlib.sha256(file.path.read_bytes()).hexdigest() != file.sha256:
            raise DistributionError(
                f"{file.path}: was changed since it was built; build it anew and publish that"
            )
        outcome = self._send(
            file.path, self.target.upload_url(), self._credentials(), timeout=self._timeout
        )
        if outcome.is_stored:
            return
        if outcome.is_denied:
            raise IndexAuthError(
                f"{file.filename}: {self.target.shown} refuses the upload ({outcome.shown}); "
                f"check that the credentials are not expired and may publish"
            )
        if not self.absent([file]):
            return  # these bytes are there: stored before the connection broke, or by another run
        # 409 says that there is such a file, so what the index lists may only be late
        if outcome.may_pass or outcome.status == 409:  # noqa: PLR2004 - HTTP: Conflict
            raise TransientError(outcome.shown, wait=outcome.wait)
        raise UploadRefusedError(
            f"{file.filename}: {self.target.shown} does not take it: {outcome.shown}; see to what "
            f"it says, then run the same again"
        )

    def _credentials(self) -> Credentials:
        found = self.target.credentials()
        if found is None:
            raise IndexAuthError(
                f"{self.target.shown}: no credentials to upload with; set the environment "
                f"variables that publish.index.username-env and password-env name"
            )
        mask([found.password])
        return found

    def confirm(self, files: Sequence[Distribution]) -> None:
        """Ensure that the index has all files of one library.

        Raises:
            IndexUnavailableError: It took one and does not list it.
        """
        try:
            retried(lambda: self._confirm_once(files), sleep=self._sleep)
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
        with suppress(TasksError):  # the conflict is certain; only its cause may stay unknown
            reason = difference(file, self.index.content(listed))
        fix = f"nox -s bump -- {file.name} patch"
        if file.version.base_version == "0.0.0" and file.version.is_devrelease:
            # a test release has its commit's time for a version
            fix = "commit again, since another commit of the same second was released so"
        advice = reason or f"if the source has changed, bump it: {fix}"
        spelled = "" if listed.filename == file.filename else f", spelled {listed.filename}"
        return (
            f"{file.filename}: {self.target.shown} has other bytes under this name{spelled}: "
            f"sha256 {digest} there, {file.sha256} here; {advice.format(fix=fix)}"
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class PublishStep:
    """One library: the index must have its files, with these bytes."""

    name: str  # the library's
    files: Callable[[], tuple[Distribution, ...]]  # builds them where they are not yet built
    publisher: Publisher
    tag: ReleaseTag | None = None  # whose version the library must have, where that is demanded

    def look(self, known: Known) -> Look:  # noqa: ARG002 - needs no earlier stage
        """Ask the index, by one request.

        Raises:
            ConflictError: It has other bytes under the same name.
            VersionMismatchError: The library has not the version of the tag.
            TasksError: It cannot be determined.
        """
        _ = self.publisher.index  # found while the libraries are still being built
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
        """Have twine check what is to be uploaded, so that one it refuses ends all in time.

        Raises:
            BuildFailedError: It refuses a file.
        """
        self.publisher.check(self.publisher.seen_absent(self.files()))

    def act(self, known: Known) -> Look:  # noqa: ARG002 - as above
        """Upload what the index lacks, and check that it is there.

        Raises:
            ConflictError: Other bytes have come there meanwhile.
            TasksError: It could not be done.
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

    Args:
        libraries: The files of each by its name, made when first called for.
        publisher: The index.
        tag: The release.
        lockstep: Whether each library must have the tag's version.
    """
    steps: tuple[Step, ...] = tuple(
        PublishStep(name=name, files=files, publisher=publisher, tag=tag if lockstep else None)
        for name, files in libraries.items()
    )
    return Stage(name="publish", steps=steps, parallel=_TOGETHER)
