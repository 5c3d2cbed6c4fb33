"""Workflows do what the settings say: registries, secrets, environments, branches, folders."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.kinds import KINDS
from tests.support.workflow_files import jobs, load, steps
from tests.support.workflow_settings import of, traits, with_settings, written
from tests.support.written_workflows import full
from tradai_tasks.settings.workflows import WorkflowsSettings
from tradai_tasks.workflows.rights.required_secrets import needed
from tradai_tasks.workflows.selection import workflows


def env_of(job: dict[str, Any]) -> dict[str, str]:
    """What the step that acts, a job's last one with an environment, is given."""
    return dict([step["env"] for step in job["steps"] if "env" in step][-1])


def test_images_go_to_ghcr_by_the_token_of_the_job() -> None:
    document = of("images-ghcr")["docker-build.yml"]
    assert list(document["jobs"]) == ["version", "discover", "images"]  # nothing is deployed
    job = document["jobs"]["images"]
    assert job["permissions"] == {"contents": "read", "packages": "write"}
    assert env_of(job) == {
        "REGISTRY_USERNAME": "${{ github.actor }}",
        "REGISTRY_PASSWORD": "${{ github.token }}",
        "TAG": "${{ needs.version.outputs.tag }}",
        "IMAGE": "${{ matrix.name }}",
    }
    assert "aws-actions" not in str(document)


@pytest.mark.parametrize(
    ("table", "variables"),
    [
        ('registry = "registry.example/acme"\n', {"REGISTRY_USERNAME", "REGISTRY_PASSWORD"}),
        ('login = "environment"\n', {"ECR_REGISTRY", "REGISTRY_USERNAME", "REGISTRY_PASSWORD"}),
        (
            'registry = "registry.example"\nusername-env = "WHO"\npassword-env = "HOW"\n',
            {"WHO", "HOW"},
        ),
        ('registry = "registry.example"\nlogin = "none"\n', set()),
        (
            'registry = "registry.example"\nsecrets = [{ id = "pip", env = "PIP_PASSWORD" }]\n',
            {"REGISTRY_USERNAME", "REGISTRY_PASSWORD", "PIP_PASSWORD"},
        ),
    ],
)
def test_images_go_to_any_registry_without_aws(table: str, variables: set[str]) -> None:
    files = with_settings(KINDS["images-ghcr"], "")
    settings = files["pyproject.toml"].replace('registry = "ghcr.io/acme"\n', table)
    job = written({**files, "pyproject.toml": settings})["docker-build.yml"]["jobs"]["images"]
    assert job["permissions"] == {"contents": "read"}
    given = env_of(job)
    assert set(given) - {"TAG", "IMAGE"} == variables
    for name in variables:
        assert given[name] == f"${{{{ secrets.{name} }}}}"


def test_a_registry_of_ecr_by_name_signs_in_and_needs_no_variable_of_its_address() -> None:
    host = "123456789012.dkr.ecr.eu-central-1.amazonaws.com"
    files = with_settings(KINDS["images-ghcr"], "")
    settings = files["pyproject.toml"].replace("ghcr.io/acme", host)
    job = written({**files, "pyproject.toml": settings})["docker-build.yml"]["jobs"]["images"]
    assert job["permissions"] == {"contents": "read", "id-token": "write"}
    given = env_of(job)
    assert "ECR_REGISTRY" not in given
    assert "REGISTRY_PASSWORD" not in given


def test_functions_are_given_the_registry_but_not_of_secrets_of_builds() -> None:
    secrets = '[+images]\nsecrets = [{ id = "pip", env = "PIP_PASSWORD" }]\n'
    jobs_of = of("lambdas", secrets)["deploy-lambdas.yml"]["jobs"]
    for name in ("base", "images"):
        assert env_of(jobs_of[name])["PIP_PASSWORD"] == "${{ secrets.PIP_PASSWORD }}"
    assert "PIP_PASSWORD" not in env_of(jobs_of["functions"])
    assert "PIP_PASSWORD" not in str(jobs_of["version"]) + str(jobs_of["discover"])


