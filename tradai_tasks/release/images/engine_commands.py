"""Command lines for docker, buildx and podman; nothing here runs them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from tradai_tasks.errors import EngineError
from tradai_tasks.settings.images import BuildSecret

# buildx: the plugin of a current docker. buildkit: built into docker before 23. legacy: docker
# without either; it does not support secrets.
Builder = Literal["buildx", "buildkit", "legacy", "podman"]


@dataclass(frozen=True, kw_only=True, slots=True)
class ContainerEngine:
    """A container engine that was found, and what it can do."""

    program: Literal["docker", "podman"]
    builder: Builder
    platform: str  # its platform, such as "linux/amd64"


@dataclass(frozen=True, kw_only=True, slots=True)
class Build:
    """The inputs of one image build."""

    image: str  # host/repository:tag
    dockerfile: Path
    context: Path
    platform: str
    labels: Mapping[str, str]
    build_args: Mapping[str, str]
    secrets: Sequence[BuildSecret] = ()
    network: str | None = None  # network of RUN steps
    root: Path | None = None  # folder that paths in messages start from; the workspace root if None


def build_argv(engine: ContainerEngine, build: Build) -> list[str]:
    """Return the command that builds an image; raise EngineError if the engine cannot.

    The result is a single manifest for one platform: attestations would turn it into a manifest
    list, which Lambda rejects.
    """
    argv = {
        "buildx": ["docker", "buildx", "build", "--load", "--provenance=false", "--sbom=false"],
        "buildkit": ["docker", "build"],
        "legacy": ["docker", "build"],
        "podman": ["podman", "build", "--format=docker"],  # only this format keeps HEALTHCHECK
    }[engine.builder]
    if engine.builder in {"buildx", "buildkit"}:
        argv.append("--progress=plain")
    if engine.builder != "legacy":
        argv.append(f"--platform={build.platform}")
    elif build.platform != engine.platform:
        raise EngineError(
            f"docker: cannot build for {build.platform} on {engine.platform} without BuildKit; "
            f"install its buildx plugin"
        )
    if build.secrets and engine.builder == "legacy":
        raise EngineError(
            "docker: cannot hand secrets to a build (images.secrets) without BuildKit; install its "
            "buildx plugin"
        )
    if build.network is not None:
        argv.append(f"--network={build.network}")
    source = "type=env,src" if engine.builder == "podman" else "env"
    argv += [f"--secret=id={one.id},{source}={one.env}" for one in build.secrets]
    for name, value in sorted(build.labels.items()):
        argv += ["--label", f"{name}={value}"]
    for name, value in sorted(build.build_args.items()):
        argv += ["--build-arg", f"{name}={value}"]
    argv += ["--tag", build.image, "--file", str(build.dockerfile), str(build.context)]
    return argv


def build_env(engine: ContainerEngine) -> dict[str, str]:
    """Return the environment variables that a build needs."""
    if engine.program == "podman":
        return {}
    return {"DOCKER_BUILDKIT": "0" if engine.builder == "legacy" else "1"}


def push_argv(engine: ContainerEngine, image: str, *, insecure: bool) -> list[str]:
    """Return the command that pushes an image; `insecure` is whether the registry uses http.

    docker decides that by itself: it allows loopback addresses and its `insecure-registries`.
    """
    if engine.program == "podman":
        return ["podman", "push", *_podman_tls(insecure=insecure), image]
    return ["docker", "push", image]


def login_argv(engine: ContainerEngine, host: str, username: str, *, insecure: bool) -> list[str]:
    """Return the command that logs in to a registry; it reads the password from standard input."""
    words = ["login", "--username", username, "--password-stdin"]
    if engine.program == "podman":
        words += _podman_tls(insecure=insecure)
    return [engine.program, *words, host]


def _podman_tls(*, insecure: bool) -> list[str]:
    return ["--tls-verify=false"] if insecure else []


def push_fault(said: str) -> Literal["immutable", "denied", "missing", "other"]:
    """Return why a push failed, from the engine's output."""
    text = said.lower()
    if "immutable" in text or "tag invalid" in text or "already exists in the" in text:
        return "immutable"
    if "repository" in text and "does not exist" in text and "may require" not in text:
        return "missing"
    if "name unknown" in text or "name_unknown" in text:
        return "missing"
    words = ("denied", "unauthorized", "no basic auth", "authentication required", "forbidden")
    return "denied" if any(word in text for word in words) else "other"
