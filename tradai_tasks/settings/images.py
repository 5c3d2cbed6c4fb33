"""Settings of the container images: registry, engine, names, contexts, secrets."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, field

from tradai_tasks.settings.table import Name, Table, doc, whole

_EnvName = Annotated[str, whole(r"[A-Za-z_][A-Za-z0-9_]*")]
# Characters of image names and ids of build secrets; no comma, no slash, no space.
_SecretId = Annotated[str, whole(r"[A-Za-z0-9][A-Za-z0-9._-]*")]
_Platform = Annotated[str, whole(r"linux/[a-z0-9]+(/v[0-9]+)?")]
_Template = Annotated[str, whole(r"[a-z0-9._/-]*\{name\}[a-z0-9._/-]*")]
_ImageName = Annotated[str, whole(r"[a-z0-9]+([._/-]+[a-z0-9]+)*")]
_Registry = Annotated[
    str,
    whole(r"[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?(:[0-9]{1,5})?(/[a-z0-9._/-]*)?"),
]

_Host = Annotated[str, whole(r"[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?(:[0-9]{1,5})?")]


class BuildSecret(Table, frozen=True, kw_only=True):
    """A secret that a build may read (`RUN --mount=type=secret,id=...`); no layer contains it."""

    id: Annotated[_SecretId, doc("Its id in the Dockerfile.")]
    env: Annotated[_EnvName, doc("Environment variable that holds it.")]


class ImageUnitSettings(Table, frozen=True, kw_only=True):
    """Settings of one image: `images.units.<name>`, or by folder if two share a name."""

    image: Annotated[_ImageName | None, doc("Its name in the registry, below any prefix.")] = None
    context: Annotated[Name | None, doc("Folder it is built from, from the workspace root.")] = None
    dockerfile: Annotated[Name | None, doc("Its Dockerfile, from the workspace root.")] = None
    build_args: Annotated[
        dict[_EnvName, str], doc("Build arguments; not the place for a secret.")
    ] = field(default_factory=dict)


class ImagesSettings(Table, frozen=True, kw_only=True):
    """Container images: the sessions `images` and `lambdas`, and the image of a release."""

    registry: Annotated[
        _Registry | None,
        doc(
            "Host of the registry, with a prefix if any: "
            "`<account>.dkr.ecr.<region>.amazonaws.com`, `ghcr.io/owner`, `127.0.0.1:5000`; "
            "the environment variable ECR_REGISTRY if absent."
        ),
    ] = None
    login: Annotated[
        Literal["auto", "ecr", "environment", "none"],
        doc(
            "Where credentials come from: ECR by the AWS chain, the environment, or "
            "none; `auto` is ECR for an ECR host, else the environment where it has a password."
        ),
    ] = "auto"
    username_env: Annotated[_EnvName, doc("Environment variable with the user name.")] = (
        "REGISTRY_USERNAME"
    )
    password_env: Annotated[_EnvName, doc("Environment variable with the password or token.")] = (
        "REGISTRY_PASSWORD"  # noqa: S105 - the name of a variable
    )
    region: Annotated[
        Name | None, doc("AWS region of ECR; if absent, as the host says or the AWS chain.")
    ] = None
    create: Annotated[bool, doc("Whether a repository missing from ECR is created.")] = False
    insecure: Annotated[
        bool,
        doc(
            "Whether the registry speaks http, then without a login; loopback addresses always may."
        ),
    ] = False
    token_hosts: Annotated[
        tuple[_Host, ...],
        doc(
            "Hosts, with their ports, that may be given the registry's password for a "
            "token, besides the registry's own; Docker Hub's and GitLab's are known."
        ),
    ] = ()
    engine: Annotated[
        Literal["auto", "docker", "podman"],
        doc("Container engine; `auto` is docker, or podman where there is no docker."),
    ] = "auto"
    platform: Annotated[_Platform, doc("The one platform that images are built for.")] = (
        "linux/amd64"
    )
    parallel: Annotated[int, Meta(ge=1, le=32), doc("Most images built at once.")] = 2
    network: Annotated[
        Name | None, doc("Network of RUN steps, `host` say; the engine's default if absent.")
    ] = None
    patience: Annotated[
        int,
        Meta(ge=0, le=3600),
        doc("Seconds for which a registry that fails or cannot be reached is retried."),
    ] = 60
    strategy_image: Annotated[
        _Template, doc("Name of a strategy's image; `{name}` is its slug.")
    ] = "{name}"
    service_image: Annotated[
        _Template, doc("Name of a service's image; `{name}` is its folder.")
    ] = "tradai/{name}"
    lambda_image: Annotated[_Template, doc("Name of a lambda's image, the base's too.")] = (
        "tradai/lambda-{name}"
    )
    strategy_base: Annotated[
        Name | None, doc("Base image of strategies; as their Dockerfiles say if absent.")
    ] = None
    secrets: Annotated[tuple[BuildSecret, ...], doc("Secrets that every build may read.")] = ()
    units: Annotated[dict[Name, ImageUnitSettings], doc("Settings of single images.")] = field(
        default_factory=dict
    )
