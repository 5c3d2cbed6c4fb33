"""Decisions of `security`: what bandit's output means, and which acceptances have expired."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from tradai_tasks.settings.model import SecuritySettings

_LEVELS = ("low", "medium", "high")


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
