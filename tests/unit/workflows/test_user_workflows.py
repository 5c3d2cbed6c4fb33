"""Workflows beside those of the user, and below the top of the repository."""

from __future__ import annotations

import re

import pytest

from tests.support.kinds import KINDS
from tests.support.workflow_files import load, steps
from tests.support.workflow_settings import KEPT, of, traits, with_settings
from tests.support.written_workflows import full
from tradai_tasks.settings.workflows import WorkflowsSettings
from tradai_tasks.workflows.drift import plan
from tradai_tasks.workflows.render import is_ours
from tradai_tasks.workflows.selection import workflows


def test_a_workspace_below_the_top_runs_in_its_folder() -> None:
    kind = KINDS["subfolder"]
    files = {**kind.files, "infra/Pulumi.dev.yaml": "", "mkdocs.yml": ""}
    texts = workflows(*traits(files, folder="py/"))
    for path, text in texts.items():
        assert path.startswith(".github/workflows/")
        assert is_ours(text, "py/")
        assert not is_ours(text)
        document = load(text)
        assert document["defaults"]["run"]["working-directory"] == "py"
        for _, step in steps(document):
            given = step.get("with", {})
            if "setup-uv" in step.get("uses", ""):
                assert given["working-directory"] == "py"
                assert given.get("cache-dependency-glob", "py/").startswith("py/")
            if "artifact" in step.get("uses", ""):
                assert given["path"].startswith(("py/", "${{ runner.temp }}/")), path
    infra = load(texts[".github/workflows/deploy-infra.yml"])
    assert infra["on"]["pull_request"]["paths"] == ["py/infra/**"]
    release = workflows(*traits(KINDS["strategies-bucket"].files, folder="a/b/"))[
        ".github/workflows/strategy-release.yml"
    ]
    assert "path: a/b/../../../evidence" in release  # beside the clone
    assert "--evidence ../../../evidence" in release


def test_the_default_branch_is_in_every_template() -> None:
    for kind in ("platform", "strategies"):
        for path, text in workflows(full(kind), WorkflowsSettings(branch="develop")).items():
            assert not re.search(r"\bmain\b", text), path


_OWN = "name: 'Tests and more' # mine\non: push\n"


@pytest.mark.parametrize(
    ("file", "text", "followed"),
    [
        ("ci.yml", _OWN, "Tests and more"),
        ("ci.yaml", _OWN, "Tests and more"),
        ("checks.yml", 'name: "CI"\non: push\n', "CI"),
        ("ci.yml", "on: push\n", ".github/workflows/ci.yml"),
    ],
)
def test_what_follows_ci_follows_that_of_the_user(file: str, text: str, followed: str) -> None:
    present = {f".github/workflows/{file}": text}
    first = workflows(*traits(KINDS["libraries"].files, present=present))
    (change,) = [one for one in plan(first, present) if one.path.endswith("/ci.yml")]
    assert change.state == "foreign"  # and not doubled
    assert (change.twin or change.path) == f".github/workflows/{file}"
    files = with_settings(KINDS["libraries"], KEPT)
    made = workflows(*traits(files, present=present))
    assert set(made) == {".github/workflows/publish-libs.yml"}  # _lint.yml would be an orphan
    publish = load(made[".github/workflows/publish-libs.yml"])
    assert publish["on"]["workflow_run"]["workflows"] == [followed]


def test_a_workflow_of_any_name_is_followed_where_the_settings_say_so() -> None:
    made = of("libraries", '[+workflows]\nci = "Build: all"\n')
    assert set(made) == {"publish-libs.yml"}
    assert made["publish-libs.yml"]["on"]["workflow_run"]["workflows"] == ["Build: all"]
