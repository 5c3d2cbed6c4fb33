"""The engine that is found, and the login that is kept apart from the user's own."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import msgspec
import pytest

from tradai_tasks.errors import (
    EngineError,
    ImageBuildError,
    LoginRefusedError,
    RegistryError,
    SettingsError,
)
from tradai_tasks.http_client.address import Credentials
from tradai_tasks.process import Completed
from tradai_tasks.release.clients.image_reference import Home
from tradai_tasks.release.images.engine import Containers, Pushed, find_engine, sweep
from tradai_tasks.release.images.engine_commands import Build
from tradai_tasks.release.images.image_tools import open_image_tools
from tradai_tasks.settings.images import BuildSecret, ImagesSettings

VERSION = "20.10.24 linux/amd64"


class Door:
    """What goes through the one door to subprocesses, answered by the start of its words."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        self.answers: dict[tuple[str, ...], tuple[int, str, str]] = {
            ("docker", "version"): (0, VERSION, ""),
            ("docker", "buildx"): (1, "", "no buildx"),
        }
        self.ran: list[list[str]] = []
        self.envs: list[Mapping[str, str]] = []
        self.inputs: list[bytes | None] = []
        self.configs: list[dict[str, Any]] = []
        monkeypatch.setattr("tradai_tasks.release.images.engine.run", self)
        monkeypatch.setattr("tradai_tasks.release.images.engine.run_logged", self.logged)
        monkeypatch.setattr("shutil.which", lambda name, path: path and name)
        monkeypatch.setattr("tempfile.tempdir", str(tmp_path))

    def __call__(
        self, argv: Sequence[str], *, env: Mapping[str, str], stdin: bytes | None = None, **_: Any
    ) -> Completed:
        self.ran.append(list(argv))
        self.envs.append(env)
        self.inputs.append(stdin)
        if "REGISTRY_AUTH_FILE" in env:
            self.configs.append(json.loads(Path(env["DOCKER_CONFIG"], "config.json").read_text()))
        status, out, err = self.answers.get(tuple(argv[:2]), (0, "", ""))
        return Completed(
            argv=tuple(argv), returncode=status, stdout=out.encode(), stderr=err.encode()
        )

    def logged(
        self, argv: Sequence[str], *, env: Mapping[str, str], log: BinaryIO, **_: Any
    ) -> int:
        done = self(argv, env=env)
        log.write(done.stdout + done.stderr)
        return done.returncode


