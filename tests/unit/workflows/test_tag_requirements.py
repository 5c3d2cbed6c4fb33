"""What the workflows say that a tag still needs before it can be released."""

from __future__ import annotations

from collections.abc import Mapping

from tests.support.kinds import KINDS
from tests.support.project import DictTree, found
from tests.support.workflow_settings import KEPT, traits, with_settings, written
from tradai_tasks.settings.load import load_settings
from tradai_tasks.workflows.selection import workflows
from tradai_tasks.workflows.tag_readiness import branch_fault, ci_faults, tag_faults, tag_notes


def told(files: Mapping[str, str]) -> tuple[list[str], list[str]]:
    tree = DictTree(dict(files))
    settings = load_settings(tree).settings
    return tag_faults(found(tree), settings), tag_notes(found(tree), settings)


def test_what_a_tag_misses_is_said_before_there_is_one() -> None:
    for name, kind in KINDS.items():
        faults, notes = told(kind.files)
        assert faults == [], name
        assert bool(notes) == (name == "images-ghcr"), name
    files = dict(KINDS["ecs"].files)
    files["pyproject.toml"] = files["pyproject.toml"].replace('"any"', '"prerelease"')
    (fault,) = told(files)[0]
    assert fault == (
        "deploy.tags: no rule takes a release such as v1.2.0; add one, such as "
        '{ kind = "release", environment = "prod" }'
    )
    files["pyproject.toml"] = KINDS["ecs"].files["pyproject.toml"].replace('cluster = "main"', "")
    (fault,) = told(files)[0]
    assert fault.startswith("deploy.environments: none has a cluster")
    assert "deploy" not in written(files)["docker-build.yml"]["jobs"]
    files = dict(KINDS["libraries"].files)
    files["pyproject.toml"] = files["pyproject.toml"].partition("index =")[0]
    (fault,) = told(files)[0]
    assert fault.startswith("publish: libraries are published, and no index is set")


def test_candles_that_hosted_runners_are_refused() -> None:
    strategies = KINDS["strategies-bucket"].files
    for settings, is_told in (
        ("", True),
        ("backtest = { source = 's3://acme-candles' }\n", False),
        ("backtest = { enabled = false }\n", False),
        ("workflows = { runner = 'frankfurt' }\n", False),
    ):
        table = f'kind = "strategies"\n{settings}'
        _, notes = told({**strategies, "tradai-tasks.toml": table})
        assert bool(notes) == is_told, settings
        assert not notes or "GitHub's runners stand in the United States" in notes[0]


def test_ci_of_the_user_must_run_for_tags() -> None:
    own = 'name: "Mine"\non:\n  push:\n    branches: [main]\n'
    present = {".github/workflows/ci.yml": own}
    one, settings = traits(with_settings(KINDS["libraries"], KEPT), present=present)
    files = {**workflows(one, settings), **present}
    (fault,) = ci_faults(files, "")
    assert fault.startswith(".github/workflows/ci.yml: releases follow it, and it runs for no tag")
    for good in (f"{own}    tags: ['v*']\n", 'name: "Mine"\non: push\n'):
        assert ci_faults({**files, ".github/workflows/ci.yml": good}, "") == []


def test_a_branch_that_is_not_the_default_one_is_reported() -> None:
    settings = load_settings(DictTree(dict(KINDS["develop"].files))).settings
    assert branch_fault("main", settings) == []
    assert branch_fault(None, settings) == []
    (fault,) = branch_fault("develop", settings)
    assert fault.endswith('set it to the default branch: branch = "develop"')
