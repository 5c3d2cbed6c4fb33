"""Authenticated JSON records of the results of release stages.

A record stands in `<folder>/<stage>.json`, files that belong to it in `<folder>/<stage>/`. By it a
release that was cut goes on, and one CI job trusts another; a record that is absent, of another
release, damaged or of a failure is refused, so no gate can be skipped.

Gates run the repository's code, and could write such files as well. So a record is authenticated
(HMAC-SHA256) by a key that gates do not see, all records are read before any gate runs, and from
then on only what this process wrote or read counts.
"""

from __future__ import annotations

import hashlib
import hmac
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import msgspec

from tradai_tasks.errors import EvidenceError
from tradai_tasks.files.atomic_write import ignore_folder, write_whole
from tradai_tasks.files.path_guard import is_relative_below, read_below, write_below
from tradai_tasks.release.engine.step import Look
from tradai_tasks.workspace.locks.lock_digest import lock_digest

_SCHEMA = 2  # of the file; raised when a key changes its meaning


class _UnusableError(Exception):
    """A file that is not usable as evidence; the message says why."""


class _ForgedError(Exception):
    """A file that was written without the key."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Subject:
    """The release that evidence belongs to; it is not valid for any other."""

    tag: str
    commit: str  # full id
    lock: str  # digest of the data in the lock file, or in several (workspace/locks/lock_digest.py)


@dataclass(frozen=True, kw_only=True, slots=True)
class Evidence:
    """The result of one stage."""

    stage: str
    tag: str
    commit: str
    lock: str
    verdict: Literal["passed", "failed"]
    steps: Mapping[str, Look]
    note: str = ""  # why it failed
    seconds: float = 0.0  # that its work took
    files: Mapping[str, str] = field(default_factory=dict)  # relative POSIX name -> SHA-256


@dataclass(frozen=True, kw_only=True, slots=True)
class Store:
    """A folder of evidence."""

    folder: Path
    subject: Subject
    key: bytes | None = field(
        repr=False
    )  # that records are authenticated with; None: they need not
    unkept: str = ""  # why the key cannot be that of an earlier run; empty where it is
    _found: dict[str, Evidence | str] = field(default_factory=dict, repr=False, compare=False)
    _kept: dict[str, dict[str, str]] = field(default_factory=dict, repr=False, compare=False)

    def load(self, stages: Iterable[str]) -> None:
        """Read the evidence of stages, once, before any code of the repository runs."""
        for stage in stages:
            self.find(stage)

    def contents(self, stage: str) -> dict[str, bytes]:
        """Return the files of a stage that has passed, by relative POSIX name.

        Raises:
            EvidenceError: One was changed since, or is gone.
        """
        found = {}
        for name, digest in self.require(stage).files.items():
            content = read_below(self.folder, f"{stage}/{name}")
            if content is None or _digest(content) != digest:
                raise EvidenceError(
                    f"evidence of {stage}: its file {name!r} was changed since in "
                    f"{self.folder / stage}; run that stage again: {_run(self.subject.tag, stage)}"
                )
            found[name] = content
        return found

    def write(self, evidence: Evidence) -> None:
        """Write the evidence of a stage atomically."""
        before = self._found.get(evidence.stage)
        files = self._kept.get(evidence.stage)
        if files is None:
            files = dict(before.files) if isinstance(before, Evidence) else {}
        evidence = replace(evidence, files=files)
        raw = {"schema": _SCHEMA, **msgspec.to_builtins(evidence)}
        if self.key is not None:
            raw["mac"] = _mac(self.key, raw)
        text = msgspec.json.format(msgspec.json.encode(raw), indent=2)
        self.prepare()
        write_whole(self.folder / f"{evidence.stage}.json", text + b"\n", durable=True)
        self._found[evidence.stage] = (
            evidence if evidence.verdict == "passed" else _failed(evidence)
        )

    def prepare(self) -> None:
        """Create the folder and make git ignore it."""
        self.folder.mkdir(parents=True, exist_ok=True)
        ignore_folder(self.folder)

    def drop_forged(self, stages: Iterable[str]) -> tuple[str, ...]:
        """Delete records that were written without the key, and return their stages.

        Another job or attempt that takes over the folder has no key to tell.
        """
        forged = []
        for stage in stages:
            file = self.folder / f"{stage}.json"
            try:
                _parsed(file, self.key)
            except _ForgedError:
                file.unlink(missing_ok=True)
                forged.append(stage)
            except _UnusableError:
                continue  # nobody takes it for evidence
        return tuple(forged)

    def keep(self, stage: str, files: Mapping[str, bytes]) -> None:
        """Store files with the evidence of a stage, by relative POSIX name, replacing others."""
        self.prepare()
        (self.folder / f"{stage}.json").unlink(missing_ok=True)  # it names those of before
        self._found[stage] = ""
        folder = self.folder / stage
        if folder.is_symlink() or folder.is_file():  # a gate may have put it there
            folder.unlink()
        shutil.rmtree(folder, ignore_errors=True)
        for name, content in files.items():
            write_below(self.folder, f"{stage}/{name}", content)
        self._kept[stage] = {name: _digest(content) for name, content in files.items()}

    def adopt(self, folder: Path, stage: str) -> Evidence:
        """Copy the evidence of another job, after checking it.

        Another job has another key: who names the folder vouches for it. What is in this release's
        own folder must be authentic. The evidence is right in `folder`, below the tag's name, or in
        a folder of its own, as downloads of several CI artifacts leave it.

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
        if there[0].resolve() == self.folder.resolve():
            return self.require(stage)
        theirs = Store(folder=there[0], subject=self.subject, key=None)
        evidence = theirs.require(stage)
        self.keep(stage, theirs.contents(stage))
        self.write(evidence)
        return evidence

    def find(self, stage: str) -> Evidence | str:
        """Return the evidence that a stage has passed, or why it cannot be used.

        The reason is empty where there is none. What was found once is not read again.
        """
        if stage not in self._found:
            self._found[stage] = self._look(stage)
        return self._found[stage]

    def _look(self, stage: str) -> Evidence | str:
        file = self.folder / f"{stage}.json"
        if not file.exists():
            return ""
        try:
            evidence = _parsed(file, self.key)
        except _ForgedError:
            why = self.unkept or "its `mac` is not of this machine's key"
            return f"it was not written by a release of this user on this machine: {why}"
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
        """Return why evidence cannot be used; empty if it can."""
        if evidence.stage != stage:
            return f"it is that of {evidence.stage[:60]!r}"
        for what in ("tag", "commit", "lock"):
            theirs, ours = getattr(evidence, what), getattr(self.subject, what)
            if theirs != ours:
                return f"it is of {what} {theirs[:64]!r}, and this release of {ours!r}"
        if evidence.verdict != "passed":
            return _failed(evidence)
        if not evidence.steps:
            return "it passed with nothing done"
        folder = self.folder / stage
        for name, digest in evidence.files.items():
            content = (
                read_below(folder.parent, f"{stage}/{name}") if is_relative_below(name) else None
            )
            if content is None:
                return f"its file {name!r} is not in {folder}"
            if _digest(content) != digest:
                return f"its file {name!r} was changed since"
        return ""


