"""Decisions of the audit: which distributions are locked, and what pip-audit says of each."""

from __future__ import annotations

import json
import posixpath
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from tradai_tasks.errors import AuditServiceError, CommandFailedError, TasksError
from tradai_tasks.files.file_tree import Tree, all_files
from tradai_tasks.settings.model import SecuritySettings
from tradai_tasks.workspace.locks.lock_file import LockFile

# Words in pip-audit's last lines that point to the service, not the packages.
_SERVICE_WORDS = (
    "ConnectionError",
    "ServiceError",
    "ConnectTimeout",
    "ReadTimeout",
    "HTTPError",
    "Connection refused",
    "Max retries exceeded",
    "JSONDecodeError",
    "SSLError",
)
_DEPLOYED = ("lambdas", "services")
_LEFT_BY_TOOLS = frozenset({"node_modules", "venv", "__pycache__", "build", "dist"})
_REQUIREMENTS = re.compile(r"(?:.*/)?(?:[^/]*requirements[^/]*|requirements/[^/]*)\.txt\Z")


class Locked(NamedTuple):
    """One distribution that a lock or a requirements file pins."""

    name: str  # PEP 503-normalised
    version: str  # "" where none is stated, as for a folder with a dynamic version
    source: str  # "registry", "path", "url", "git", or "local": built from a folder
    file: str  # where it is pinned

    @property
    def pin(self) -> str:
        """What pip-audit is asked for; "" if it cannot be asked."""
        return f"{self.name}=={self.version}" if self.version else ""

    @property
    def shown(self) -> str:
        """Name and version."""
        return f"{self.name} {self.version}".rstrip()


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """What one run of pip-audit says."""

    audited: frozenset[str] = frozenset()  # pins that the service knows
    unknown: Mapping[str, str] | None = None  # pin -> why the service has no answer on it
    vulnerable: tuple[str, ...] = ()  # a line each: "requests 2.0: CVE-1, fixed in 2.31.0"
    ignored: tuple[str, ...] = ()  # ids of reported advisories that the settings accept


@dataclass(frozen=True, kw_only=True, slots=True)
class Audit:
    """The audit of all locked distributions: each is audited, not audited or passed over."""

    total: int
    audited: int
    vulnerable: tuple[str, ...]
    not_audited: tuple[str, ...]  # a line each: "name version: reason (uv.lock)"
    passed_over: tuple[str, ...]  # likewise: accepted by the settings, or local source
    ignored: tuple[str, ...]


def locked_in(lock: LockFile, file: str, own: Collection[str]) -> Iterator[Locked]:
    """Yield all distributions of a lock of uv but the repository's own packages.

    Every one counts, in any extra, group, marker and fork.
    """
    own = {*own, *lock.members}
    for entry in lock.package:
        is_local = entry.local_path is not None
        if not (is_local and entry.name in own):
            kind = "local" if is_local else next(iter(entry.source), "unknown")
            yield Locked(canonicalize_name(entry.name), entry.version, kind, file)


def pinned_in(compiled: str, file: str) -> Iterator[Locked]:
    """Yield the distributions in the output of `uv pip compile`."""
    for raw in compiled.splitlines():
        line = raw.partition(" #")[0].strip()
        if not line or line.startswith("#"):
            continue
        try:
            found = Requirement(line.removeprefix("-e ").strip())
        except InvalidRequirement:  # a bare path
            yield Locked(posixpath.basename(line.rstrip("/")), "", "local", file)
            continue
        pins = [one.version for one in found.specifier if one.operator == "=="]
        url = found.url or ""
        kind = "git" if url.startswith("git+") else "url" if url else "registry"
        kind = "local" if url.startswith("file:") else kind
        yield Locked(canonicalize_name(found.name), (pins or [""])[0], kind, file)


def requirements_files(tree: Tree) -> tuple[str, ...]:
    """Return the requirements files of what is deployed: below `lambdas/` and `services/`."""
    found = (path for folder in _DEPLOYED for path in all_files(tree, folder, enters=_enters))
    return tuple(path for path in found if _REQUIREMENTS.match(path))


def locks_of_scripts(tree: Tree) -> tuple[str, ...]:
    """Return the locks of scripts with inline metadata, `<script>.py.lock`."""
    found = all_files(tree, enters=_enters)
    return tuple(path for path in found if path.endswith(".py.lock"))


def _enters(name: str) -> bool:
    return not name.startswith(".") and name not in _LEFT_BY_TOOLS