def test_an_index_that_trusts_the_workflow_needs_no_stored_token() -> None:
    files = dict(KINDS["libraries"].files)
    root = files["pyproject.toml"]
    for more, secrets in (
        (", trusted-publishing = true }", set()),
        (", trusted-publishing = true, attestations = true }", set()),
        (", attestations = true }", {"TWINE_USERNAME", "TWINE_PASSWORD"}),
    ):
        files["pyproject.toml"] = root.replace('/simple" }', f'/simple"{more}')
        document = written(files)["publish-libs.yml"]
        publish, build = document["jobs"]["publish"], document["jobs"]["build"]
        assert publish["permissions"] == {"contents": "read", "id-token": "write"}
        assert build["permissions"] == {"contents": "read"}
        assert set(env_of(publish)) - {"TAG"} == secrets
        asking = [step["name"] for _, step in steps(document) if "shell" in step]
        assert asking == ["Publish what is missing from the index"]
        assert "ID_TOKEN" not in publish["steps"][-1]["shell"]
        assert "ID_TOKEN" in document["defaults"]["run"]["shell"]  # of all others
    files["pyproject.toml"] = root
    plain = written(files)["publish-libs.yml"]["jobs"]["publish"]
    assert plain["permissions"] == {"contents": "read"}
    assert "shell" not in plain["steps"][-1]


def test_mlflow_gets_its_login_which_may_be_missing() -> None:
    texts = workflows(*traits(KINDS["strategies-bucket"].files))
    job = load(texts[".github/workflows/strategy-release.yml"])["jobs"]["release"]
    given = env_of(job)
    for what in ("USERNAME", "PASSWORD", "TOKEN"):
        name = f"MLFLOW_TRACKING_{what}"
        assert given[name] == f"${{{{ secrets.{name} || '' }}}}"
    known = {one.name: one.is_optional for one in needed(texts)}
    assert known["MLFLOW_TRACKING_PASSWORD"]
    assert not known["MLFLOW_TRACKING_URI"]
    gates = load(texts[".github/workflows/strategy-release.yml"])["jobs"]["gates"]
    assert "MLFLOW" not in str(gates)


def test_an_address_of_mlflow_in_the_settings_is_no_secret() -> None:
    table = '[mlflow]\ntracking-uri = "https://mlflow.example"\n'
    job = of("strategies-bucket", table)["strategy-release.yml"]["jobs"]["release"]
    assert "MLFLOW_TRACKING_URI" not in env_of(job)


def test_checks_get_the_secrets_that_the_settings_name() -> None:
    more = '[+workflows]\nsecrets = ["NPM_TOKEN"]\n'
    more += 'env = ["URL=https://${{ vars.HOST }}/${{secrets.PATH_KEY}}", "PLAIN=$HOME"]\n'
    made = of("libraries", more)
    wanted = {
        "URL": "https://${{ vars.HOST }}/${{secrets.PATH_KEY}}",
        "PLAIN": "$HOME",
        "NPM_TOKEN": "${{ secrets.NPM_TOKEN }}",
    }
    for job in ("typecheck", "test", "security"):
        assert made["ci.yml"]["jobs"][job]["env"] == wanted
    assert made["_lint.yml"]["jobs"]["lint"]["env"] == wanted
    names = {"PATH_KEY", "NPM_TOKEN"}  # variables are there for called workflows, too
    assert set(made["ci.yml"]["jobs"]["lint"]["secrets"]) == names
    declared = made["_lint.yml"]["on"]["workflow_call"]["secrets"]
    assert declared == {name: {"required": False} for name in names}
    for job in ("changes", "gate"):
        assert "env" not in made["ci.yml"]["jobs"][job]
    assert "NPM_TOKEN" not in str(made["publish-libs.yml"])


def test_credentials_last_as_long_as_the_job() -> None:
    for minutes, seconds in ((5, 900), (60, 3600), (240, 14400)):
        made = of("ecs", f"[+workflows]\ntimeout = {minutes}\n")
        signing = [
            step["with"]
            for document in made.values()
            for _, step in steps(document)
            if "aws-actions" in step.get("uses", "")
        ]
        assert signing
        assert {one["role-duration-seconds"] for one in signing} == {seconds}


