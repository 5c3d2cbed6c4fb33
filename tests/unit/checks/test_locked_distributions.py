"""The audit's decisions: what is locked, and what the answers on it come to."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.support.lock_text import lock_text
from tests.support.project import DictTree
from tradai_tasks.checks.locked_distributions import (
    Locked,
    conclude,
    locked_in,
    locks_of_scripts,
    pinned_in,
    read_audit,
    requirements_files,
    rounds,
)
from tradai_tasks.errors import AuditServiceError, CommandFailedError
from tradai_tasks.settings.model import IgnoredAdvisory, NotAudited, SecuritySettings
from tradai_tasks.workspace.locks.lock_file import parse_lock_file

INDEX = {"registry": "https://index.example"}
LOCK = parse_lock_file(
    lock_text(
        {
            "version": 1,
            "package": [
                {"name": "a", "version": "1", "source": INDEX},
                {"name": "a", "version": "2", "source": INDEX},
                {"name": "wheel", "version": "1", "source": {"path": "vendor/wheel.whl"}},
                {
                    "name": "archive",
                    "version": "1",
                    "source": {"url": "https://host.example/a.tgz"},
                },
                {"name": "commit", "version": "1", "source": {"git": "https://host.example/r"}},
                {"name": "folder", "version": "1", "source": {"directory": "../folder"}},
                {"name": "dynamic", "source": {"directory": "../dynamic"}},
                {"name": "mine", "version": "1", "source": {"editable": "."}},
                {"name": "mine-built", "version": "1", "source": {"directory": "libs/x"}},
                {"name": "newer", "version": "1", "source": {"carrier-pigeon": "x"}},
            ],
        }
    ),
    "uv.lock",
)
OWN = {"mine", "mine-built"}


def test_every_source_of_a_lock_counts_but_the_repositorys_own_packages() -> None:
    found = {one.shown: one.source for one in locked_in(LOCK, "uv.lock", OWN)}
    assert found == {
        "a 1": "registry", "a 2": "registry", "wheel 1": "path", "archive 1": "url",
        "commit 1": "git", "folder 1": "local", "dynamic": "local", "newer 1": "carrier-pigeon",
    }  # fmt: skip
    assert rounds(["a==1", "a==2", "b==1"]) == (("a==1", "b==1"), ("a==2",))


def test_compiled_requirements_are_read() -> None:
    text = (
        "Idna[x]==3.4 ; python_version > '3'  # via -r x\n# a note\n\n"
        "g @ git+https://host.example/r@abc\nu @ https://host.example/u.whl\n"
        "-e file:///srv/own\nf @ file:///srv/f\n./vendor/thing/\n"
    )
    found = [(one.name, one.version, one.source) for one in pinned_in(text, "r.txt")]
    assert found[:3] == [("idna", "3.4", "registry"), ("g", "", "git"), ("u", "", "url")]
    assert {source for *_, source in found[3:]} == {"local"}
    assert len(found) == 6


def test_requirements_of_what_is_deployed_and_locks_of_scripts_are_found() -> None:
    tree = DictTree(
        {
            "requirements.txt": "",
            "tools/x.py.lock": "",
            "x.py.lock": "",
            ".venv/y.py.lock": "",
            "lambdas/a/requirements.txt": "",
            "lambdas/a/src/requirements/prod.txt": "",
            "services/b/requirements-prod.txt": "",
            "services/b/dev_requirements.txt": "",
            "services/b/notes.txt": "",
            "services/b/node_modules/requirements.txt": "",
        }
    )
    assert requirements_files(tree) == (
        "lambdas/a/requirements.txt",
        "lambdas/a/src/requirements/prod.txt",
        "services/b/dev_requirements.txt",
        "services/b/requirements-prod.txt",
    )
    assert locks_of_scripts(tree) == ("x.py.lock", "tools/x.py.lock")


def dependency(name: str, **more: Any) -> dict[str, Any]:
    return {"name": name, **more}


def test_clean_vulnerable_accepted_and_not_audited_add_up() -> None:
    advisory = {"id": "PYSEC-1", "aliases": ["CVE-1"], "fix_versions": ["2"]}
    rows = [
        dependency("a", version="1", vulns=[]),
        dependency("wheel", version="1", vulns=[advisory]),
        dependency("commit", version="1", vulns=[{**advisory, "fix_versions": []}]),
        dependency("archive", skip_reason="unknown"),
        dependency("folder", skip_reason="unknown"),
    ]
    output = json.dumps({"dependencies": rows})
    pins = ["a==1", "wheel==1", "archive==1", "commit==1", "folder==1", "newer==1"]
    settings = SecuritySettings(
        ignore=(IgnoredAdvisory(id="GHSA-x", reason="r"),),
        not_audited=(NotAudited(name="Newer", reason="r"),),
    )
    answers = [read_audit(output, "", pins, settings)]
    audit = conclude(locked_in(LOCK, "uv.lock", OWN), answers, settings)
    assert audit.vulnerable == (
        "commit 1: PYSEC-1 (CVE-1), no fixed version yet",
        "wheel 1: PYSEC-1 (CVE-1), fixed in 2",
    )
    assert audit.not_audited == (
        "a 2: pip-audit does not mention it (uv.lock)",
        "archive 1: unknown (uv.lock)",
        "commit 1: comes from git, and advisories name releases, not commits (uv.lock)",
    )
    assert audit.passed_over == (
        "dynamic: no version is known of it (source: local) (uv.lock)",
        "folder 1: built from a folder; unknown (uv.lock)",
        "newer 1: pip-audit does not mention it (uv.lock)",
    )
    assert (audit.total, audit.audited) == (8, 2)
    accepting = SecuritySettings(ignore=(IgnoredAdvisory(id="cve-1", reason="r"),))
    assert read_audit(output, "", pins, accepting).ignored == ("CVE-1",)


def test_one_distribution_in_several_files_counts_once() -> None:
    twice = [Locked("a", "1", "registry", file) for file in ("uv.lock", "x.py.lock")]
    output = json.dumps({"dependencies": [dependency("a", version="1", vulns=[])]})
    answer = read_audit(output, "", ["a==1"], SecuritySettings())
    audit = conclude(twice, [answer], SecuritySettings())
    assert (audit.total, audit.audited, audit.not_audited) == (1, 1, ())


def test_a_service_that_is_down_is_not_a_finding() -> None:
    with pytest.raises(AuditServiceError, match="the advisory service cannot be reached"):
        read_audit(None, "requests.exceptions.ConnectionError: x" * 20, [], SecuritySettings())
    with pytest.raises(CommandFailedError, match="pip-audit: failed without a report: no message"):
        read_audit("", "", [], SecuritySettings())
