"""Every workflow file that the library can write, and every one in this repository."""

from __future__ import annotations

import itertools
import json
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.workflow_files import jobs, load, steps, thin
from tradai_tasks.extras import carries_pins, declarations
from tradai_tasks.sessions.core.registry.catalog import CATALOG as SESSIONS
from tradai_tasks.settings.table import RepositoryKind
from tradai_tasks.settings.workflows import RolesSettings, WorkflowsSettings
from tradai_tasks.workflows.render import header_of
from tradai_tasks.workflows.repository_traits import CI_FILES, RepositoryTraits
from tradai_tasks.workflows.selection import CATALOG, choose, workflows

HEADER = header_of()
ROOT = Path(__file__).resolve().parents[3]
HOMES = (".", "examples/tradai-uv", "examples/tradai-strategies")
_KINDS: tuple[RepositoryKind, ...] = ("platform", "strategies")
# all that the library has or may come to have
_ALL = frozenset(entry.name for entry in SESSIONS) | {
    session for workflow in CATALOG for session in workflow.sessions
}
_ALL |= {"backtest-data", "backtest-smoke", "codeartifact-login", "deploy", "release"}
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


def full(kind: RepositoryKind, **given: Any) -> RepositoryTraits:
    """A repository that has everything."""
    has = (
        "benchmarks contract_tests integration_tests libraries services lambdas lambda_base "
        "deployed clusters docs docs_deployed devcontainer devcontainer_image "
        "cached_results"
    )
    more = {"sessions": _ALL, "stacks": ("dev", "prod")}
    return RepositoryTraits(kind=kind, **{**dict.fromkeys(has.split(), True), **more, **given})


SETTINGS = {
    "plain": WorkflowsSettings(),
    "everything": WorkflowsSettings(
        runner=("self-hosted", "linux"),
        branch="trunk",
        python="3.12",
        before=("codeartifact-login", "lock"),
        env=('A=a "quoted" @ = value', "B=#: "),
        attest=True,
    ),
    "keys": WorkflowsSettings(aws="keys", before=("codeartifact-login",)),
    "role-as-secret": WorkflowsSettings(
        roles=RolesSettings(read="secrets.ROLE", deploy={"prod": "secrets.PROD"}),
        aws_region="vars.REGION",
        before=("codeartifact-login",),
    ),
}


def written() -> Iterator[Any]:
    for kind, (name, settings), locked in itertools.product(
        _KINDS, SETTINGS.items(), (True, False)
    ):
        for path, text in workflows(full(kind, locked=locked), settings).items():
            yield pytest.param(text, id=f"{kind}-{name}-{'locked' if locked else 'free'}-{path}")
    for kind in _KINDS:  # nothing optional
        bare = RepositoryTraits(kind=kind, sessions=_ALL - {"backtest-smoke"})
        for path, text in workflows(bare, SETTINGS["plain"]).items():
            yield pytest.param(text, id=f"{kind}-bare-{path}")


def standing() -> Iterator[Any]:
    for home in HOMES:
        for file in sorted((ROOT / home / ".github" / "workflows").iterdir()):
            yield pytest.param(file.read_text(encoding="utf-8"), id=f"{home}/{file.name}")


every_file = pytest.mark.parametrize("text", [*written(), *standing()])


def test_a_copy_of_an_example_installs_the_library() -> None:
    """Its jobs call nox, whose noxfile imports the library."""
    for home in HOMES[1:]:
        noxfile = (ROOT / home / "noxfile.py").read_text(encoding="utf-8")
        file = ROOT / home / "pyproject.toml"
        document = tomllib.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
        assert carries_pins(noxfile) or declarations(document), home


def test_an_engine_of_the_runner_is_not_replaced() -> None:
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    assert "command -v dockerd >/dev/null || missing+=(docker.io)" in script
    assert "--no-install-recommends" in script  # of docker-compose, which recommends Debian's


def test_every_home_has_workflows() -> None:
    for home in HOMES:
        assert list((ROOT / home / ".github" / "workflows").glob("*.yml")), home


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
    for kind in _KINDS:
        for workflow in choose(full(kind), WorkflowsSettings()):
            for session in workflow.sessions:
                less = full(kind, sessions=_ALL - {session})
                assert workflow not in choose(less, WorkflowsSettings())


def test_a_file_that_is_not_wanted_is_not_written() -> None:
    settings = WorkflowsSettings(exclude=("ci.yml",))
    assert "ci.yml" not in {one.file for one in choose(full("platform"), settings)}


# --- who decides ---------------------------------------------------------------------------------

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


@pytest.mark.parametrize("kind", _KINDS)
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
