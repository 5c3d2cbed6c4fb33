"""Every workflow file that the library can write, and every one in this repository."""

from __future__ import annotations

import json
import re
import tomllib

import pytest

from tests.support.real import REPOSITORY
from tests.support.workflow_files import jobs, load, steps, thin
from tests.support.written_workflows import ALL, HOMES, KINDS, every_file, full
from tradai_tasks.extras import carries_pins, declarations
from tradai_tasks.settings.workflows import WorkflowsSettings
from tradai_tasks.workflows.render import header_of
from tradai_tasks.workflows.selection import choose

HEADER = header_of()
# what takes the means of asking for an OIDC token out of every script's environment
SHELL = "env -u ACTIONS_ID_TOKEN_REQUEST_TOKEN -u ACTIONS_ID_TOKEN_REQUEST_URL "
SHELL += "bash -eo pipefail {0}"
_NEEDS_HISTORY = {
    "changes",
    "perf",
    "tag",
    "release",
    "images",
    "lambdas",
    "deploy",
    "docs-freshness",
}


def test_a_copy_of_an_example_installs_the_library() -> None:
    """Its jobs call nox, whose noxfile imports the library."""
    for home in HOMES[1:]:
        noxfile = (REPOSITORY / home / "noxfile.py").read_text(encoding="utf-8")
        file = REPOSITORY / home / "pyproject.toml"
        document = tomllib.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
        assert carries_pins(noxfile) or declarations(document), home


def test_an_engine_of_the_runner_is_not_replaced() -> None:
    script = (REPOSITORY / ".ci" / "run").read_text(encoding="utf-8")
    assert "command -v dockerd >/dev/null || missing+=(docker.io)" in script
    assert "--no-install-recommends" in script  # of docker-compose, which recommends Debian's


def test_every_home_has_workflows() -> None:
    for home in HOMES:
        assert list((REPOSITORY / home / ".github" / "workflows").glob("*.yml")), home


@every_file
def test_every_script_is_one_call_of_nox(text: str) -> None:
    document = load(text)
    scripts = [step for _, step in steps(document) if "run" in step]
    assert scripts or all("uses" in job for _, job in jobs(document))
    for step in scripts:
        assert thin(step), step
        assert "${{" not in step["run"], step
        # the shell of all scripts takes from them the means to say who the job is
        assert "shell" not in step or " -s publish -- " in step["run"], step


@pytest.mark.parametrize(
    "script",
    [
        "uv sync",
        "uv run nox -s lint && uv run nox -s test",
        "uv run nox -s lint | tee log",
        "uv run nox -s lint; true",
        "uv run nox -s lint || true",
        "uv run nox -s $SESSION",
        "uv run nox -s lint -- $(date)",
        "uv run nox -s lint -- `date`",
        "uv run nox -s lint -- $UNQUOTED",
        'uv run nox -s lint -- "$(date)"',
        "uv run nox -s test(${{ matrix.x }})",
        "uv run nox -s lint\nuv run nox -s test",
        "uv run nox -s lint > file",
        "jq . file",
        "uv run nox",
        "cd x && uv run nox -s lint",
        "FOO=1 uv run nox -s lint",
        "uv run python -m nox -s lint",
        "pip install nox",
        "nox -s lint",
        "uv run --no-sync nox -s lint",  # it would install what the session needs
        "uv run nox -R -s lint",
        "uvx --offline nox -R -s lint",
        "uv run --no-sync nox -R --install-only -s lint",
        "uv run nox -s release -- ../../evidence",
    ],
)
def test_what_is_not_thin(script: str) -> None:
    assert not thin({"run": script})


def test_a_session_is_named_once() -> None:
    assert thin({"run": "uv run nox", "env": {"NOXSESSION": "lint"}})
    assert not thin({"run": "uv run nox -s lint", "env": {"NOXSESSION": "test"}})
    assert thin({"run": 'uvx nox -s release -- "$TAG" --dry-run'})
    assert thin({"run": "uv run --locked nox --install-only -s images"})
    assert thin({"run": "uv run --no-sync nox -R -s release -- --evidence ../evidence"})
    assert thin({"run": "uv run --locked nox -s gate -- --may-skip test=changes.any:false"})


@every_file
def test_it_says_who_made_it(text: str) -> None:
    assert text.startswith(f"{HEADER}\nname: ")
    assert not re.search(r"[ \t]+$", text, re.MULTILINE)
    assert text.endswith("\n")
    assert not text.endswith("\n\n")
    assert "#%" not in text
    assert "@{" not in text