@pytest.fixture
def door(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Door:
    return Door(monkeypatch, tmp_path)


def containers(tmp_path: Path, env: Mapping[str, str], **more: Any) -> Containers:
    given: dict[str, Any] = {
        "wanted": "docker",
        "root": tmp_path,
        "reports": tmp_path / "reports",
        "env": {"PATH": "/bin", "HOME": str(tmp_path / "home"), **env},
        "credentials": lambda: Credentials("me", "s3cret"),
        "remedy": "check them",
        "insecure": True,
        **more,
    }
    return Containers("reg.example", **given)


def found(door: Door, wanted: str = "docker", path: str = "/bin") -> tuple[str, str]:
    engine = find_engine(wanted, {"PATH": path}, Path("/"))
    return engine.builder, engine.platform


def test_the_builder_is_what_the_engine_has(door: Door) -> None:
    assert found(door) == ("buildkit", "linux/amd64")
    door.answers["docker", "version"] = (0, "28.2.2 linux/arm64", "")
    assert found(door) == ("legacy", "linux/arm64")
    door.answers["docker", "buildx"] = (0, "", "")
    assert found(door) == ("buildx", "linux/arm64")
    door.answers["podman", "info"] = (0, "linux/amd64\n", "")
    assert found(door, "podman") == ("podman", "linux/amd64")


def test_podman_is_taken_where_there_is_no_docker(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shutil.which", lambda name, path: name if name == "podman" else None)
    door.answers["podman", "info"] = (0, "linux/amd64\n", "")
    assert found(door, "auto") == ("podman", "linux/amd64")
    with pytest.raises(EngineError, match="docker: not found on PATH; install a container engine"):
        found(door, "docker")


@pytest.mark.parametrize(
    ("wanted", "answer", "said"),
    [
        (
            "docker",
            (1, "20.10 ", "Cannot connect to the Docker daemon"),
            "Cannot connect.*start it",
        ),
        ("docker", (0, "20.10", ""), "does not answer: 20.10"),
        ("podman", (125, "", "no subuid ranges"), "podman: does not work: no subuid ranges"),
        ("podman", (125, "", ""), "exit status 125"),
    ],
)
def test_an_engine_that_does_not_work(
    door: Door, wanted: str, answer: tuple[int, str, str], said: str
) -> None:
    door.answers[wanted, "version" if wanted == "docker" else "info"] = answer
    with pytest.raises(EngineError, match=said):
        found(door, wanted)


def test_the_login_is_kept_apart_and_forgotten(door: Door, tmp_path: Path) -> None:
    theirs = tmp_path / "home" / ".docker"
    (theirs / "contexts").mkdir(parents=True)
    config = {
        "auths": {"reg.example": {"auth": "old"}, "hub.example": {}, "in.example": {"auth": "a"}},
        "credsStore": "desktop",
        "credHelpers": {"reg.example": "x", "gcr.example": "gcloud"},
        "currentContext": "colima",
    }
    (theirs / "config.json").write_text(json.dumps(config))
    engine = containers(tmp_path, {})
    assert engine.push("reg.example/web:1") == Pushed(fault=None, said="")
    login = ["docker", "login", "--username", "me", "--password-stdin", "reg.example"]
    assert door.ran[-2:] == [login, ["docker", "push", "reg.example/web:1"]]
    assert door.inputs[-2] == b"s3cret"
    assert "s3cret" not in json.dumps(door.ran)
    assert door.configs[-1] == {
        "auths": {"hub.example": {}, "in.example": {"auth": "a"}, "reg.example": {}},
        "credHelpers": {"hub.example": "desktop", "gcr.example": "gcloud"},
        "currentContext": "colima",
    }
    scratch = Path(door.envs[-1]["DOCKER_CONFIG"])
    assert scratch.stat().st_mode & 0o777 == 0o700
    assert (scratch / "contexts").resolve() == theirs / "contexts"
    assert door.envs[-1]["REGISTRY_AUTH_FILE"] == str(scratch / "config.json")
    engine.close()
    assert not scratch.exists()
    assert (theirs / "contexts").exists()
    assert json.loads((theirs / "config.json").read_text()) == config
    engine.close()


@pytest.mark.parametrize("text", ["", "[]", "{", None])
def test_a_configuration_that_is_none(door: Door, tmp_path: Path, text: str | None) -> None:
    (tmp_path / "own").mkdir()
    if text is not None:
        (tmp_path / "own" / "config.json").write_text(text)
    engine = containers(tmp_path, {"DOCKER_CONFIG": str(tmp_path / "own")})
    engine.push("i")
    assert door.configs[-1] == {"auths": {"reg.example": {}}, "credHelpers": {}}
    engine.close()


def test_no_login_without_credentials(door: Door, tmp_path: Path) -> None:
    engine = containers(tmp_path, {}, credentials=lambda: None)
    engine.push("i")
    assert [argv[1] for argv in door.ran] == ["version", "buildx", "push"]
    engine.close()


@pytest.mark.parametrize(
    ("said", "error", "shown"),
    [
        ("unauthorized: wrong s3cret", LoginRefusedError, r"login refused: .* \*\*\*; check them"),
        ("login attempt failed with status: 401 Unauthorized", LoginRefusedError, "check them"),
        ("dial tcp: connection refused", RegistryError, "docker login failed: dial tcp"),
    ],
)
def test_a_login_that_fails(
    door: Door, tmp_path: Path, said: str, error: type[Exception], shown: str
) -> None:
    door.answers["docker", "login"] = (1, "", said)
    engine = containers(tmp_path, {})
    with pytest.raises(error, match=shown) as raised:
        engine.push("i")
    assert "s3cret" not in str(raised.value)
    engine.close()
    assert not list(tmp_path.glob("tradai-tasks-login-*"))


def test_how_a_push_failed_is_reported(door: Door, tmp_path: Path) -> None:
    door.answers["docker", "push"] = (1, "The push refers to\n", "denied: no")
    engine = containers(tmp_path, {})
    assert engine.push("i") == Pushed(fault="denied", said="denied: no")
    engine.close()


def build(**more: Any) -> Build:
    return Build(
        image="i", dockerfile=Path("/out/Dockerfile"), context=Path("/out"),
        platform="linux/amd64", labels={}, build_args={}, **more,
    )  # fmt: skip


def test_the_output_of_a_build_is_kept_without_its_secrets(door: Door, tmp_path: Path) -> None:
    door.answers["docker", "build"] = (1, "", "the token is t0ken\nfailed with t0ken\n\n")
    engine = containers(tmp_path, {"TOKEN": "t0ken"})
    secret = BuildSecret(id="pip", env="TOKEN")
    with pytest.raises(ImageBuildError, match=r"web: .* failed with \*\*\*; check /out/Dockerfile"):
        engine.build(build(secrets=[secret]), "web")
    assert (tmp_path / "reports/web.log").read_text().startswith("the token is ***\n")
    assert "t0ken" not in json.dumps(door.ran)
    with pytest.raises(SettingsError, match=r"images\.secrets: ABSENT: not set"):
        engine.build(build(secrets=[secret, BuildSecret(id="x", env="ABSENT")]), "web")
    door.answers["docker", "build"] = (1, "", "")
    with pytest.raises(ImageBuildError, match="no output"):
        engine.build(build(), "web")
    engine.close()


def test_what_a_killed_process_left_is_removed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    gone = {111: ProcessLookupError(), 222: PermissionError()}

    def kill(pid: int, _: int) -> None:
        if pid in gone:
            raise gone[pid]

    monkeypatch.setattr(os, "kill", kill)
    names = [f"tradai-tasks-login-{name}" for name in ("111-x", "222-x", "333-x", "x-x")]
    for name in names:
        (tmp_path / name).mkdir()
    (tmp_path / "tradai-tasks-login-111-file").write_text("")
    sweep()
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(
        [*names[1:], "tradai-tasks-login-111-file"]
    )


@pytest.mark.parametrize(
    ("table", "env", "user", "remedy"),
    [
        ({}, {}, None, "check REGISTRY_USERNAME and REGISTRY_PASSWORD"),
        (
            {},
            {"REGISTRY_USERNAME": "me", "REGISTRY_PASSWORD": "p"},
            "me",
            "check REGISTRY_USERNAME",
        ),
        ({"login": "none"}, {"REGISTRY_USERNAME": "me", "REGISTRY_PASSWORD": "p"}, None, "check"),
        ({"username-env": "U", "password-env": "P"}, {"U": "me", "P": "p"}, "me", "check U and P"),
        ({"login": "ecr"}, {}, None, "aws sts get-caller-identity"),
    ],
)
def test_where_credentials_come_from(
    tmp_path: Path, table: dict[str, str], env: dict[str, str], user: str | None, remedy: str
) -> None:
    settings = msgspec.convert(table, ImagesSettings)
    with open_image_tools(settings, Home(host="reg.example"), root=tmp_path, env=env) as tools:
        assert remedy in tools.engine.remedy
        assert (tools.ecr is not None) is (table.get("login") == "ecr")
        if tools.ecr is None:
            known = tools.engine.credentials()
            assert (known and known.username) == user


@pytest.mark.parametrize(
    ("env", "lacking"),
    [
        ({"REGISTRY_PASSWORD": "p"}, "REGISTRY_USERNAME"),
        ({"REGISTRY_USERNAME": "u"}, "REGISTRY_PASSWORD"),
    ],
)
def test_half_of_the_credentials(tmp_path: Path, env: dict[str, str], lacking: str) -> None:
    settings = msgspec.convert({"login": "environment"}, ImagesSettings)
    with (
        open_image_tools(settings, Home(host="reg.example"), root=tmp_path, env=env) as tools,
        pytest.raises(LoginRefusedError, match=f"{lacking} is not set"),
    ):
        tools.engine.credentials()
