"""Select the workflow files that fit a repository, and the values for their templates."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from tradai_tasks.release.stages.outline import GATES, IMAGE
from tradai_tasks.settings.workflows import WorkflowsSettings
from tradai_tasks.workflows.action_pins import ACTIONS
from tradai_tasks.workflows.checkout import FOLDER
from tradai_tasks.workflows.render import Values, header_of, render
from tradai_tasks.workflows.repository_traits import CI_FILES, CI_NAMES, RepositoryTraits
from tradai_tasks.workflows.rights.sign_in import sign_in_parts, sources_of

_LOGIN = "codeartifact-login"
_DEPLOYED = ("services", "functions", "stacks", "docs")
# sessions that exist only if there are such tests: jobs that CI may skip
_OPTIONAL = ("perf", "contract", "integration")
_ON_DEFAULT = (
    "github.ref == format('refs/heads/{0}', github.event.repository.default_branch)"  # for an `if:`
)
# settings that templates show as they are
_AS_SET = (
    "branch", "schedule", "docs_environment", "release_environment", "read_environment",
    "preview_environment", "ecr_registry", "mlflow_uri", "mlflow_username", "mlflow_password",
    "mlflow_token", "pulumi_passphrase", "pulumi_backend", "cloudflare_token", "cloudflare_account",
)  # fmt: skip
# of the cache of results, which depend on the system
_RESULTS_KEY = "tradai-tasks-results-${{ runner.os }}-${{ runner.arch }}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Workflow:
    """One workflow file that the library can write."""

    file: str
    kind: str  # kind of the repository
    sessions: frozenset[str]  # sessions that it calls and needs
    has: str  # field of RepositoryTraits that must not be empty, if any
    caller: str  # the one workflow that calls it, if any


def _workflow(file: str, kind: str, *sessions: str, has: str = "", caller: str = "") -> Workflow:
    return Workflow(file=file, kind=kind, sessions=frozenset(sessions), has=has, caller=caller)


_CI = ("changes", "lint", "typecheck", "test", "security", "gate")
CATALOG = (
    _workflow("ci.yml", "platform", *_CI),
    _workflow("_lint.yml", "platform", *_CI, caller="ci.yml"),
    _workflow("docker-build.yml", "platform", "tag", "images", has="services"),
    _workflow("deploy-lambdas.yml", "platform", "tag", "lambdas", has="lambdas"),
    _workflow("deploy-infra.yml", "platform", "infra", has="stacks"),
    _workflow("publish-libs.yml", "platform", "tag", "build", "publish", has="libraries"),
    _workflow("docs.yml", "platform", "docs", has="docs"),
    _workflow("docs-freshness.yml", "platform", "docs-freshness", has="docs"),
    _workflow("devcontainer-ci.yml", "platform", "devcontainer", has="devcontainer"),
    _workflow("devcontainer-prebuild.yml", "platform", "devcontainer", has="devcontainer_image"),
    _workflow("strategy-ci.yml", "strategies", "changes", "security", "gate"),
    _workflow("strategy-release.yml", "strategies", "tag", "release"),
)


def choose(repository: RepositoryTraits, settings: WorkflowsSettings) -> tuple[Workflow, ...]:
    """Return the workflows that fit a repository: of its kind, with all sessions, and wanted."""
    left_out = {*settings.exclude, *([] if settings.ci is None else CI_FILES.values())}
    return tuple(
        workflow
        for workflow in CATALOG
        if workflow.kind == repository.kind
        and workflow.sessions <= repository.sessions
        and (not workflow.has or getattr(repository, workflow.has))
        # what only another workflow calls is an orphan without it
        and not {workflow.file, workflow.caller} & left_out
    )


def without_session(
    repository: RepositoryTraits, lost: Iterable[str]
) -> tuple[tuple[str, str], ...]:
    """Return (file, session) of each workflow that does not fit without one of some sessions."""
    return tuple(
        (workflow.file, name)
        for name in sorted(lost)
        for workflow in CATALOG
        if workflow.kind == repository.kind and name in workflow.sessions
    )


def workflows(repository: RepositoryTraits, settings: WorkflowsSettings) -> dict[str, str]:
    """Return the text of every file that fits, by its path from the root."""
    values = values_for(repository, settings)
    return {
        f"{FOLDER}/{workflow.file}": render(
            workflow.file, values, header=header_of(repository.folder)
        )
        for workflow in choose(repository, settings)
    }


def nox_command(repository: RepositoryTraits) -> str:
    """Return the command for nox: as locked if possible, else with what pins it."""
    if repository.pinned_noxfile:
        return "uvx nox"
    options = ["--locked"] if repository.locked else []
    return " ".join(["uv run", *options, *repository.run_options, "nox"])


def ready_command(repository: RepositoryTraits) -> str:
    """Return the command for nox after installation: nothing is fetched, built or installed."""
    if repository.pinned_noxfile:
        return "uvx --offline nox --script-mode reuse -R"
    return "uv run --no-sync nox -R"


def _before(repository: RepositoryTraits, settings: WorkflowsSettings) -> tuple[str, ...]:
    """Return the sessions that must run before a job installs packages."""
    if settings.before is not None:
        return settings.before
    found = []
    if repository.private_index and _LOGIN in repository.sessions:
        found.append(_LOGIN)
    # `uv run` creates the lock file of the root by itself
    made = repository.one_lock and not repository.pinned_noxfile
    if not repository.locked and not made and "lock" in repository.sessions:
        found.append("lock")
    return tuple(found)


def values_for(repository: RepositoryTraits, settings: WorkflowsSettings) -> Values:
    """Return all values for the templates."""
    before = _before(repository, settings)
    conditions = _conditions(repository, settings, before)
    text = {**_text(repository, settings, before), **_gate(repository, conditions)}
    secrets = _before_secrets(settings) if conditions["before_aws"] else ()
    environment = {**dict(map(_variable, settings.env)), **_secret_variables(settings.secrets)}
    given = re.findall(r"\bsecrets\.(?!GITHUB_TOKEN\b)(\w+)", " ".join(environment.values()))
    needed = dict.fromkeys(given, "false") | dict.fromkeys(secrets, "true")
    parts = {
        "env": _block("env", environment),
        "declare-secrets": _block(
            "secrets", {name: f"{{ required: {how} }}" for name, how in needed.items()}
        ),
        "pass-secrets": _block("secrets", {n: "${{ secrets." + n + " }}" for n in needed}),
        "publish-env": _from_secrets(repository.publish_secrets),
        "build-secrets": _from_secrets(repository.build_secrets),
        "needs": _needs(repository, conditions),
        **sign_in_parts(settings),
    }
    return Values(text=text, conditions=conditions, parts=parts)


def _conditions(
    repository: RepositoryTraits, settings: WorkflowsSettings, before: Collection[str]
) -> dict[str, bool]:
    """Return the conditions of the templates, by name."""
    before_aws = _LOGIN in before
    data_aws = repository.candles_in_aws and "backtest-data" in repository.sessions
    return {
        "before": bool(before),
        "before_aws": before_aws,
        "before_rest": set(before) > {_LOGIN} if before_aws else bool(before),
        "before_oidc": before_aws and settings.aws == "oidc",
        "data_aws": data_aws,
        "reads_aws": data_aws or before_aws,
        "reads_oidc": (data_aws or before_aws) and settings.aws == "oidc",
        "oidc": settings.aws == "oidc",
        **{name: getattr(settings, name) for name in ("attest", "matrix", "queue")},
        **{
            name: getattr(repository, name)
            for name in ("deployed", "lambda_base", "publish_identity")
        },
        "python": settings.python is not None,
        **{name: name in repository.sessions for name in _OPTIONAL},
        "smoke": "backtest-smoke" in repository.sessions,
        "data": "backtest-data" in repository.sessions,
        "strategies": repository.kind == "strategies",
        "branch_environments": bool(settings.branch_environments),
        "docs_any_branch": settings.docs_environment in settings.branch_environments,
        "devcontainer_any_branch": "devcontainer" in settings.branch_environments,
        "deploy": "deploy" in repository.sessions and repository.clusters,
        "lambda_base_job": repository.lambda_base and settings.matrix,
        "registry_aws": repository.registry == "ecr",
        "registry_env": not repository.registry_set,
        "registry_ghcr": repository.registry == "ghcr",
        "registry_login": repository.registry == "environment",
        "registry_oidc": repository.registry == "ecr" and settings.aws == "oidc",
        "release_oidc": settings.aws == "oidc" and (before_aws or repository.registry == "ecr"),
        "tracking_env": not repository.tracking_set,
        "results": repository.cached_results,
        "folder": bool(repository.folder),
        "docs_deploy": repository.docs_deployed,
        "publish_aws": repository.publishes_to_aws,
        "publish_token": settings.attest
        or repository.publish_identity
        or (repository.publishes_to_aws and settings.aws == "oidc"),
    }


def _text(
    repository: RepositoryTraits, settings: WorkflowsSettings, before: Collection[str]
) -> dict[str, str]:
    """Return the text for each placeholder in the templates."""
    runner = settings.runner
    return {
        **{name: action.uses for name, action in ACTIONS.items()},
        **{f"cache_{do}": ACTIONS["cache"].part(f"/{do}") for do in ("restore", "save")},
        # without a queue, a job that waits would be cancelled by the next of any kind
        **{f"group_{kind}": "" if settings.queue else f"{kind}-" for kind in _DEPLOYED},
        "nox": nox_command(repository),
        "ready": ready_command(repository),
        "runner": runner if isinstance(runner, str) else f"[{', '.join(runner)}]",
        "ci": CI_NAMES[repository.kind],
        "followed": json.dumps(repository.own_ci or CI_NAMES[repository.kind]),
        "folder": repository.folder,
        "folder_name": repository.folder.rstrip("/"),
        "outside": "../" * (repository.folder.count("/") + 1),
        **{name: getattr(settings, name) for name in _AS_SET},
        "on_default": _ON_DEFAULT,
        "on_push": f"github.event_name == 'push' && {_ON_DEFAULT}",
        "results_key": _RESULTS_KEY,
        "branch_environments": json.dumps(settings.branch_environments),
        "timeout": str(settings.timeout),
        "python": settings.python or "",
        "before": ",".join(name for name in before if name != _LOGIN),
        "login": _LOGIN,
        "gates": " ".join(f"--only {gate}" for gate in GATES),
        "first_act": IMAGE,
        "lock_glob": "**/uv.lock" if repository.locked else "**/pyproject.toml",
        "environments": ", ".join(map(json.dumps, repository.environments)),
        "stacks": ", ".join(map(json.dumps, repository.stacks)),
        "registry_user": repository.registry_login[0],
        "registry_password": repository.registry_login[1],
    }


def _gate(repository: RepositoryTraits, conditions: Mapping[str, bool]) -> dict[str, str]:
    """Return the jobs that the gate waits for, and the options for those that may be skipped."""
    if repository.kind == "strategies":
        options = ' --may-skip "smoke=detect.backtested:[]"' if conditions["smoke"] else ""
    else:
        optional = (job for job in _OPTIONAL if conditions[job])
        options = "".join(f" --may-skip {job}" for job in optional)
    return {"gated": ", ".join(_gated(repository, conditions)), "skippable": options}


def _gated(repository: RepositoryTraits, conditions: Mapping[str, bool]) -> list[str]:
    if repository.kind == "strategies":
        return ["detect", "check", *(["smoke"] if conditions["smoke"] else []), "security"]
    optional = [job for job in _OPTIONAL if conditions[job]]
    return ["changes", "lint", "typecheck", "test", "security", *optional]


def _needs(repository: RepositoryTraits, conditions: Mapping[str, bool]) -> str:
    """Return what the gate judges, as JSON: results, and the outputs that allow a skip.

    `toJSON(needs)` holds the whole matrix, and Linux takes 128 KiB in one variable.
    """
    outputs = {"changes": ["any"], "detect": ["any"]}
    if conditions["smoke"]:
        outputs["detect"].append("backtested")
    entries = []
    for job in _gated(repository, conditions):
        named = {name: f"needs.{job}.outputs.{name}" for name in outputs.get(job, ())}
        if "backtested" in named:  # only whether there is one
            named["backtested"] += " == '[]' && '[]' || 'some'"
        given = ", ".join(f'"{name}": ${{{{ toJSON({one}) }}}}' for name, one in named.items())
        result = f'"result": ${{{{ toJSON(needs.{job}.result) }}}}'
        entries.append(f'"{job}": {{{result}, "outputs": {{{given}}}}}')
    return "NEEDS: >-\n  {" + ",\n  ".join(entries) + "}\n"


def _before_secrets(settings: WorkflowsSettings) -> tuple[str, ...]:
    """Return the names of the secrets that a reusable workflow needs."""
    sources = sources_of("read", settings)
    pairs = [source.partition(".") for source in (*sources, settings.aws_region)]
    return tuple(dict.fromkeys(name for context, _, name in pairs if context == "secrets"))


def _secret_variables(names: Iterable[str]) -> dict[str, str]:
    """Return variables that have GitHub's secrets of the same names."""
    return {name: f"${{{{ secrets.{name} }}}}" for name in names}


def _from_secrets(names: Iterable[str]) -> str:
    return "".join(f"{name}: {value}\n" for name, value in _secret_variables(names).items())


def _variable(text: str) -> tuple[str, str]:
    """Return a variable's name, and its value in YAML."""
    name, _, value = text.partition("=")
    return name, json.dumps(value)


def _block(key: str, entries: Mapping[str, str]) -> str:
    """Return a YAML mapping in block style; nothing if it is empty."""
    lines = [f"{key}:", *(f"  {name}: {value}" for name, value in entries.items())]
    # a part is rendered like a template: escape computed text
    return "".join(f"{line.replace('@', '@@')}\n" for line in lines) if entries else ""