def test_candles_of_a_bucket_come_by_a_sign_in_and_nothing_else_does() -> None:
    smoke = of("strategies-bucket")["strategy-ci.yml"]["jobs"]["smoke"]
    names = [step["name"] for step in smoke["steps"]]
    signed, brought = names.index("Sign in to AWS, to read private packages and candles"), -3
    assert names.index("Bring the candles") > signed
    assert smoke["permissions"] == {"contents": "read", "id-token": "write"}
    assert smoke["environment"] == "read"
    assert "AWS" not in str(smoke["steps"][brought + 1 :])


def test_deployments_to_one_environment_wait_for_each_other() -> None:
    files = {
        path: load(text) for path, text in workflows(full("platform"), WorkflowsSettings()).items()
    }
    groups = {}
    for path, document in files.items():
        for name, job in jobs(document):
            if "concurrency" in job:
                assert job["concurrency"]["cancel-in-progress"] is False
                assert job["concurrency"]["queue"] == "max"
                groups[f"{path.rpartition('/')[2]}: {name}"] = job["concurrency"]["group"]
    assert groups == {
        "docker-build.yml: deploy": "deploy-${{ needs.version.outputs.environment }}",
        "deploy-lambdas.yml: functions": "deploy-${{ needs.version.outputs.environment }}",
        "deploy-infra.yml: up": "deploy-${{ inputs.stack }}",
        "docs.yml: deploy": "deploy-docs",
    }
    # without a queue GitHub cancels a job that waits when another one of its group comes
    plain = workflows(full("platform"), WorkflowsSettings(queue=False))
    assert "queue" not in str(plain)
    waiting = [
        job["concurrency"]["group"]
        for text in plain.values()
        for _, job in jobs(load(text))
        if "concurrency" in job
    ]
    assert sorted(waiting) == [
        "deploy-docs-docs",
        "deploy-functions-${{ needs.version.outputs.environment }}",
        "deploy-services-${{ needs.version.outputs.environment }}",
        "deploy-stacks-${{ inputs.stack }}",
    ]
    release = load(workflows(full("strategies"), WorkflowsSettings())[
        ".github/workflows/strategy-release.yml"])["jobs"]["release"]  # fmt: skip
    assert release["concurrency"]["group"] == "release-${{ needs.version.outputs.strategy }}"


def test_lambdas_that_are_deployed_nowhere_are_built_and_pushed() -> None:
    files = dict(KINDS["lambdas"].files)
    files["pyproject.toml"] = files["pyproject.toml"].partition("[tool.tradai-tasks.deploy]")[0]
    document = written(files)["deploy-lambdas.yml"]
    assert list(document["jobs"]) == ["version", "discover", "base", "images"]
    assert "workflow_dispatch" not in document["on"]


def test_one_job_does_all_where_the_settings_say_so() -> None:
    more = "[+workflows]\nmatrix = false\n"
    docker = of("ecs", more)["docker-build.yml"]["jobs"]
    assert list(docker) == ["version", "images", "deploy"]
    assert docker["images"]["steps"][-1]["run"].endswith(' -s images -- "$TAG"')
    lambdas = of("lambdas", more)["deploy-lambdas.yml"]["jobs"]
    assert list(lambdas) == ["version", "discover", "images", "functions"]
    assert not [name for name, job in lambdas.items() if "strategy" in job]
    stacks = {**KINDS["ecs"].files, "infra/Pulumi.dev.yaml": "", "infra/Pulumi.prod.yaml": ""}
    each = written(stacks)["deploy-infra.yml"]["jobs"]
    assert each["preview-all"]["strategy"]["matrix"] == {"stack": ["dev", "prod"]}
    assert each["comment"]["permissions"] == {"contents": "read", "pull-requests": "write"}
    assert "pull-requests" not in each["preview-all"]["permissions"]
    stacks["pyproject.toml"] += more.replace("[+", "[tool.tradai-tasks.")
    alone = written(stacks)["deploy-infra.yml"]["jobs"]
    assert "comment" not in alone
    assert "strategy" not in alone["preview-all"]


def test_dependabot_has_no_secrets_to_preview_with() -> None:
    stacks = {**KINDS["ecs"].files, "infra/Pulumi.dev.yaml": ""}
    condition = written(stacks)["deploy-infra.yml"]["jobs"]["preview-all"]["if"]
    assert "github.event.pull_request.user.login != 'dependabot[bot]'" in condition
