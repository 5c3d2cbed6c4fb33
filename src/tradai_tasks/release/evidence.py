"""The record that each stage leaves: what it came to, for which tag, commit and lock.

A record stands in `<folder>/<stage>.json`, files that belong to it in `<folder>/<stage>/`. It is
how a release that was cut goes on where it was, and how one CI job trusts another: what is absent,
of another release, damaged or of a failure is refused, so no gate can be skipped.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import Any, Literal

import msgspec

from tradai_tasks.atomic_file import ignore_folder
from tradai_tasks.errors import EvidenceError
from tradai_tasks.release.step import Look

__all__ = ["Evidence", "Store", "Subject", "digest_of"]

_SCHEMA = 1  # of the file; raised when a key changes its meaning


class _UnusableError(Exception):
    """A file that holds no evidence; its text says why."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Subject:
    """What evidence is of; of anything else it says nothing."""

    tag: str
    commit: str  # full id
    lock: str  # SHA-256 of the lock file, or of several, as hexadecimal digits


@dataclass(frozen=True, kw_only=True, slots=True)
class Evidence:
    """What one stage came to."""

    stage: str
    tag: str
    commit: str
    lock: str
    verdict: Literal["passed", "failed"]
    steps: Mapping[str, Look]
    note: str = ""  # why it failed
    seconds: float = 0.0  # that its work took
    files: Mapping[str, str] = field(default_factory=dict)  # relative POSIX name -> SHA-256

    @property
    def subject(self) -> Subject:
        """What it is of."""
        return Subject(tag=self.tag, commit=self.commit, lock=self.lock)


