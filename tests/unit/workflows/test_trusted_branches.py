"""Which jobs of a written workflow reach secrets, and for which branch and tag."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from tests.support.workflow_files import jobs, load, steps
from tests.support.written_workflows import KINDS, SETTINGS, every_file, full
from tradai_tasks.settings.table import RepositoryKind
from tradai_tasks.settings.workflows import WorkflowsSettings
from tradai_tasks.workflows.repository_traits import CI_FILES
from tradai_tasks.workflows.selection import workflows

_DEFAULT_BRANCH = "github.ref == format('refs/heads/{0}', github.event.repository.default_branch)"


def checked_out(job: dict[str, Any]) -> list[str | None]:
    return [
        step["with"].get("ref")
        for step in job.get("steps", ())
        if step.get("uses", "").startswith("actions/checkout@")
    ]


def needs(job: dict[str, Any]) -> set[str]:
    needed = job.get("needs", [])
    return {needed} if isinstance(needed, str) else set(needed)


def reaches_secrets(job: dict[str, Any]) -> bool:
    """Tell whether a job can change something outside; reading private packages does not."""
    rights = {key for key, value in job["permissions"].items() if value == "write"}
    steps = [step for step in job.get("steps", ()) if "secrets." in str(step.get("env", ""))]
    reads = job.get("environment") in {None, "read"}
    keys = [key for step in steps for key in step["env"] if not key.startswith("AWS_")]
    return not reads or bool(keys) or "packages" in rights


@every_file
def test_what_follows_ci_is_decided_by_the_default_branch(text: str) -> None:
    document = load(text)
    if "workflow_run" not in document["on"]:
        assert "workflow_run" not in text.replace("# zizmor", "")
        return
    named = dict(jobs(document))
    guard = named.pop("version")
    (ref,) = checked_out(guard)
    assert str(ref).removesuffix(" }}").endswith("github.sha")
    assert not reaches_secrets(guard)
    assert guard["permissions"] == {"contents": "read"}
    for condition in ("conclusion == 'success'", "event == 'push'", "full_name == github.repo"):
        assert f"github.event.workflow_run.{condition}" in guard["if"].replace(
            "head_repository.", ""
        )
    assert guard["outputs"]["commit"] == "${{ steps.tag.outputs.commit }}"
    for name, job in named.items():
        assert checked_out(job) == ["${{ needs.version.outputs.commit }}"], name
        assert "version" in needs(job), name
    # what anybody may choose is looked at in the guard's condition, and handed to nothing
    for part in ("head_branch", "head_sha"):
        assert part not in str(named), part
        assert part not in str(guard["steps"]), part


@every_file
def test_a_dispatch_reaches_secrets_on_the_default_branch_alone(text: str) -> None:
    document = load(text)
    if "workflow_dispatch" not in document["on"]:
        return
    named = dict(jobs(document))
    for name, job in named.items():
        if not reaches_secrets(job) or "github.event_name == 'pull_request'" in job.get("if", ""):
            continue
        assert _DEFAULT_BRANCH in job["if"], name
        (guard,) = {"dispatch", "version"} & needs(job)
        (ref,) = checked_out(named[guard])
        assert "github.event.repository.default_branch" in str(ref)
        assert not reaches_secrets(named[guard])
        assert re.search(r" -s tag -- --(dispatch|environment) ", named[guard]["steps"][-1]["run"])


def test_a_branch_deploys_where_a_setting_says_so() -> None:
    settings = WorkflowsSettings(branch_environments=("dev", "docs"))
    files = workflows(full("platform"), settings)

    def condition(file: str, job: str) -> str:
        return str(load(files[f".github/workflows/{file}"])["jobs"][job]["if"])

    named = 'contains(fromJson(\'["dev", "docs"]\'), '
    assert f"|| {named}needs.version.outputs.environment)" in condition(
        "deploy-lambdas.yml", "functions"
    )
    for job in ("up", "preview"):
        assert f"|| {named}inputs.stack))" in condition("deploy-infra.yml", job)
    assert _DEFAULT_BRANCH not in condition("docs.yml", "deploy")
    assert _DEFAULT_BRANCH in condition("devcontainer-prebuild.yml", "push")


def test_ci_starts_for_tags_of_releases_alone() -> None:
    for kind, file, tags in (
        ("platform", "ci.yml", ["v[0-9]+.[0-9]+.[0-9]+*"]),
        ("strategies", "strategy-ci.yml", ["*-v[0-9]+.[0-9]+.[0-9]+*"]),
    ):
        text = workflows(full(kind), WorkflowsSettings())[f".github/workflows/{file}"]  # type: ignore[arg-type]  # of the table
        assert load(text)["on"]["push"]["tags"] == tags
        followed = {
            one["on"]["workflow_run"]["workflows"][0]
            for one in map(load, workflows(full(kind), WorkflowsSettings()).values())  # type: ignore[arg-type]  # as above
            if "workflow_run" in one["on"]
        }
        assert followed == {load(text)["name"]}


@pytest.mark.parametrize("kind", KINDS)
def test_only_pushes_to_the_default_branch_save_results_and_no_release_restores_any(
    kind: RepositoryKind,
) -> None:
    files = workflows(full(kind), SETTINGS["plain"])
    caching = {path: text for path, text in files.items() if "actions/cache" in text}
    assert [Path(path).name for path in caching] == [CI_FILES[kind]]
    document = load(*caching.values())
    cached = [one for one in steps(document) if "actions/cache/" in one[1].get("uses", "")]
    saving = [name for name, step in cached if "/save@" in step["uses"]]
    assert saving == ["results"]
    default = "github.ref == format('refs/heads/{0}', github.event.repository.default_branch)"
    assert (
        document["jobs"]["results"]["if"] == f"always() && github.event_name == 'push' && {default}"
    )
    restoring = [step["if"] for _, step in cached if "/restore@" in step["uses"]]
    assert len(restoring) > len(saving)
    assert set(restoring) == {"github.ref_type != 'tag'"}
    none = workflows(full(kind, cached_results=False), SETTINGS["plain"])
    assert not any("results" in text for text in none.values())
