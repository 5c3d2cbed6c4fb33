"""Workflows do what the settings say: registries, secrets, environments, branches, folders."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.support.kinds import KINDS, Kind
from tests.support.project import DictTree, found
from tests.support.workflow_files import jobs, load, steps
from tests.unit.workflows.test_files import full
from tradai_tasks.affected.selection.presentation import as_outputs
from tradai_tasks.affected.selection.selection import Selection
from tradai_tasks.matrix import Task, build_matrix
from tradai_tasks.repository import read_repository
from tradai_tasks.sessions.core.registry.catalog import fitting_names
from tradai_tasks.settings.load import load_settings
from tradai_tasks.settings.workflows import WorkflowsSettings
from tradai_tasks.workflows.drift import plan
from tradai_tasks.workflows.job_results import judge, parse_may_skip, parse_needs
from tradai_tasks.workflows.render import is_ours
from tradai_tasks.workflows.repository_traits import RepositoryTraits, gather
from tradai_tasks.workflows.rights.required_secrets import needed
from tradai_tasks.workflows.selection import workflows
from tradai_tasks.workflows.tag_readiness import branch_fault, ci_faults, tag_faults, tag_notes

_LONGEST = 128 * 1024  # bytes that Linux takes in one variable


def traits(files: Mapping[str, str], **given: Any) -> tuple[RepositoryTraits, WorkflowsSettings]:
    tree = DictTree(dict(files))
    repository = read_repository(Path("/"), tree)
    settings = repository.settings
    one = gather(
        tree,
        repository.workspace,
        settings,
        sessions=fitting_names(repository),
        noxfile="",
        locks=(),
        **given,
    )
    return one, settings.workflows


def written(files: Mapping[str, str], **given: Any) -> dict[str, dict[str, Any]]:
    """The workflows of a repository, by file."""
    made = workflows(*traits(files, **given))
    return {path.rpartition("/")[2]: load(text) for path, text in made.items()}


def of(kind: str, more: str = "", **given: Any) -> dict[str, dict[str, Any]]:
    return written(with_settings(KINDS[kind], more), **given)


def with_settings(kind: Kind, more: str) -> dict[str, str]:
    files = dict(kind.files)
    file = "tradai-tasks.toml" if "tradai-tasks.toml" in files else "pyproject.toml"
    prefix = "" if file == "tradai-tasks.toml" else "tool.tradai-tasks."
    files[file] += "\n" + more.replace("[+", f"[{prefix}")
    return files


def env_of(job: dict[str, Any]) -> dict[str, str]:
    """What the step that acts, a job's last one with an environment, is given."""
    return dict([step["env"] for step in job["steps"] if "env" in step][-1])


# --- registries ----------------------------------------------------------------------------------


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


def test_functions_are_told_of_the_registry_but_not_of_secrets_of_builds() -> None:
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


# --- secrets -------------------------------------------------------------------------------------


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


# --- what is deployed ----------------------------------------------------------------------------


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


# --- what a tag needs ----------------------------------------------------------------------------


def told(files: Mapping[str, str]) -> tuple[list[str], list[str]]:
    tree = DictTree(dict(files))
    settings = load_settings(tree).settings
    return tag_faults(found(tree), settings), tag_notes(found(tree), settings)


def test_what_a_tag_lacks_is_said_before_there_is_one() -> None:
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
    one, settings = traits(with_settings(KINDS["libraries"], _KEPT), present=present)
    files = {**workflows(one, settings), **present}
    (fault,) = ci_faults(files, "")
    assert fault.startswith(".github/workflows/ci.yml: releases follow it, and it runs for no tag")
    for good in (f"{own}    tags: ['v*']\n", 'name: "Mine"\non: push\n'):
        assert ci_faults({**files, ".github/workflows/ci.yml": good}, "") == []


def test_a_branch_that_is_not_the_default_one_is_told() -> None:
    settings = load_settings(DictTree(dict(KINDS["develop"].files))).settings
    assert branch_fault("main", settings) == []
    assert branch_fault(None, settings) == []
    (fault,) = branch_fault("develop", settings)
    assert fault.endswith('set it to the default branch: branch = "develop"')


# --- scale ---------------------------------------------------------------------------------------


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


# --- where it stands -----------------------------------------------------------------------------


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
                assert given["path"].startswith("py/"), path
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


# --- workflows of the user -----------------------------------------------------------------------

_KEPT = '[+workflows]\nexclude = ["ci.yml"]\n'
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
    files = with_settings(KINDS["libraries"], _KEPT)
    made = workflows(*traits(files, present=present))
    assert set(made) == {".github/workflows/publish-libs.yml"}  # _lint.yml would be an orphan
    publish = load(made[".github/workflows/publish-libs.yml"])
    assert publish["on"]["workflow_run"]["workflows"] == [followed]


def test_a_workflow_of_any_name_is_followed_where_the_settings_say_so() -> None:
    made = of("libraries", '[+workflows]\nci = "Build: all"\n')
    assert set(made) == {"publish-libs.yml"}
    assert made["publish-libs.yml"]["on"]["workflow_run"]["workflows"] == ["Build: all"]
