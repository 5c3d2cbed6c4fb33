"""Settings of the workflow files: what differs between repositories."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from tradai_tasks.settings_table import Name, PythonVersion, Table

__all__ = ["WorkflowsSettings"]

# All of these are written into YAML, so none may end or begin anything there.
_Label = Annotated[str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")]
_Branch = Annotated[str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9._/-]*$")]
_Session = Annotated[str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*(\([A-Za-z0-9._-]+\))?$")]
_Variable = Annotated[str, Meta(pattern=r"^[A-Za-z_][A-Za-z0-9_]*=([^$\x00-\x1f]|\$(?!\{\{))*$")]
_Cron = Annotated[str, Meta(pattern=r"^[0-9*/,-]+( [0-9A-Za-z*/,-]+){4}$")]
_Source = Annotated[str, Meta(pattern=r"^(secrets|vars)\.[A-Za-z_][A-Za-z0-9_]*$")]


class WorkflowsSettings(Table, frozen=True, kw_only=True):
    """The workflow files, and the session `workflows` that writes them."""

    exclude: Annotated[
        tuple[Name, ...],
        Meta(description="Files that would fit and are not wanted, such as `docs.yml`."),
    ] = ()
    runner: Annotated[
        _Label | tuple[_Label, ...],
        Meta(description="Label of the runner that jobs run on, or a list of labels it must have."),
    ] = "ubuntu-24.04"
    branch: Annotated[
        _Branch, Meta(description="Branch whose pushes are checked and deployed from.")
    ] = "main"
    python: Annotated[
        PythonVersion | None,
        Meta(description="Python that runs nox; uv's choice if absent."),
    ] = None
    locked: Annotated[
        bool | None,
        Meta(
            description="Whether lock files are committed, so that nox is run with `--locked`; "
            "as git says if absent."
        ),
    ] = None
    before: Annotated[
        tuple[_Session, ...] | None,
        Meta(
            description="Sessions that run first in each job that installs packages. If absent, "
            "`lock` where lock files are not committed, and `codeartifact-login` in a strategies "
            "repository with `publish.codeartifact`."
        ),
    ] = None
    env: Annotated[
        tuple[_Variable, ...],
        Meta(description="Environment of every job that runs a check, each as `NAME=value`."),
    ] = ()
    schedule: Annotated[
        _Cron, Meta(description="When everything is checked, in cron's five fields, UTC.")
    ] = "17 4 * * 1"
    timeout: Annotated[
        Annotated[int, Meta(gt=0, le=360)],
        Meta(description="Minutes after which a job that checks or builds is ended."),
    ] = 60
    aws: Annotated[
        Literal["oidc", "keys"],
        Meta(description="How jobs sign in to AWS: a role by OIDC, or static keys."),
    ] = "oidc"
    release_environment: Annotated[
        _Label,
        Meta(
            description="GitHub's environment of a strategy's release; those of a platform are "
            "where `deploy.tags` says that the tag goes."
        ),
    ] = "release"
    branch_environments: Annotated[
        tuple[_Label, ...],
        Meta(
            description="Environments that a workflow which is dispatched on another branch than "
            "the default one may deploy to; `docs`, the name of a stack and `devcontainer` count "
            "as such."
        ),
    ] = ()
    docs_environment: Annotated[
        _Label, Meta(description="GitHub's environment of the site that is deployed.")
    ] = "docs"
    attest: Annotated[
        bool,
        Meta(
            description="Whether wheels get an attestation of provenance, which GitHub keeps for "
            "public repositories, and for private ones by plan."
        ),
    ] = False
    aws_role: Annotated[_Source, Meta(description="Where the role to assume by OIDC is kept.")] = (
        "vars.AWS_ROLE_ARN"
    )
    aws_key_id: Annotated[_Source, Meta(description="Where the static access key is kept.")] = (
        "secrets.AWS_ACCESS_KEY_ID"
    )
    aws_secret_key: Annotated[_Source, Meta(description="Where the static secret key is kept.")] = (
        "secrets.AWS_SECRET_ACCESS_KEY"  # noqa: S105 - where it is kept
    )
    aws_region: Annotated[_Source, Meta(description="Where the AWS region is kept.")] = (
        "secrets.AWS_REGION"
    )
    ecr_registry: Annotated[_Source, Meta(description="Where the registry's address is kept.")] = (
        "secrets.ECR_REGISTRY"
    )
    mlflow_uri: Annotated[_Source, Meta(description="Where the MLflow address is kept.")] = (
        "secrets.MLFLOW_TRACKING_URI"
    )
    pulumi_passphrase: Annotated[
        _Source, Meta(description="Where Pulumi's encryption passphrase is kept.")
    ] = "secrets.PULUMI_CONFIG_PASSPHRASE"  # noqa: S105 - where it is kept
    pulumi_backend: Annotated[
        _Source, Meta(description="Where the address of Pulumi's state is kept.")
    ] = "secrets.S3_PULUMI_BACKEND_URL"
    cloudflare_token: Annotated[
        _Source, Meta(description="Where the Cloudflare Pages token is kept.")
    ] = "secrets.CLOUDFLARE_API_TOKEN"  # noqa: S105 - where it is kept
    cloudflare_account: Annotated[
        _Source, Meta(description="Where the Cloudflare account is kept.")
    ] = "secrets.CLOUDFLARE_ACCOUNT_ID"
