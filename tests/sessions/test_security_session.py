"""security and lock: their commands, and what they make of the reports."""

from __future__ import annotations

import json
from pathlib import Path

from tests.support.inprocess import InProcess, failed
from tests.support.platform_sessions import (
    CLEAN,
    PLATFORM,
    QUIET,
    ROOT,
    STRATEGIES,
    after,
    security_script,
)


def test_security_is_clean_where_both_tools_say_so(run: InProcess) -> None:
    files = {
        **PLATFORM,
        "pyproject.toml": ROOT
        + "[tool.bandit]\nskips = []\n[tool.tradai-tasks.security]\nservice-url = 'http://127.0.0.1:1'\n",
    }
    files["services/web/Dockerfile"] = files["services/web/app.py"] = ""
    files["libs/a/src/a/tests/test_in.py"] = ""
    ran = run.files(files)("-s", "security", script=security_script(QUIET, CLEAN))
    assert ran.status == 0, ran.log
    (bandit,) = ran.starting("bandit")
    assert "--configfile" in bandit
    assert [word for word in bandit if word.startswith("./")] == [
        "./libs/a/src/a/__init__.py",
        "./libs/b/src/b/__init__.py",
        "./services/web/app.py",
    ]
    assert "--osv-url=http://127.0.0.1:1" in ran.starting("pip-audit")[0]
    assert "2 of 2 locked distributions audited" in ran.log


def test_a_file_that_bandit_does_not_read_to_its_end_fails(run: InProcess) -> None:
    files = {**PLATFORM, "libs/a/src/a/x.py": "one = 1\n\n# note\ntwo = 2\n"}
    metrics = {
        "./libs/a/src/a/__init__.py": {"loc": 0},
        "./libs/a/src/a/x.py": {"loc": 1},
        "_totals": {"loc": 1},
    }
    script = security_script({**QUIET, "metrics": metrics}, CLEAN)
    failed(
        run.files(files)("-s", "security", script=script),
        "2 of 3 files not read, or not to their end: libs/b/src/b/__init__.py, "
        "libs/a/src/a/x.py (1 of 2 lines)",
    )


def test_an_exclusion_leaves_out_what_it_names_and_nothing_else(run: InProcess) -> None:
    excluding = "[tool.bandit]\nexclude_dirs = ['test', {}]\nskips = ['B404']\n"
    files = {**PLATFORM, "libs/a/src/backtest/__init__.py": "", "libs/a/src/a/old/x.py": ""}
    files["pyproject.toml"] = ROOT + excluding.format("'old'")
    ran = run.files(files)("-s", "security", script=security_script(QUIET, CLEAN))
    assert ran.status == 0, ran.log
    assert "not scanned, by exclude_dirs 'old': libs/a/src/a/old/x.py" in ran.log
    (bandit,) = ran.starting("bandit")
    assert "./libs/a/src/backtest/__init__.py" in bandit
    kept = json.loads(Path(bandit[bandit.index("--configfile") + 1]).read_text())
    assert kept == {"skips": ["B404"]}
    run.files({"pyproject.toml": ROOT + excluding.format("'src'")})
    failed(
        run("-s", "security", script=security_script(QUIET, CLEAN)),
        "bandit: exclude_dirs 'src' leaves out all source of libs/a; narrow it, or name",
        "leaves out all source of libs/b",
    )


def test_security_fails_for_each_reason_and_names_all(run: InProcess) -> None:
    finding = {
        "filename": "x.py", "line_number": 1, "test_id": "B105", "issue_severity": "LOW",
        "issue_confidence": "MEDIUM", "issue_text": "password",
    }  # fmt: skip
    report = {"results": [finding], "errors": [{"filename": "y.py", "reason": "syntax"}]}
    advisory = {"id": "CVE-1", "aliases": [], "fix_versions": ["2"]}
    audited = [{**CLEAN[0], "vulns": [advisory]}, {"name": "ruff", "skip_reason": "unknown"}]
    ran = run.files(PLATFORM)("-s", "security", script=security_script(report, audited))
    failed(
        ran,
        "bandit could not read y.py: syntax",
        "bandit found faults: x.py:1: B105 (low severity, medium confidence) password; fix them",
        "pip-audit found advisories: pytest 1.0: CVE-1, fixed in 2; upgrade with: nox -s lock -- ",
        "1 of 2 locked distributions could not be audited (ruff), such as ruff 1.0: unknown (",
    )
    assert "x.py:1: B105" in ran.out
    failed(
        run("-s", "security", script=security_script(None, None)),
        "bandit: exit status 0 and no report",
        "pip-audit: failed without a report",
    )


def test_lock_makes_checks_and_upgrades(run: InProcess) -> None:
    ran = run.files(STRATEGIES)("-s", "lock", "--", "--upgrade", "--upgrade-package", "x")
    assert [c[2:] for c in ran.commands] == [
        ["--project", f"strategies/{n}", "--upgrade", "--upgrade-package=x"]
        for n in ("fast", "slow")
    ]
    assert "2 lock files up to date" in ran.log
    one = after(["strategies/slow"], lambda _: 1)
    failed(run("-s", "lock", script=one), "lock: uv could not lock strategies/slow; see above")
    failed(run("-s", "lock", "--", "--bogus"), "unrecognized arguments: --bogus")
    helped = run("-s", "lock", "--", "--help")
    assert helped.status == 0
    assert "--upgrade-package NAME" in helped.out