def rounds(pins: Iterable[str]) -> tuple[tuple[str, ...], ...]:
    """Divide pins into lists with one version of each name, as pip-audit demands."""
    parts: list[dict[str, str]] = []
    for pin in pins:
        name = pin.partition("==")[0]
        for part in parts:
            if name not in part:
                part[name] = pin
                break
        else:
            parts.append({name: pin})
    return tuple(tuple(part.values()) for part in parts)


def read_audit(
    output: str | None, error_text: str, expected: Sequence[str], settings: SecuritySettings
) -> Answer:
    """Parse pip-audit's output into its answer on each pin.

    pip-audit may leave out one of the `expected` pins without a word.

    Raises:
        AuditServiceError: The advisory service is down or its answer is invalid.
        CommandFailedError: pip-audit failed in another way.
    """
    if not output:
        raise _no_report(error_text)
    accepted = {entry.id.upper() for entry in settings.ignore}
    vulnerable: list[str] = []
    ignored: set[str] = set()
    reasons = {pin.partition("==")[0]: "pip-audit does not mention it" for pin in expected}
    for entry in json.loads(output)["dependencies"]:
        name = canonicalize_name(entry["name"])
        if "skip_reason" in entry:
            reasons[name] = entry["skip_reason"]
            continue
        reasons.pop(name, None)
        for advisory in entry["vulns"]:
            ids = {advisory["id"].upper(), *(alias.upper() for alias in advisory["aliases"])}
            if ids & accepted:
                ignored |= ids & accepted
            else:
                vulnerable.append(_advisory_line(name, entry["version"], advisory))
    unknown = {pin: reasons[pin.partition("==")[0]] for pin in expected
               if pin.partition("==")[0] in reasons}  # fmt: skip
    return Answer(
        audited=frozenset(expected) - unknown.keys(),
        unknown=unknown,
        vulnerable=tuple(sorted(vulnerable)),
        ignored=tuple(sorted(ignored)),
    )


def conclude(
    locked: Iterable[Locked], answers: Sequence[Answer], settings: SecuritySettings
) -> Audit:
    """Judge every locked distribution by the answers; one in several files counts once."""
    allowed = {canonicalize_name(entry.name) for entry in settings.not_audited}
    audited = frozenset(pin for answer in answers for pin in answer.audited)
    unknown = {pin: why for answer in answers for pin, why in (answer.unknown or {}).items()}
    every: dict[tuple[str, str, bool], Locked] = {}
    for one in sorted(locked):
        every.setdefault((one.name, one.version, one.source == "git"), one)
    missed: list[str] = []
    passed_over: list[str] = []
    for one in every.values():
        reason = _reason(one, unknown)
        if one.pin in audited and one.source != "git":
            continue
        by_whom = passed_over if one.name in allowed or one.source == "local" else missed
        by_whom.append(f"{one.shown}: {reason} ({one.file})")
    return Audit(
        total=len(every),
        audited=len(every) - len(missed) - len(passed_over),
        vulnerable=tuple(sorted({line for answer in answers for line in answer.vulnerable})),
        not_audited=tuple(missed),
        passed_over=tuple(passed_over),
        ignored=tuple(sorted({name for answer in answers for name in answer.ignored})),
    )


def _reason(one: Locked, unknown: Mapping[str, str]) -> str:
    """Return why a distribution was not audited."""
    if one.source == "git":
        return "comes from git, and advisories name releases, not commits"
    if not one.version:
        return f"no version is known of it (source: {one.source})"
    said = unknown.get(one.pin, "pip-audit does not mention it")
    return f"built from a folder; {said}" if one.source == "local" else said


def _no_report(error_text: str) -> TasksError:
    last = (error_text.strip().splitlines() or ["no message"])[-1]
    if any(word in error_text for word in _SERVICE_WORDS):
        return AuditServiceError(
            f"pip-audit: the advisory service cannot be reached ({_short(last)}); nothing was "
            f"audited; try again, or set security.service-url"
        )
    return CommandFailedError(f"pip-audit: failed without a report: {_short(last)}")


def _advisory_line(name: str, version: str, advisory: Mapping[str, Any]) -> str:
    aliases = [alias for alias in advisory["aliases"] if alias.startswith("CVE-")]
    also = f" ({', '.join(sorted(aliases))})" if aliases and advisory["id"] not in aliases else ""
    fixed = ", ".join(advisory["fix_versions"])
    remedy = f"fixed in {fixed}" if fixed else "no fixed version yet"
    return f"{name} {version}: {advisory['id']}{also}, {remedy}"


def _short(text: str) -> str:
    return text if len(text) <= 200 else f"{text[:197]}..."  # noqa: PLR2004 - a line's width
