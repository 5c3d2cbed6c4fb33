"""What is to be done about an image, and the command lines for it."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import pytest

from tradai_tasks.errors import ConflictError, EngineError, ImageBuildError
from tradai_tasks.release.clients.registry import RemoteImage
from tradai_tasks.release.engine.step import Release
from tradai_tasks.release.images.dockerfile import takes_base, with_base
from tradai_tasks.release.images.engine_commands import (
    Build,
    Builder,
    ContainerEngine,
    build_argv,
    build_env,
    login_argv,
    push_argv,
    push_fault,
)
from tradai_tasks.release.images.image_decisions import (
    LatestRule,
    dated_tags,
    judge_latest,
    judge_version,
    labels_of,
    stated_version,
)
from tradai_tasks.settings.images import BuildSecret
from tradai_tasks.workspace.tags import parse_tag

A, B = "a" * 40, "b" * 40
KEY = "org.opencontainers.image."


def release(tag: str = "momentum-v1.0.0", commit: str = A, source: str | None = "x") -> Release:
    read = parse_tag(tag, ["momentum"])
    return Release(tag=read, commit=commit, time=0, root=Path("/it"), source=source)


def remote(digest: str = "sha256:1", **labels: str) -> RemoteImage:
    return RemoteImage(
        digest=digest,
        media_type="m",
        manifest=b"",
        is_list=False,
        labels={f"{KEY}{name}": value for name, value in labels.items()},
        platform="linux/amd64",
    )


def judged(found: RemoteImage | None, made: Release, *, immutable: bool = False) -> str:
    return judge_version(
        found, made, name="web:1", platform="linux/amd64", immutable=immutable
    ).state


def test_labels_are_those_of_the_specification() -> None:
    assert labels_of(release(source=None)) == {
        f"{KEY}created": "1970-01-01T00:00:00Z",
        f"{KEY}revision": A,
        f"{KEY}source": "",
        f"{KEY}version": "1.0.0",
    }


def test_a_version_is_known_by_its_commit() -> None:
    assert judged(None, release()) == "todo"
    assert judged(remote(revision=A), release()) == "done"


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (remote(revision=B), f"sha256:1, of commit {B}, not of {A}"),
        (remote(), "with no label org.opencontainers.image.revision"),
    ],
)
def test_another_image_under_a_released_tag_is_an_error(found: RemoteImage, said: str) -> None:
    with pytest.raises(ConflictError) as error:
        judged(found, release())
    assert said in str(error.value)
    assert "under another version" in str(error.value)


def test_a_test_tag_is_overwritten_where_the_repository_allows_it() -> None:
    made = release("momentum-v0.0.0-test")
    assert judged(remote(revision=B), made) == "todo"
    with pytest.raises(ConflictError, match=r"immutable; use .*momentum-v0\.0\.0-test\.1"):
        judged(remote(revision=B), made, immutable=True)


def latest(
    found: RemoteImage | None, version: str | None, made: Release, **more: Any
) -> tuple[str, str]:
    rule: LatestRule = more.get("rule", "forward")
    verdict = judge_latest(
        found, version, made, digest=more.get("digest"), name="web:latest",
        immutable=more.get("immutable", False), rule=rule,
    )  # fmt: skip
    return verdict.state, verdict.note


@pytest.mark.parametrize(
    ("version", "tag", "state"),
    [
        ("1.0.0", "v1.0.1", "todo"),
        ("1.0.0", "v1.0.0", "todo"),  # built twice by two jobs: it becomes the one that counts
        ("1.10.0", "v1.9.0", "left"),
        ("1.0.0-rc1", "v1.0.0", "todo"),
        ("2.0.0-rc1", "v1.9.9", "left"),
        ("1.0.0", "v2.0.0-rc1", "left"),
        ("0.0.0-test", "v0.0.0-test.1", "left"),
    ],
)
def test_latest_goes_forward(version: str, tag: str, state: str) -> None:
    assert latest(remote(), version, release(tag))[0] == state
    assert latest(remote(), version, release(tag), rule="always")[0] == "todo"
    assert latest(remote(), version, release(tag), rule="never")[0] == "left"
    assert latest(remote(), version, release(tag), digest="sha256:1")[0] == "done"


def test_latest_that_is_not_there_is_set() -> None:
    assert latest(None, None, release()) == ("todo", "latest is set")
    assert latest(None, None, release("momentum-v1.0.0-rc1"))[0] == "left"


def test_latest_of_an_immutable_repository_is_left() -> None:
    state, note = latest(remote(), "0.1.0", release(), immutable=True)
    assert (state, note) == ("left", "latest is left alone: the repository is immutable")
    assert latest(remote(), "0.1.0", release(), immutable=True, rule="always")[0] == "left"
    assert latest(None, None, release(), immutable=True)[0] == "left"


def test_latest_of_no_known_version_is_an_error() -> None:
    with pytest.raises(ConflictError, match=r"sha256:1.*--move-latest.*--keep-latest"):
        latest(remote(), None, release())


@pytest.mark.parametrize(
    ("labels", "version"),
    [
        ({"version": "1.2.3"}, "1.2.3"),
        ({"version": "1.2.3", "source": "x"}, "1.2.3"),
        ({"version": "1.2.3", "source": ""}, "1.2.3"),
        ({"version": "1.2.3", "source": "another"}, None),
        ({"version": "24.04"}, None),
        ({"version": "stable"}, None),
        ({}, None),
    ],
)
def test_a_version_is_what_the_label_of_this_repository_says(
    labels: dict[str, str], version: str | None
) -> None:
    assert stated_version(remote(**labels).labels, release().source) == version


def test_release_tags_of_an_image_newest_first() -> None:
    tags = ["momentum-v1.0.0", "latest", "dev", "momentum-v1.10.0", "v2.0.0", "momentum-v1.2.0-rc1"]
    assert list(dated_tags(tags, "momentum")) == [
        "momentum-v1.10.0", "momentum-v1.2.0-rc1", "momentum-v1.0.0",
    ]  # fmt: skip
    assert dated_tags(tags, None) == {"v2.0.0": "2.0.0"}


BUILD = Build(
    image="host/web:1",
    dockerfile=Path("/it/Dockerfile"),
    context=Path("/it"),
    platform="linux/amd64",
    labels={"b": "2", "a": "1; rm -rf /"},
    build_args={"X": "y"},
    network="host",
)
SECRET = BuildSecret(id="pip", env="PIP_CONF")
TAIL = ["--label", "a=1; rm -rf /", "--label", "b=2", "--build-arg", "X=y", "--tag", "host/web:1"]
TAIL += ["--file", "/it/Dockerfile", "/it"]


def made_by(builder: Builder) -> ContainerEngine:
    program: Literal["docker", "podman"] = "podman" if builder == "podman" else "docker"
    return ContainerEngine(program=program, builder=builder, platform="linux/amd64")


@pytest.mark.parametrize(
    ("builder", "head", "env"),
    [
        (
            "buildx",
            ["docker", "buildx", "build", "--load", "--provenance=false", "--sbom=false"],
            {"DOCKER_BUILDKIT": "1"},
        ),
        ("buildkit", ["docker", "build"], {"DOCKER_BUILDKIT": "1"}),
        ("legacy", ["docker", "build"], {"DOCKER_BUILDKIT": "0"}),
        ("podman", ["podman", "build", "--format=docker"], {}),
    ],
)
def test_a_build_is_one_command(builder: Builder, head: list[str], env: dict[str, str]) -> None:
    argv = build_argv(made_by(builder), BUILD)
    middle = ["--progress=plain"] if builder.startswith("build") else []
    middle += ["--platform=linux/amd64"] if builder != "legacy" else []
    assert argv == [*head, *middle, "--network=host", *TAIL]
    assert build_env(made_by(builder)) == env


def test_a_build_secret_is_named_and_never_shown() -> None:
    def words(builder: Builder) -> list[str]:
        build = Build(
            image="i", dockerfile=Path("d"), context=Path("c"), platform="linux/amd64", labels={},
            build_args={}, secrets=[SECRET],
        )  # fmt: skip
        return build_argv(made_by(builder), build)

    assert "--secret=id=pip,env=PIP_CONF" in words("buildkit")
    assert "--secret=id=pip,type=env,src=PIP_CONF" in words("podman")
    with pytest.raises(EngineError, match=r"secrets.*buildx"):
        words("legacy")


def test_the_old_builder_builds_for_its_own_platform_alone() -> None:
    engine = ContainerEngine(program="docker", builder="legacy", platform="linux/arm64")
    with pytest.raises(EngineError, match="linux/amd64 on linux/arm64"):
        build_argv(engine, BUILD)


def test_pushing_and_logging_in() -> None:
    docker, podman = made_by("buildx"), made_by("podman")
    assert push_argv(docker, "i", insecure=True) == ["docker", "push", "i"]
    assert push_argv(podman, "i", insecure=True) == ["podman", "push", "--tls-verify=false", "i"]
    assert push_argv(podman, "i", insecure=False) == ["podman", "push", "i"]
    words = ["login", "--username", "AWS", "--password-stdin"]
    assert login_argv(docker, "h", "AWS", insecure=True) == ["docker", *words, "h"]
    secure = login_argv(podman, "h", "AWS", insecure=False)
    assert secure == ["podman", *words, "h"]


@pytest.mark.parametrize(
    ("said", "fault"),
    [
        ("tag invalid: The image tag 'v1' already exists in the 'r' repository", "immutable"),
        ("cannot be overwritten because the repository is immutable", "immutable"),
        ("name unknown: The repository with name 'r' does not exist in the registry", "missing"),
        ("denied: User is not authorized to perform: ecr:InitiateLayerUpload", "denied"),
        ("no basic auth credentials", "denied"),
        ("unauthorized: authentication required", "denied"),
        (
            "push access denied, repository does not exist or may require authorization",
            "denied",
        ),
        ("received unexpected HTTP status: 503 Service Unavailable", "other"),
        ("EOF", "other"),
    ],
)
def test_why_a_push_failed(said: str, fault: str) -> None:
    assert push_fault(said) == fault


@pytest.mark.parametrize(
    ("text", "takes"),
    [
        ("ARG BASE_IMAGE=a\nFROM $BASE_IMAGE\n", True),
        ("# x\narg BASE_IMAGE\nfrom ${BASE_IMAGE}\n", True),
        ("FROM a\nARG BASE_IMAGE\n", False),
        ("ARG BASE_IMAGES\nFROM a\n", False),
        ("ARG BASE_IMAGE\n", True),
        ("FROM a\n", False),
    ],
)
def test_whether_a_base_can_be_chosen(text: str, takes: bool) -> None:
    assert takes_base(text) is takes


@pytest.mark.parametrize(
    ("text", "changed"),
    [
        ("FROM a:1\nRUN x\n", "FROM b\nRUN x\n"),
        ("from --platform=linux/amd64 a:1 as one\n", "from --platform=linux/amd64 b as one\n"),
        ("FROM a AS x\nFROM x\nFROM a\n", "FROM b AS x\nFROM x\nFROM b\n"),
        ("# FROM z\nFROM a\nRUN echo FROM z\n", "# FROM z\nFROM b\nRUN echo FROM z\n"),
    ],
)
def test_replacing_the_base(text: str, changed: str) -> None:
    assert with_base(text, "b", file="Dockerfile") == changed


@pytest.mark.parametrize(
    ("text", "said"),
    [("FROM a\nFROM c\n", "builds on a, c"), ("RUN x\n", "has no FROM"), ("", "has no FROM")],
)
def test_a_base_that_cannot_be_told(text: str, said: str) -> None:
    with pytest.raises(ImageBuildError, match=f"Dockerfile: {said}.*ARG BASE_IMAGE"):
        with_base(text, "b", file="Dockerfile")
