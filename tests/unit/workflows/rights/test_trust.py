"""What AWS and GitHub must be told, derived from the rendered workflows."""

from __future__ import annotations

import json

import pytest

from tests.unit.workflows.rights.test_rights import found
from tradai_tasks.errors import BadArgumentsError
from tradai_tasks.settings.workflows import RolesSettings, WorkflowsSettings
from tradai_tasks.workflows.rights.rights import EVENTS, Grant, Job, Role
from tradai_tasks.workflows.rights.trust import (
    Trust,
    branch_ruleset,
    repository_named,
    shown,
    subject_of,
    tag_ruleset,
    trust_of,
    trust_policy,
)

_SUB = "token.actions.githubusercontent.com:sub"


def trust(settings: WorkflowsSettings | None = None) -> Trust:
    return trust_of(
        found(settings or WorkflowsSettings()),
        repository="acme/platform",
        branch="main",
        tags=("v*",),
    )


def test_who_may_assume_each_role() -> None:
    roles = {one.source: one for one in trust().roles}
    subjects = {name: one.subjects for name, one in roles.items()}
    of = "repo:acme/platform:environment:"
    releases = (f"{of}dev", f"{of}prod", f"{of}staging")
    assert subjects == {
        "vars.AWS_READ_ROLE_ARN": (f"{of}read", f"{of}release"),
        "vars.AWS_PREVIEW_ROLE_ARN": (f"{of}preview",),
        "vars.AWS_PUBLISH_ROLE_ARN": (f"{of}dev", f"{of}prod", f"{of}release", f"{of}staging"),
        "vars.AWS_DEPLOY_ROLE_ARN": releases,
    }
    assert {name for name, one in roles.items() if one.is_open} == {
        "vars.AWS_READ_ROLE_ARN",
        "vars.AWS_PREVIEW_ROLE_ARN",
    }


def test_subjects_hold_ids_where_the_repository_is_newer() -> None:
    made = trust_of(
        found(WorkflowsSettings()),
        repository="acme/platform",
        branch="main",
        tags=("v*",),
        ids="123456/456789",
    )
    preview = next(one for one in made.roles if one.source == "vars.AWS_PREVIEW_ROLE_ARN")
    assert preview.subjects == ("repo:acme-123456/platform-456789:environment:preview",)
    for ids in ("12", "a/b", "1/2/3", "1/2\n", "/"):
        with pytest.raises(BadArgumentsError, match=r"gh api repos/acme/platform --jq"):
            subject_of("acme/platform", ids)


def test_a_role_of_one_environment_trusts_that_one_alone() -> None:
    settings = WorkflowsSettings(roles=RolesSettings(deploy={"prod": "vars.PROD"}))
    subjects = {one.source: one.subjects for one in trust(settings).roles}
    of = "repo:acme/platform:environment:"
    assert subjects["vars.PROD"] == (f"{of}prod",)
    assert subjects["vars.AWS_DEPLOY_ROLE_ARN"] == (f"{of}dev", f"{of}staging")


def test_what_a_role_needs_is_decided_by_what_acts_with_it() -> None:
    roles = {one.source: " ".join(one.permissions) for one in trust().roles}
    read = roles["vars.AWS_READ_ROLE_ARN"]
    assert "codeartifact:ReadFromRepository" in read
    assert "s3:GetObject" in read
    for writing in ("Put", "Update", "Publish", "Upload"):
        assert writing not in read
    assert "ecs:UpdateService" in roles["vars.AWS_DEPLOY_ROLE_ARN"]
    assert "ecr:PutImage" in roles["vars.AWS_PUBLISH_ROLE_ARN"]
    assert "ecs:" not in roles["vars.AWS_PUBLISH_ROLE_ARN"]


def test_policies_have_exact_subjects_and_one_audience() -> None:
    for role in trust().roles:
        policy = trust_policy(role, "123456789012")
        assert json.loads(json.dumps(policy)) == policy
        (statement,) = policy["Statement"]
        assert set(statement["Condition"]) == {"StringEquals"}
        equal = statement["Condition"]["StringEquals"]
        assert equal["token.actions.githubusercontent.com:aud"] == "sts.amazonaws.com"
        assert equal[_SUB] == list(role.subjects)
        assert not any(sign in subject for subject in equal[_SUB] for sign in "*?$")
        assert ":oidc-provider/token.actions" in statement["Principal"]["Federated"]
        assert "123456789012" in statement["Principal"]["Federated"]
    assert "ACCOUNT_ID" in str(trust_policy(trust().roles[0], None))
    assert "ACCOUNT_ID" in str(trust_policy(trust().roles[0], "12\n"))


