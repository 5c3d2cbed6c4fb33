"""Who can cause which job, whose code runs in it, and what it holds: from the rendered files."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import pytest
import yaml

from tests.support.workflow_files import load
from tests.support.written_workflows import SETTINGS, full
from tradai_tasks.settings.table import RepositoryKind
from tradai_tasks.settings.workflows import RolesSettings, WorkflowsSettings
from tradai_tasks.workflows.expressions import UNKNOWN, may_hold, value_of
from tradai_tasks.workflows.rendered import Block, jobs_of, read
from tradai_tasks.workflows.rights.rights import Grant, Job, jobs
from tradai_tasks.workflows.rights.sign_in import keys_warning, role_faults
from tradai_tasks.workflows.selection import workflows

ROOT = Path(__file__).resolve().parents[4]
ENVIRONMENTS = ("dev", "staging", "prod")
_KINDS: tuple[RepositoryKind, ...] = ("platform", "strategies")
_WRITING = {"vars.AWS_PUBLISH_ROLE_ARN", "vars.AWS_DEPLOY_ROLE_ARN", "secrets.PROD"}
_OF_DEPLOYMENTS = {
    "secrets.ECR_REGISTRY",
    "secrets.MLFLOW_TRACKING_URI",
    "secrets.CLOUDFLARE_API_TOKEN",
    "secrets.CLOUDFLARE_ACCOUNT_ID",
}


def rendered(settings: WorkflowsSettings, **given: Any) -> dict[str, str]:
    given = {"candles_in_aws": True, "private_index": True, **given}
    return {
        path: text
        for kind in _KINDS
        for path, text in workflows(full(kind, **given), settings).items()
    }


def found(settings: WorkflowsSettings, **given: Any) -> tuple[Job, ...]:
    return jobs(
        rendered(settings, **given),
        branch=settings.branch,
        environments=ENVIRONMENTS,
        branch_environments=settings.branch_environments,
    )


def grants(of: tuple[Job, ...]) -> Iterator[tuple[str, Grant]]:
    for job in of:
        for grant in job.grants:
            yield f"{job.workflow}, {job.name}, {grant.event.name}", grant


def roles_of(grant: Grant) -> set[str]:
    return {role.source for assumed in grant.roles.values() for role in assumed}


@pytest.mark.parametrize("name", SETTINGS)
def test_files_are_read_as_yaml_reads_them(name: str) -> None:
    for path, text in rendered(SETTINGS[name]).items():
        document = load(text)
        assert document["jobs"].keys() == jobs_of(text).keys()
        for key, value in document["jobs"].items():
            assert as_yaml(jobs_of(text)[key]) == value, (path, key)
        assert list(read(text)["on"].entries()) == list(document["on"]), path


def as_yaml(entries: Any) -> Any:
    """The values that the blocks of a mapping have, by YAML itself."""
    return {key: yaml.safe_load(value_text(block)) for key, block in entries.items()}


def value_text(block: Block) -> str:
    return "\n".join([block.value, *block.lines]) if block.lines else block.value


@pytest.mark.parametrize(
    ("condition", "holds"),
    [
        ("github.event_name == 'push'", True),
        ("github.event_name == 'PUSH'", True),
        ("github.event_name != 'push'", False),
        ("${{ github.event_name == 'schedule' }}", False),
        ("github.event_name == 'schedule' || github.ref == 'refs/heads/main'", True),
        ("github.event_name == 'push' && github.ref != 'refs/heads/main'", False),
        ("!(github.event_name == 'push')", False),
        ("!cancelled() && github.event_name == 'push'", True),
        ("always()", True),
        ("needs.x.outputs.any == 'true'", True),  # nobody knows
        ("needs.x.outputs.any == 'true' && github.event_name == 'schedule'", False),
        ("needs.x.outputs.any == 'true' || github.event_name == 'schedule'", True),
        ("""contains(fromJson('["push", "schedule"]'), github.event_name)""", True),
        ("""contains(fromJson('["schedule"]'), github.event_name)""", False),
        ("startsWith(github.ref, 'refs/tags/')", False),
        ("github.ref == format('refs/heads/{0}', 'main')", True),
        ("github.event.x.y == github.event_name", True),
        ("a ~ b", True),  # not understood: may hold
        ("hashFiles('x') == ''", True),
        ("false", False),
        ("null", False),
    ],
)
def test_a_condition_holds_unless_the_facts_say_no(condition: str, holds: bool) -> None:
    facts = {"github.event_name": "push", "github.ref": "refs/heads/main"}
    assert may_hold(condition, facts) is holds


def test_values_of_expressions() -> None:
    facts = {"e": "prod", "vars.P": "vars.P", "vars.D": "vars.D"}
    chain = "(e == 'prod' && vars.P) || (e != 'prod' && vars.D)"
    assert value_of(chain, facts) == "vars.P"
    assert value_of(chain, {**facts, "e": "dev"}) == "vars.D"
    assert value_of(chain, {"vars.P": "vars.P"}) is UNKNOWN
    assert value_of("'it''s'", {}) == "it's"
    assert repr(UNKNOWN) == "UNKNOWN"


@pytest.mark.parametrize("name", SETTINGS)
def test_a_job_with_unreviewed_code_never_holds_what_can_write(name: str) -> None:
    settings = SETTINGS[name]
    seen = set()
    for where, grant in grants(found(settings)):
        if not grant.is_unreviewed:
            continue
        seen.add(grant.event.name)
        assert not roles_of(grant) & _WRITING, where
        assert not set(grant.secrets) & _OF_DEPLOYMENTS, where
        rights = dict(grant.permissions)
        rights.pop("id-token", None)
        assert rights in ({}, {"pull-requests": "write"}), where
        if "secrets.PULUMI_CONFIG_PASSPHRASE" in grant.secrets:
            assert grant.environments == (settings.preview_environment,), where
    assert seen >= {"pull request", "merge queue", "push of a tag", "dispatch on another branch"}


@pytest.mark.parametrize("name", SETTINGS)
def test_a_job_of_ci_never_holds_what_can_write_whatever_starts_it(name: str) -> None:
    files = {"ci.yml", "_lint.yml", "strategy-ci.yml", "docs-freshness.yml", "devcontainer-ci.yml"}
    seen = set()
    for job in found(SETTINGS[name]):
        if job.workflow in files:
            seen.add(job.workflow)
            for grant in job.grants:
                assert not roles_of(grant) & _WRITING, (job, grant.event.name)
                assert not set(grant.secrets) & _OF_DEPLOYMENTS, (job, grant.event.name)
                assert set(grant.permissions) <= {"id-token"}, (job, grant.event.name)
    assert seen == files


@pytest.mark.parametrize("name", SETTINGS)
def test_whoever_holds_a_key_stands_in_an_environment(name: str) -> None:
    for where, grant in grants(found(SETTINGS[name])):
        held = {*roles_of(grant), *grant.secrets}
        if grant.event.is_fork:
            assert not held, where
            assert not grant.permissions, where
        if held:
            assert grant.environments, where


def test_which_code_runs_with_which_keys() -> None:
    by_name = dict(grants(found(WorkflowsSettings(roles=RolesSettings(deploy={"prod": "vars.P"})))))
    deploy = by_name["docker-build.yml, deploy, after CI of a pushed tag"]
    assert deploy.code == "the proven commit's"
    assert {name: [r.source for r in found] for name, found in deploy.roles.items()} == {
        "dev": ["vars.AWS_DEPLOY_ROLE_ARN"],
        "staging": ["vars.AWS_DEPLOY_ROLE_ARN"],
        "prod": ["vars.P"],
    }
    assert deploy.roles["prod"][0].sessions == ("deploy",)
    version = by_name["docker-build.yml, version, after CI of a pushed tag"]
    assert (version.code, version.secrets, version.roles) == ("the default branch's", (), {})
    gates = by_name["strategy-release.yml, gates, after CI of a pushed tag"]
    assert roles_of(gates) == {"vars.AWS_READ_ROLE_ARN"}
    assert gates.secrets == ("secrets.AWS_REGION",)
    up = by_name["deploy-infra.yml, up, dispatch on the default branch"]
    assert up.environments == ("dev", "prod")
    assert [role.source for role in up.roles["prod"]] == ["vars.P"]
    assert "deploy-infra.yml, up, dispatch on another branch" not in by_name
    assert "docs.yml, deploy, pull request" not in by_name
    assert "docs.yml, deploy, push to the default branch" in by_name


def test_a_branch_deploys_only_to_an_environment_that_is_named_for_it() -> None:
    by_name = dict(grants(found(WorkflowsSettings(branch_environments=("dev",)))))
    where = "deploy-lambdas.yml, functions, dispatch on another branch"
    assert by_name[where].environments == ("dev",)
    assert by_name[where].is_unreviewed
    assert where not in dict(grants(found(WorkflowsSettings())))


def test_a_role_that_writes_is_refused_to_those_who_read() -> None:
    shared = RolesSettings(
        read="vars.ONE", publish="vars.ONE", preview="vars.TWO", deploy="vars.TWO"
    )
    assert role_faults(WorkflowsSettings(roles=shared), ENVIRONMENTS) == [
        f"workflows.roles.{reader}: vars.{name} is also the role to {writer}, and jobs of pull "
        f"requests would assume it; give them a role that can only read"
        for reader, name, writer in (("read", "ONE", "publish"), ("preview", "TWO", "deploy"))
    ]
    table = RolesSettings(deploy={"prd": "vars.AWS_READ_ROLE_ARN"})
    shared_one, unknown = role_faults(WorkflowsSettings(roles=table), ENVIRONMENTS)
    assert shared_one.startswith("workflows.roles.read: vars.AWS_READ_ROLE_ARN is also the role to")
    assert unknown == (
        "workflows.roles.deploy.prd: there is no such environment; known are dev, prod, staging"
    )
    assert role_faults(WorkflowsSettings(), ENVIRONMENTS) == []
    assert role_faults(WorkflowsSettings(aws="keys", roles=shared), ENVIRONMENTS) == []


def test_a_role_is_the_same_however_its_name_is_written() -> None:
    shared = RolesSettings(read="vars.One", publish="vars.ONE")
    (fault,) = role_faults(WorkflowsSettings(roles=shared), ENVIRONMENTS)
    assert fault.startswith("workflows.roles.read: vars.One is also the role to")


@pytest.mark.parametrize("aws", ["oidc", "keys"])
@pytest.mark.parametrize("name", ["prod", "Prod", "stack", "release", "docs"])
def test_no_job_of_a_pull_request_stands_where_something_is_deployed(
    aws: Literal["oidc", "keys"], name: str
) -> None:
    known = {*ENVIRONMENTS, "stack"}
    for key, settings in (
        ("read", WorkflowsSettings(aws=aws, read_environment=name)),
        ("preview", WorkflowsSettings(aws=aws, preview_environment=name)),
    ):
        (fault,) = role_faults(settings, known)
        assert fault.startswith(f"workflows.{key}-environment: {name} is also an environment that")
    assert role_faults(WorkflowsSettings(aws=aws), known) == []


def test_static_keys_are_warned_of_with_who_gets_them() -> None:
    keys = WorkflowsSettings(aws="keys")
    warning = keys_warning(found(keys), keys)
    assert warning is not None
    unreviewed, _, others = warning.partition("get the same keys as those")
    for job in (
        "strategy-ci.yml: check",
        "strategy-ci.yml: smoke",
        "deploy-infra.yml: preview-all",
    ):
        assert job in unreviewed
    for job in ("docker-build.yml: deploy", "strategy-release.yml: release"):
        assert job in others
    assert "strategy-release.yml: release" not in unreviewed
    assert keys_warning(found(WorkflowsSettings()), WorkflowsSettings()) is None
    assert keys_warning((), keys) is None
    # nobody reads packages or candles from AWS, and no stack is previewed
    bare = found(keys, candles_in_aws=False, private_index=False, stacks=())
    assert "which do not expire" in (keys_warning(bare, keys) or "")


@pytest.mark.parametrize("name", SETTINGS)
def test_credentials_are_in_the_environment_of_the_step_that_acts_alone(name: str) -> None:
    for path, text in rendered(SETTINGS[name]).items():
        document = load(text)
        assert "secrets." not in str(document.get("env", {})), path
        for job_name, job in document["jobs"].items():
            where = f"{path}, {job_name}"
            shared = str(job.get("env", {}))
            assert "secrets." not in shared, where
            assert "steps." not in shared, where
            for step in job.get("steps", ()):
                text_of_env = str(step.get("env", {}))
                if "aws-actions/" in step.get("uses", ""):
                    assert step["with"]["output-env-credentials"] is False, where
                    assert step["with"]["output-credentials"] is True, where
                holds = "AWS_SECRET" in text_of_env or "TOKEN" in text_of_env
                holds |= "PASSPHRASE" in text_of_env
                if holds:
                    # what acts does not install
                    assert step["run"].startswith(("uv run --no-sync nox -R", "uvx --offline nox "))


@pytest.mark.parametrize("name", SETTINGS)
def test_all_is_installed_before_there_are_credentials(name: str) -> None:
    """The one thing that may follow a sign-in and install is what the index's token is for."""
    checked = 0
    for path, text in rendered(SETTINGS[name]).items():
        for job_name, job in load(text)["jobs"].items():
            steps = job.get("steps", [])
            holding = [n for n, step in enumerate(steps) if "AWS_SECRET" in str(step.get("env"))]
            if not holding:
                continue
            checked += 1
            first = holding[0]
            before = [step.get("run", "") for step in steps[:first]]
            assert any("--install-only" in run for run in before), (path, job_name)
            signing = [n for n, step in enumerate(steps) if "aws-actions/" in step.get("uses", "")]
            assert all("uses" in step or "run" in step for step in steps[: (signing or holding)[0]])
    assert checked > 5


def test_the_table_of_the_documentation_is_that_of_the_rendered_workflows() -> None:
    from rights_table import rights_table

    page = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
    table = rights_table()
    assert table in page
    assert len(table.splitlines()) > 20