def digest_of(files: list[Path]) -> str:
    """Return the digest of one lock file's data; of several, that of their digests in order.

    Raises:
        BrokenTomlError: One does not parse.
    """
    found = [lock_digest(file.read_bytes(), str(file)) for file in files]
    return found[0] if len(found) == 1 else hashlib.sha256("".join(found).encode()).hexdigest()


def _run(tag: str, stage: str) -> str:
    return f"nox -s release -- {tag} --only {stage}"


def _mac(key: bytes, raw: Mapping[str, Any]) -> str:
    """Return the HMAC of a record in canonical form."""
    return hmac.digest(key, msgspec.json.encode(raw, order="deterministic"), "sha256").hex()


def _parsed(file: Path, key: bytes | None) -> Evidence:
    try:
        document = msgspec.json.decode(file.read_bytes(), type=dict[str, Any])
        mac = document.pop("mac", None)
        schema = document.get("schema")
        if schema != _SCHEMA:
            raise _UnusableError(
                f"it has schema {schema!r}, and this version of tradai-tasks reads {_SCHEMA}"
            )
        if key is not None and not (
            isinstance(mac, str) and hmac.compare_digest(mac.encode(), _mac(key, document).encode())
        ):
            raise _ForgedError
        del document["schema"]
        return msgspec.convert(document, Evidence)
    except (msgspec.DecodeError, UnicodeError, OSError) as error:
        raise _UnusableError(f"it cannot be read: {error}") from None


def _failed(evidence: Evidence) -> str:
    return f"it did not pass: {evidence.note}"


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
