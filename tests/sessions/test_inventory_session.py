"""`inventory`, and the sessions that fail where a file is seen by none."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.support.inprocess import InProcess, Ran
from tests.support.real import REPOSITORY, copy_example, git
from tests.support.trees import project

FILES = {
    "pyproject.toml": "[tool.uv.workspace]\nmembers = ['libs/*']\n",
    "uv.lock": "version = 1\n",
    "libs/a/pyproject.toml": project("a", "[tool.tradai-tasks]\ntest = false\n"),
    "libs/a/src/a/__init__.py": "",
}
TEST = {"libs/a/tests/test_a.py": "", "scripts/load.py": ""}
UNCHECKED = """
[[tool.tradai-tasks.unchecked]]
paths = ["libs/*/tests/**", "old/**"]
reason = "written for the previous interface"
"""


def repository(home: Path) -> None:
    git(home, "init", "-qb", "main")
    git(home, "add", "-A")
    git(home, "commit", "-qm", "all")


def bare(ran: Ran) -> str:
    """What was said, without the breaks and lines of tables."""
    return re.sub(r"[\s│]", "", ran.out + ran.log)


def test_the_table_counts_files_by_kind_and_session(run: InProcess) -> None:
    ran = run.files({**FILES, "scripts/load.py": ""})("-s", "inventory")
    assert ran.status == 0, ran.log
    row = next(line for line in ran.out.splitlines() if "source" in line)
    assert row.replace("│", "").split() == ["source", "1", "1", "1", "1", "-", "-", "-"]
    assert "scripts/load.py" not in ran.out
    assert "scripts/load.py" in run("-s", "inventory", "--", "--all").out


@pytest.mark.parametrize("session", ["inventory", "check", "affected", "gate", "doctor"])
def test_a_test_that_no_session_collects_fails(
    run: InProcess, session: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NEEDS", json.dumps({"lint": {"result": "success", "outputs": {}}}))
    run.files({**FILES, **TEST})
    repository(run.home)
    only = ["--", "--only", "inventory"] if session == "doctor" else []
    ran = run("-s", session, *only)
    assert ran.status != 0
    assert "libs/a/tests/test_a.py(thesettingssay`test=false`fora)" in bare(ran)
    run.files({"pyproject.toml": FILES["pyproject.toml"] + UNCHECKED})
    ran = run("-s", session, *only)
    assert ran.status == 0, ran.log
    assert "unchecked(writtenforthepreviousinterface):libs/a/tests/test_a.py" in bare(ran)
    assert "'old/**'matchesnoPythonfile" in bare(ran)


def test_source_of_a_project_that_no_session_knows_fails(run: InProcess) -> None:
    run.files({**FILES, "gen/pyproject.toml": project("gen"), "gen/src/gen/__init__.py": ""})
    ran = run("-s", "inventory")
    assert ran.status != 0
    assert "not type-checked or scanned by any session: gen/src/gen/__init__.py" in ran.log
    assert "or to the setting `members`" in ran.log


def test_a_session_that_the_noxfile_leaves_out_sees_nothing(run: InProcess) -> None:
    noxfile = "import tradai_tasks\ntradai_tasks.register(exclude=['typecheck', 'security'])\n"
    run.files({**FILES, "noxfile.py": noxfile})
    ran = run("-s", "inventory")
    assert ran.status != 0
    assert "libs/a/src/a/__init__.py (its sessions are left out)" in ran.log
    own = "import nox\n@nox.session\ndef typecheck(session): pass\n"
    run.files({"noxfile.py": noxfile + own})
    assert run("-s", "inventory").status == 0


@pytest.mark.parametrize("name", ["tradai-uv", "tradai-strategies"])
def test_every_file_of_the_examples_is_accounted_for(run: InProcess, name: str) -> None:
    run.home = copy_example(name, run.home / name)
    ran = run("-s", "inventory", "--", "--json")
    assert ran.status == 0, ran.log
    files = {file["file"]: file for file in json.loads(ran.out)}
    on_disk = {path.relative_to(run.home).as_posix() for path in run.home.rglob("*.py")}
    assert set(files) == on_disk
    unseen = [path for path, file in files.items() if not file["sessions"]]
    assert unseen == (["noxfile.py"] if name == "tradai-strategies" else [])
    if name == "tradai-uv":
        assert files["lambdas/heartbeat/handler.py"]["kind"] == "source"
        assert files["lambdas/heartbeat/handler.py"]["sessions"] == [
            "lint",
            "security",
            "typecheck",
        ]


def test_every_file_of_this_repository_is_accounted_for(run: InProcess) -> None:
    run.home = REPOSITORY
    ran = run("-s", "inventory", "--", "--json")
    assert ran.status == 0, ran.log
    files = {file["file"]: file["kind"] for file in json.loads(ran.out)}
    assert files["tradai_tasks/workspace/inventory.py"] == "source"
    assert files["tests/sessions/test_inventory_session.py"] == "test"
    assert files["tools/generate.py"] == "script"