@dataclass(frozen=True, kw_only=True, slots=True)
class Store:
    """A folder of evidence."""

    folder: Path
    subject: Subject

    def files(self, stage: str) -> Path:
        """Return the folder for the files of a stage; it need not be there."""
        return self.folder / stage

    def write(self, evidence: Evidence) -> None:
        """Keep the evidence of a stage; at any moment there is the old or the new, whole."""
        folder = self.files(evidence.stage)
        names = sorted(
            path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()
        )
        files = {name: digest_of([folder / name]) for name in names}
        raw = {"schema": _SCHEMA, **_raw(replace(evidence, files=files))}
        text = msgspec.json.format(msgspec.json.encode(raw), indent=2)
        self.prepare()
        scratch = self.folder / f".{evidence.stage}.json.new"
        with scratch.open("wb") as file:
            file.write(text + b"\n")
            file.flush()
            os.fsync(file.fileno())
        scratch.replace(self.folder / f"{evidence.stage}.json")

    def prepare(self) -> None:
        """Make the folder, out of git's sight whatever the repository ignores."""
        self.folder.mkdir(parents=True, exist_ok=True)
        ignore_folder(self.folder)

    def keep(self, stage: str, files: Mapping[str, Path]) -> None:
        """Put copies of files beside the evidence of a stage, in place of those of before.

        Args:
            stage: The stage.
            files: Where each is now, by relative POSIX name.
        """
        self.prepare()
        (self.folder / f"{stage}.json").unlink(missing_ok=True)  # it names those of before
        folder = self.files(stage)
        shutil.rmtree(folder, ignore_errors=True)
        for name, path in files.items():
            target = folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target)

    def adopt(self, folder: Path, stage: str) -> Evidence:
        """Take over the evidence that another job left, once it is found to be good.

        Args:
            folder: Where it is: right there, below the tag's name, or in a folder of its own, as
                downloads of several CI artifacts leave it.
            stage: The stage.

        Raises:
            EvidenceError: It is not there, there twice, or to be refused.
        """
        tag = self.subject.tag
        homes = [folder, folder / tag, *sorted(p for p in folder.glob("*") if p.is_dir())]
        homes += [home / tag for home in homes[2:]]
        there = [home for home in dict.fromkeys(homes) if (home / f"{stage}.json").is_file()]
        if not there:
            raise EvidenceError(
                f"evidence of {stage}: there is none in {folder}; run that stage first and hand "
                f"over what it leaves: {_run(tag, stage)}"
            )
        if len({(home / f"{stage}.json").read_bytes() for home in there}) > 1:
            shown = " and ".join(str(home / f"{stage}.json") for home in there[:2])
            raise EvidenceError(f"evidence of {stage}: {shown} differ; hand over one of them")
        theirs = Store(folder=there[0], subject=self.subject)
        evidence = theirs.require(stage)
        if there[0].resolve() != self.folder.resolve():
            self.keep(stage, {name: theirs.files(stage) / name for name in evidence.files})
            self.write(evidence)
        return evidence

    def find(self, stage: str) -> Evidence | str:
        """Return the evidence that a stage has passed, or why it is of no use: for a rerun.

        The reason is empty where there is none.
        """
        file = self.folder / f"{stage}.json"
        if not file.exists():
            return ""
        try:
            evidence = _parsed(file)
        except _UnusableError as error:
            return str(error)
        return self._fault(evidence, stage) or evidence

    def require(self, stage: str) -> Evidence:
        """Return the evidence that a stage has passed.

        Raises:
            EvidenceError: It is absent, unreadable, damaged, of something else, or of a failure.
        """
        found = self.find(stage)
        if isinstance(found, Evidence):
            return found
        file = self.folder / f"{stage}.json"
        how = f"run that stage first: {_run(self.subject.tag, stage)}"
        if not found:
            raise EvidenceError(
                f"evidence of {stage}: there is none for {self.subject.tag} ({file}); {how}"
            )
        raise EvidenceError(f"evidence of {stage} ({file}): {found}; {how}")

    def _fault(self, evidence: Evidence, stage: str) -> str:
        """Return why evidence is of no use, empty where it is good."""
        if evidence.stage != stage:
            return f"it is that of {evidence.stage[:60]!r}"
        for what in ("tag", "commit", "lock"):
            theirs, ours = getattr(evidence, what), getattr(self.subject, what)
            if theirs != ours:
                return f"it is of {what} {theirs[:64]!r}, and this release of {ours!r}"
        if evidence.verdict != "passed":
            return f"it did not pass: {evidence.note}"
        if not evidence.steps:
            return "it passed with nothing done"
        folder = self.files(stage)
        for name, digest in evidence.files.items():
            if not _is_below(name) or not (folder / name).is_file():
                return f"its file {name!r} is not in {folder}"
            if digest_of([folder / name]) != digest:
                return f"its file {name!r} was changed since"
        return ""


def digest_of(files: list[Path]) -> str:
    """Return the SHA-256 of one file's content; of several, that of their digests in order."""
    found = [hashlib.sha256(file.read_bytes()).hexdigest() for file in files]
    return found[0] if len(found) == 1 else hashlib.sha256("".join(found).encode()).hexdigest()


def _run(tag: str, stage: str) -> str:
    return f"nox -s release -- {tag} --only {stage}"


def _raw(evidence: Evidence) -> dict[str, Any]:
    raw: dict[str, Any] = msgspec.to_builtins(evidence)
    return raw


def _parsed(file: Path) -> Evidence:
    try:
        document = msgspec.json.decode(file.read_bytes(), type=dict[str, Any])
        schema = document.pop("schema", None)
        if schema != _SCHEMA:
            raise _UnusableError(
                f"it has schema {schema!r}, and this version of tradai-tasks reads {_SCHEMA}"
            )
        return msgspec.convert(document, Evidence)
    except (msgspec.DecodeError, UnicodeDecodeError, OSError) as error:
        raise _UnusableError(f"it cannot be read: {error}") from None


def _is_below(name: str) -> bool:
    path = PurePosixPath(name)
    return bool(path.parts) and not path.is_absolute() and ".." not in path.parts