def test_a_job_in_no_environment_is_named_by_its_event() -> None:
    by_trigger = {event.name: event for event in EVENTS}

    def subjects(name: str) -> tuple[str, ...]:
        grant = Grant(
            event=by_trigger[name],
            code=by_trigger[name].code,
            environments=(),
            secrets=("secrets.X",),
            roles={"": (Role(source="vars.R", sessions=("images",)),)},
            permissions={"id-token": "write"},
        )
        job = Job(workflow="x.yml", name="x", grants=(grant,))
        made = trust_of([job], repository="a/b", branch="trunk", tags=())
        assert made.secrets == ("secrets.X", "vars.R")
        return made.roles[0].subjects

    assert subjects("pull request") == ("repo:a/b:pull_request",)
    assert subjects("push to the default branch") == ("repo:a/b:ref:refs/heads/trunk",)
    assert subjects("schedule") == ("repo:a/b:ref:refs/heads/trunk",)


def test_rules_of_environments() -> None:
    rules = {one.name: one for one in trust().environments}
    assert set(rules) == {"dev", "staging", "prod", "docs", "preview", "read", "release"}
    assert {name for name, one in rules.items() if one.is_open} == {"preview", "read"}
    for name, one in rules.items():
        policy = one.document()["deployment_branch_policy"]
        assert (policy is None) == (name in {"preview", "read"})
    assert "secrets.PULUMI_CONFIG_PASSPHRASE" in rules["preview"].secrets
    assert "secrets.CLOUDFLARE_API_TOKEN" in rules["docs"].secrets
    assert "vars.AWS_PUBLISH_ROLE_ARN" not in rules["preview"].secrets
    named = {r.name: r for r in trust(WorkflowsSettings(branch_environments=("dev",))).environments}
    assert named["dev"].is_open
    assert not named["prod"].is_open


def test_rules_of_tags_and_branches() -> None:
    tags = tag_ruleset(["v*", "*-v*"])
    assert tags["conditions"]["ref_name"]["include"] == ["refs/tags/v*", "refs/tags/*-v*"]
    assert {rule["type"] for rule in tags["rules"]} == {"creation", "update", "deletion"}
    rules = {rule["type"]: rule for rule in branch_ruleset()["rules"]}
    checks = rules["required_status_checks"]["parameters"]["required_status_checks"]
    assert checks == [{"context": "gate"}]
    assert rules["pull_request"]["parameters"]["require_code_owner_review"] is True


def test_all_of_it_as_text_to_copy_from() -> None:
    text = shown(trust(), "123456789012")
    for passage in (
        "## vars.AWS_READ_ROLE_ARN: it must not be able to write",
        '"repo:acme/platform:environment:prod"',
        "gh api --method PUT repos/acme/platform/environments/prod --input - <<'JSON'",
        "gh secret set PULUMI_CONFIG_PASSPHRASE --repo acme/platform --env preview",
        "gh variable set AWS_READ_ROLE_ARN --repo acme/platform --env read",
        "gh api --method POST repos/acme/platform/rulesets --input - <<'JSON'",
        '"refs/tags/v*"',
    ):
        assert passage in text
    for body in text.split("<<'JSON'\n")[1:]:
        json.loads(body.partition("\nJSON")[0])
    none = trust_of([], repository="a/b", branch="main", tags=())
    assert "no job assumes one" in shown(none)


@pytest.mark.parametrize(
    ("given", "remote", "name"),
    [
        ("acme/platform", None, "acme/platform"),
        ("acme/plat.form", "https://github.example/x/y", "acme/plat.form"),
        (None, "https://github.example/acme/platform.git", "acme/platform"),
        (None, "git@github.example:acme/platform.git", "acme/platform"),
        (None, "ssh://git@github.example/acme/platform", "acme/platform"),
        (None, "https://github.example/acme/platform/", "acme/platform"),
    ],
)
def test_which_repository(given: str | None, remote: str | None, name: str) -> None:
    assert repository_named(given, remote) == name


@pytest.mark.parametrize(
    ("given", "remote"),
    [
        (None, None),
        (None, "/srv/bare"),
        ("acme", None),
        ("acme/a/b", None),
        ("acme/platform\n", None),
        ("*/platform", None),
        ('acme/pl"at', None),
    ],
)
def test_what_names_no_repository(given: str | None, remote: str | None) -> None:
    with pytest.raises(BadArgumentsError, match="give it as owner/name") as caught:
        repository_named(given, remote)
    assert "\n" not in str(caught.value)
