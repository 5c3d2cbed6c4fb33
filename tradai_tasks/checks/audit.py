"""Decisions of `security`: what to audit, and what bandit's and pip-audit's output means."""

from __future__ import annotations

import json
import posixpath
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from packaging.utils import canonicalize_name

from tradai_tasks.errors import AuditServiceError, CommandFailedError, TasksError
from tradai_tasks.settings.model import SecuritySettings
from tradai_tasks.workspace.lock_file import LockFile

__all__ = [
    "AuditResult",
    "BanditFinding",
    "bandit_findings",
    "expired_ignores",
    "pinned_requirements",
    "read_audit",
    "rounds",
    "unlocatable",
]

_LEVELS = ("low", "medium", "high")
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


@dataclass(frozen=True, kw_only=True, slots=True)
class BanditFinding:
    """One bandit finding."""

    path: str
    line: int
    test: str  # "B105"
    severity: str
    confidence: str
    text: str

    def __str__(self) -> str:
        """Return one line with a location that editors can open."""
        return (
            f"{self.path}:{self.line}: {self.test} ({self.severity} severity, "
            f"{self.confidence} confidence) {self.text}"
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class AuditResult:
    """The advisory service's answer on the locked packages."""

    audited: int
    vulnerable: tuple[str, ...]  # a line each: "requests 2.0: CVE-1, fixed in 2.31.0"
    not_audited: tuple[str, ...]  # a line each: "name version: reason"
    ignored: tuple[str, ...]  # ids of reported advisories that the settings accept


def bandit_findings(
    report: Mapping[str, Any], settings: SecuritySettings
) -> tuple[tuple[BanditFinding, ...], tuple[str, ...]]:
    """Return the findings that fail the session, and the files that bandit could not read.

    bandit exits 0 where it cannot parse a file, so its `errors` are read too.
    """
    severity = _LEVELS.index(settings.severity)
    confidence = _LEVELS.index(settings.confidence)
    found = [
        BanditFinding(
            path=posixpath.normpath(entry["filename"]),
            line=entry["line_number"],
            test=entry["test_id"],
            severity=entry["issue_severity"].lower(),
            confidence=entry["issue_confidence"].lower(),
            text=entry["issue_text"],
        )
        for entry in report["results"]
    ]
    failing = [
        finding
        for finding in found
        if _at_least(finding.severity, severity) and _at_least(finding.confidence, confidence)
    ]
    unread = tuple(f"{entry['filename']}: {entry['reason']}" for entry in report["errors"])
    return tuple(sorted(failing, key=lambda f: (f.path, f.line))), unread


def _at_least(level: str, least: int) -> bool:
    """Return whether a severity level counts; an undefined one does."""
    return level not in _LEVELS or _LEVELS.index(level) >= least


def pinned_requirements(locks: Iterable[LockFile]) -> tuple[str, ...]:
    """Return `name==version` for every third-party package of some lock files, sorted.

    Every package from an index counts: in any extra, group, marker and fork.
    """
    found = {
        f"{entry.name}=={entry.version}"
        for lock in locks
        for entry in lock.package
        if "registry" in entry.source
    }
    return tuple(sorted(found))


def unlocatable(locks: Iterable[LockFile]) -> tuple[tuple[str, str], ...]:
    """Return (name, source) of packages from git or a URL, which advisories do not cover."""
    found = {
        (entry.name, kind)
        for lock in locks
        for entry in lock.package
        for kind in ("git", "url")
        if kind in entry.source
    }
    return tuple(sorted(found))


def rounds(pins: Sequence[str]) -> tuple[tuple[str, ...], ...]:
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


def expired_ignores(settings: SecuritySettings, today: date) -> tuple[str, ...]:
    """Return a line for each accepted advisory or package whose date has passed."""
    lines = [
        f"security.ignore: {entry.id} was ignored until {entry.until} ({entry.reason}); "
        f"fix it, or decide again and move the date"
        for entry in settings.ignore
        if entry.until is not None and entry.until < today
    ]
    lines += [
        f"security.not-audited: {entry.name} was accepted until {entry.until} ({entry.reason}); "
        f"decide again and move the date"
        for entry in settings.not_audited
        if entry.until is not None and entry.until < today
    ]
    return tuple(lines)


def read_audit(
    output: str | None,
    error_text: str,
    expected: Sequence[str],
    settings: SecuritySettings,
    *,
    further: Sequence[tuple[str, str]] = (),
) -> AuditResult:
    """Parse pip-audit's output into findings and packages that were not audited.

    Args:
        output: pip-audit's JSON, None or empty if it wrote none.
        error_text: Its standard error.
        expected: The pins that it was given; one that it does not mention was not audited.
        settings: Accepted advisories and packages.
        further: (name, source) of packages that cannot be audited.

    Raises:
        AuditServiceError: The advisory service is down or its answer is invalid.
        CommandFailedError: pip-audit failed in another way.
    """
    if not output:
        raise _no_report(error_text)
    accepted = {entry.id.upper() for entry in settings.ignore}
    allowed = {canonicalize_name(entry.name) for entry in settings.not_audited}
    vulnerable: list[str] = []
    not_audited = [f"{name}: comes from {source}, not from an index" for name, source in further]
    ignored: set[str] = set()
    skipped: set[str] = set()
    audited: set[str] = set()
    for entry in json.loads(output)["dependencies"]:
        name = canonicalize_name(entry["name"])
        if "skip_reason" in entry:
            not_audited.append(f"{name}: {entry['skip_reason']}")
            skipped.add(name)
            continue
        audited.add(name)
        for advisory in entry["vulns"]:
            ids = {advisory["id"].upper(), *(alias.upper() for alias in advisory["aliases"])}
            if ids & accepted:
                ignored |= ids & accepted
            else:
                vulnerable.append(_advisory_line(name, entry["version"], advisory))
    asked = {pin.partition("==")[0] for pin in expected}
    unmentioned = asked - audited - skipped
    not_audited += [f"{name}: pip-audit does not mention it" for name in unmentioned]
    return AuditResult(
        audited=len(asked & audited),
        vulnerable=tuple(sorted(vulnerable)),
        not_audited=tuple(
            sorted(line for line in not_audited if line.partition(":")[0] not in allowed)
        ),
        ignored=tuple(sorted(ignored)),
    )


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
