"""What the workflows do in a large repository."""

from __future__ import annotations

import json
import re

import msgspec

from tests.support.workflow_files import load, steps
from tests.support.written_workflows import full
from tradai_tasks.affected.selection.presentation import as_outputs
from tradai_tasks.affected.selection.selection import Selection
from tradai_tasks.matrix import Task, build_matrix
from tradai_tasks.settings.workflows import WorkflowsSettings
from tradai_tasks.workflows.job_results import judge, parse_may_skip, parse_needs
from tradai_tasks.workflows.selection import workflows

_LONGEST = 128 * 1024  # bytes that Linux takes in one variable


def test_the_gate_reads_what_it_judges_at_a_thousand_packages_and_three_pythons() -> None:
    pythons = ("3.11", "3.12", "3.13")
    tasks = [
        Task(package=f"package-{n:04}", python=one, sessions=(f"test-{one}(package-{n:04})",))
        for n in range(1000)
        for one in pythons
    ]
    matrix = [job.as_json() for job in build_matrix(tasks, max_jobs=256)]
    assert len(json.dumps(matrix)) > _LONGEST
    text = workflows(full("platform"), WorkflowsSettings())[".github/workflows/ci.yml"]
    gate = load(text)["jobs"]["gate"]["steps"][-1]
    given = {"any": "true", "matrix": json.dumps(matrix)}

    def filled(match: re.Match[str]) -> str:
        path = match[1].split(".")
        return json.dumps("success" if path[-1] == "result" else given[path[-1]])

    needs = re.sub(r"\$\{\{ toJSON\((.*?)\) \}\}", filled, gate["env"]["NEEDS"])
    assert len(needs) < 2048
    rules = re.findall(r"--may-skip (\S+)", gate["run"])
    rows = judge(parse_needs(needs), parse_may_skip(rules))
    assert {result for _, result, _ in rows} == {"success"}


def test_each_job_that_fills_the_cache_has_a_key_of_its_own() -> None:
    seen: dict[str, str] = {}
    for kind in ("platform", "strategies"):
        for path, text in workflows(full(kind), WorkflowsSettings()).items():
            for name, step in steps(load(text)):
                given = step.get("with", {})
                if "cache-dependency-glob" not in given:
                    assert given.get("enable-cache") in {None, False}
                    continue
                suffix = given["cache-suffix"].replace("${{ github.job }}", name)
                of_kind = f"{kind} {suffix}"
                assert seen.setdefault(of_kind, path) == path, suffix
                has_matrix = "strategy" in load(text)["jobs"][name]
                assert ("matrix." in suffix) == has_matrix, (path, name)
    assert len(seen) > 10
    tasks = [
        Task(package=f"p{n}", python=one, sessions=("t",))
        for n in range(9)
        for one in ("3.11", "3.12")
    ]
    for most in (256, 4, 1):
        keys = [job.as_json()["cache"] for job in build_matrix(tasks, max_jobs=most)]
        assert len(set(keys)) == len(keys)
        assert all(re.fullmatch(r"[\w.-]+", key) for key in keys)  # a key has no comma


def test_documents_alone_start_no_contract_tests() -> None:
    text = workflows(full("platform"), WorkflowsSettings())[".github/workflows/ci.yml"]
    job = load(text)["jobs"]["contract"]
    assert job["needs"] == "changes"
    assert "needs.changes.outputs.only_docs != 'true'" in job["if"]
    bare = Selection(
        everything=(), packages=(), services=(), lambdas=(), strategies=(), stacks=(),
        docs=("docs/a.md",), sessions={}, changed=("docs/a.md",),
    )  # fmt: skip
    assert as_outputs(bare, [])["only_docs"] == "true"
    for changed in (("docs/a.md", "compose.yaml"), ()):
        other = msgspec.structs.replace(bare, changed=changed)
        assert as_outputs(other, [])["only_docs"] == "false"
    whole = msgspec.structs.replace(bare, everything=("no base",))
    assert as_outputs(whole, [])["only_docs"] == "false"