@every_file
def test_it_has_no_more_rights_than_it_needs(text: str) -> None:
    document = load(text)
    assert document["permissions"] == {}
    for name, job in jobs(document):
        assert isinstance(job["permissions"], dict), name
        assert job["permissions"].get("contents", "read") == "read", name
        signs_in = any("aws-region" in step.get("with", {}) for step in job.get("steps", ()))
        by_role = any("role-to-assume" in step.get("with", {}) for step in job.get("steps", ()))
        attests = any("attest" in step.get("uses", "") for step in job.get("steps", ()))
        if "steps" in job:
            says_who = any("shell" in step for step in job.get("steps", ()))
            assert ("id-token" in job["permissions"]) == (by_role or attests or says_who), name
            assert by_role or not signs_in or "id-token" not in job["permissions"], name


@every_file
def test_every_action_is_pinned_by_commit(text: str) -> None:
    document = load(text)
    used = [step["uses"] for _, step in steps(document) if "uses" in step]
    called = [job["uses"] for _, job in jobs(document) if "uses" in job]
    for action in used:
        assert re.fullmatch(r"[\w.-]+/[\w.-]+(?:/\w+)?@[0-9a-f]{40}", action), action
        assert re.search(rf"{action} # v\d+\.\d+\.\d+$", text, re.MULTILINE), action
    for workflow in called:
        assert re.fullmatch(r"\./\.github/workflows/_\w+\.yml", workflow), workflow


@every_file
def test_no_job_keeps_credentials_or_hangs(text: str) -> None:
    document = load(text)
    assert document["defaults"]["run"]["shell"] == SHELL
    for name, job in jobs(document):
        assert "uses" in job or 0 < job["timeout-minutes"] <= 360, name
        assert "name" in job, name
        assert job.get("secrets") != "inherit", name
    for name, step in steps(document):
        assert "name" in step, (name, step)
        if step.get("uses", "").startswith("actions/checkout@"):
            assert step["with"]["persist-credentials"] is False, name


@every_file
def test_only_runs_of_a_pull_request_are_ever_cancelled(text: str) -> None:
    document = load(text)
    if set(document["on"]) == {"workflow_call"}:
        assert "concurrency" not in document
        return
    cancels = document["concurrency"]["cancel-in-progress"]
    group = document["concurrency"]["group"]
    if "pull_request" in document["on"]:
        assert cancels == "${{ github.event_name == 'pull_request' }}"
        # a queued run in the same group would be cancelled by the next
        assert "github.run_id" in group
    else:
        assert cancels is False


@every_file
def test_history_is_there_where_it_is_read(text: str) -> None:
    for name, job in jobs(load(text)):
        scripts = " ".join(step.get("run", "") for step in job.get("steps", ()))
        called = set(re.findall(r" -s ([a-z-]+)", scripts))
        if not called & _NEEDS_HISTORY:
            continue
        depths = [
            step["with"].get("fetch-depth")
            for step in job["steps"]
            if step.get("uses", "").startswith("actions/checkout@")
        ]
        assert depths == [0], name


@every_file
def test_no_matrix_can_be_empty(text: str) -> None:
    for name, job in jobs(load(text)):
        matrix = job.get("strategy", {}).get("matrix")
        if "fromJson" in str(matrix):
            assert re.search(r"outputs\.\w+ (== 'true'|!= '\[\]')", job["if"]), name


@every_file
def test_the_gate_waits_for_every_job_of_its_workflow(text: str) -> None:
    document = load(text)
    named = dict(jobs(document))
    if "gate" not in named:
        return
    gate = named.pop("gate")
    after_the_gate = {name for name, job in named.items() if "gate" in job.get("needs", ())}
    assert set(gate["needs"]) == set(named) - after_the_gate
    assert gate["if"] == "always()"
    needs = gate["steps"][-1]["env"]["NEEDS"]
    judged = json.loads(re.sub(r"\$\{\{.*?\}\}", '"success"', needs))
    assert list(judged) == gate["needs"]
    assert all(one["result"] == "success" for one in judged.values())
    assert "matrix" not in needs  # it alone can be more than a variable holds


@every_file
def test_the_cache_is_keyed_by_lock_files_and_off_where_a_release_is_built(text: str) -> None:
    document = load(text)
    triggers = set(document["on"])
    for name, step in steps(document):
        if not step.get("uses", "").startswith("astral-sh/setup-uv@"):
            continue
        given = step["with"]
        if given["enable-cache"] is False:
            continue
        assert given["enable-cache"] == "${{ github.ref_type != 'tag' }}", name
        assert given["cache-dependency-glob"] in {"**/uv.lock", "**/pyproject.toml"}, name
        assert "workflow_run" not in triggers, name


def test_files_that_call_a_missing_session_are_not_written() -> None:
    for kind in KINDS:
        for workflow in choose(full(kind), WorkflowsSettings()):
            for session in workflow.sessions:
                less = full(kind, sessions=ALL - {session})
                assert workflow not in choose(less, WorkflowsSettings())


def test_a_file_that_is_not_wanted_is_not_written() -> None:
    settings = WorkflowsSettings(exclude=("ci.yml",))
    assert "ci.yml" not in {one.file for one in choose(full("platform"), settings)}
