"""Settings of the CI workflow files."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal

from msgspec import Meta

from tradai_tasks.settings.table import Name, PythonVersion, Table, doc, whole

# All of these are written into YAML, so none may contain YAML syntax.
_Label = Annotated[str, whole(r"[A-Za-z0-9][A-Za-z0-9._-]*")]
_Branch = Annotated[str, whole(r"[A-Za-z0-9][A-Za-z0-9._/-]*")]
_Session = Annotated[str, whole(r"[A-Za-z0-9][A-Za-z0-9._-]*(\([A-Za-z0-9._-]+\))?")]
# the one expression that a value may hold names a secret or a variable of GitHub
_Variable = Annotated[
    str,
    whole(
        r"[A-Za-z_][A-Za-z0-9_]*="
        r"([^$\x00-\x1f]|\$(?!\{\{)|\$\{\{ ?(secrets|vars)\.[A-Za-z_][A-Za-z0-9_]* ?\}\})*"
    ),
]
_Secret = Annotated[str, whole(r"(?!GITHUB_)[A-Za-z_][A-Za-z0-9_]*")]
_Cron = Annotated[str, whole(r"[0-9*/,-]+( [0-9A-Za-z*/,-]+){4}")]
_Source = Annotated[str, whole(r"(secrets|vars)\.[A-Za-z_][A-Za-z0-9_]*")]


class RolesSettings(Table, frozen=True, kw_only=True):
    """Secrets or variables with the AWS roles that jobs assume by OIDC, one for each purpose."""

    read: Annotated[
        _Source,
        doc(
            "The role that reads private packages and candles; jobs of pull requests "
            "assume it, so it must not be able to write."
        ),
    ] = "vars.AWS_READ_ROLE_ARN"
    preview: Annotated[
        _Source,
        doc(
            "The role that previews the infrastructure, on pull requests too; it must "
            "not be able to write."
        ),
    ] = "vars.AWS_PREVIEW_ROLE_ARN"
    publish: Annotated[_Source, doc("The role that pushes images and publishes libraries.")] = (
        "vars.AWS_PUBLISH_ROLE_ARN"
    )
    deploy: Annotated[
        _Source | dict[_Label, _Source],
        doc(
            "The role that deploys: one for all environments, or a table by "
            "environment, where one that is not named takes `vars.AWS_DEPLOY_ROLE_ARN`."
        ),
    ] = "vars.AWS_DEPLOY_ROLE_ARN"


class WorkflowsSettings(Table, frozen=True, kw_only=True):
    """The workflow files, and the session `workflows` that writes them."""

    gone: ClassVar[Mapping[str, str]] = {
        "aws-role": "there is a role for each purpose now; write workflows.roles, such as: "
        'roles = { read = "vars.AWS_READ_ROLE_ARN", deploy = "vars.AWS_DEPLOY_ROLE_ARN" }'
    }

    exclude: Annotated[
        tuple[Name, ...], doc("Files that would fit and are not wanted, such as `docs.yml`.")
    ] = ()
    ci: Annotated[
        Name | None,
        doc(
            "Name of a workflow of yours whose runs releases follow; ours is not "
            "written then. If absent, ours, or yours in its place where `exclude` names it."
        ),
    ] = None
    runner: Annotated[
        _Label | tuple[_Label, ...],
        doc("Label of the runner that jobs run on, or a list of labels it must have."),
    ] = "ubuntu-24.04"
    branch: Annotated[_Branch, doc("Branch whose pushes are checked and deployed from.")] = "main"
    python: Annotated[PythonVersion | None, doc("Python that runs nox; uv's choice if absent.")] = (
        None
    )
    locked: Annotated[
        bool | None,
        doc(
            "Whether lock files are committed, so that nox runs with `--locked`; "
            "as git says if absent."
        ),
    ] = None
    before: Annotated[
        tuple[_Session, ...] | None,
        doc(
            "Sessions that run first in each job that installs packages. If absent, "
            "`lock` where lock files are not committed, and `codeartifact-login` in a strategies "
            "repository with `publish.codeartifact`."
        ),
    ] = None
    env: Annotated[
        tuple[_Variable, ...],
        doc(
            "Environment of every job that runs a check, each as `NAME=value`; a value "
            "may hold `${{ secrets.X }}` and `${{ vars.X }}`."
        ),
    ] = ()
    secrets: Annotated[
        tuple[_Secret, ...],
        doc(
            "GitHub's secrets that every job that runs a check gets, each as the "
            "variable of its name; code of pull requests can read them."
        ),
    ] = ()
    schedule: Annotated[_Cron, doc("When everything is checked, in cron's five fields, UTC.")] = (
        "17 4 * * 1"
    )
    timeout: Annotated[
        int, Meta(gt=0, le=360), doc("Minutes after which a job that checks or builds is ended.")
    ] = 60
    matrix: Annotated[
        bool,
        doc(
            "Whether each image, and each stack of a pull request's preview, has a job "
            "of its own, or one job does all."
        ),
    ] = True
    queue: Annotated[
        bool,
        doc(
            "Whether deployments to one environment wait in a queue (`queue: max`); "
            "GitHub Enterprise Server, which may not know it, keeps just the newest that waits."
        ),
    ] = True
    aws: Annotated[
        Literal["oidc", "keys"],
        doc(
            "How jobs sign in to AWS: a role for each purpose by OIDC, or the same "
            "static keys for every job."
        ),
    ] = "oidc"
    release_environment: Annotated[
        _Label,
        doc(
            "GitHub's environment of a strategy's release, and of a platform that "
            "deploys nothing; others stand where `deploy.tags` says that the tag goes."
        ),
    ] = "release"
    branch_environments: Annotated[
        tuple[_Label, ...],
        doc(
            "Environments that a workflow which is dispatched on another branch than the default "
            "one may deploy to; `docs`, the name of a stack and `devcontainer` count as such."
        ),
    ] = ()
    read_environment: Annotated[
        _Label,
        doc(
            "GitHub's environment of jobs that only read from AWS, those of pull "
            "requests among them."
        ),
    ] = "read"
    preview_environment: Annotated[
        _Label,
        doc(
            "GitHub's environment of previews of the infrastructure, which gives them "
            "Pulumi's passphrase."
        ),
    ] = "preview"
    docs_environment: Annotated[
        _Label, doc("GitHub's environment of the site that is deployed.")
    ] = "docs"
    attest: Annotated[
        bool,
        doc(
            "Whether wheels get an attestation of provenance, which GitHub keeps for "
            "public repositories, and for private ones by plan."
        ),
    ] = False
    roles: RolesSettings = RolesSettings()
    aws_key_id: Annotated[_Source, doc("Where the static access key is kept.")] = (
        "secrets.AWS_ACCESS_KEY_ID"
    )
    aws_secret_key: Annotated[_Source, doc("Where the static secret key is kept.")] = (
        "secrets.AWS_SECRET_ACCESS_KEY"  # noqa: S105 - the name of a secret
    )
    aws_region: Annotated[_Source, doc("Where the AWS region is kept.")] = "secrets.AWS_REGION"
    ecr_registry: Annotated[_Source, doc("Where the registry's address is kept.")] = (
        "secrets.ECR_REGISTRY"
    )
    mlflow_uri: Annotated[_Source, doc("Where the MLflow address is kept.")] = (
        "secrets.MLFLOW_TRACKING_URI"
    )
    mlflow_username: Annotated[
        _Source, doc("Where the user of MLflow is kept; it may be missing.")
    ] = "secrets.MLFLOW_TRACKING_USERNAME"
    mlflow_password: Annotated[
        _Source, doc("Where the password of MLflow is kept; it may be missing.")
    ] = "secrets.MLFLOW_TRACKING_PASSWORD"  # noqa: S105 - the name of a secret
    mlflow_token: Annotated[
        _Source, doc("Where the token of MLflow is kept; it may be missing.")
    ] = "secrets.MLFLOW_TRACKING_TOKEN"  # noqa: S105 - the name of a secret
    pulumi_passphrase: Annotated[_Source, doc("Where Pulumi's encryption passphrase is kept.")] = (
        "secrets.PULUMI_CONFIG_PASSPHRASE"  # noqa: S105 - the name of a secret
    )
    pulumi_backend: Annotated[_Source, doc("Where the address of Pulumi's state is kept.")] = (
        "secrets.S3_PULUMI_BACKEND_URL"
    )
    cloudflare_token: Annotated[_Source, doc("Where the Cloudflare Pages token is kept.")] = (
        "secrets.CLOUDFLARE_API_TOKEN"  # noqa: S105 - the name of a secret
    )
    cloudflare_account: Annotated[_Source, doc("Where the Cloudflare account is kept.")] = (
        "secrets.CLOUDFLARE_ACCOUNT_ID"
    )
