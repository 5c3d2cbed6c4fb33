"""Findings of bandit and accepted advisories."""

from __future__ import annotations

from datetime import date
from typing import Any

from tradai_tasks.checks import audit
from tradai_tasks.settings.model import IgnoredAdvisory, NotAudited, SecuritySettings


def finding(severity: str, confidence: str, line: int = 1) -> dict[str, Any]:
    return {
        "filename": "././x.py",
        "line_number": line,
        "test_id": "B1",
        "issue_severity": severity,
        "issue_confidence": confidence,
        "issue_text": "bad",
    }


def test_bandit_findings_count_from_the_set_levels_up() -> None:
    report_ = {
        "results": [
            finding("LOW", "HIGH", 3),
            finding("HIGH", "LOW", 2),
            finding("UNDEFINED", "HIGH", 1),
        ],
        "errors": [{"filename": "y.py", "reason": "syntax error"}],
    }
    found_, unread = audit.bandit_findings(report_, SecuritySettings())
    assert [f.line for f in found_] == [1, 3]
    assert str(found_[1]) == "x.py:3: B1 (low severity, high confidence) bad"
    assert unread == ("y.py: syntax error",)
    strict, _ = audit.bandit_findings(report_, SecuritySettings(severity="medium"))
    assert [f.line for f in strict] == [1]


def test_expired_acceptance_is_named() -> None:
    settings = SecuritySettings(
        ignore=(IgnoredAdvisory(id="CVE-1", reason="soon", until=date(2026, 1, 1)),),
        not_audited=(NotAudited(name="x", reason="ours", until=date(2026, 1, 1)),),
    )
    assert audit.expired_ignores(settings, date(2026, 1, 1)) == ()
    first, second = audit.expired_ignores(settings, date(2026, 1, 2))
    assert first.startswith("security.ignore: CVE-1 was ignored until 2026-01-01 (soon)")
    assert second.startswith("security.not-audited: x was accepted until 2026-01-01 (ours)")
