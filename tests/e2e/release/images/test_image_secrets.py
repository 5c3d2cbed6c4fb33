"""No secret is in an image, an argument, a file or a message; podman does as docker does."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.engine import unmount_below
from tests.support.leaks import contents, left_behind
from tests.support.real import need
from tests.support.registry import PASSWORD, Proxy
from tests.support.yard import BASE, A, B, Yard, buildkit_path, docker, open_yard
from tradai_tasks.errors import ImageBuildError
from tradai_tasks.settings.images import BuildSecret

MARK = "t0ken-that-nothing-may-show"
SECRET = (
    f"FROM {BASE}\n"
    "RUN --mount=type=secret,id=index cat /run/secrets/index > /dev/null "
    "&& test -s /run/secrets/index && echo read\n"
)


@pytest.fixture
def yard(docker_host: str, front: Proxy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Yard:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "scratch"))
    (tmp_path / "scratch").mkdir()
    made = open_yard(docker_host, front, tmp_path / "project", monkeypatch)
    made.given["secrets"] = (BuildSecret(id="index", env="INDEX_TOKEN"),)
    made.env["INDEX_TOKEN"] = MARK
    return made


def test_a_build_secret_is_read_and_left_nowhere(
    yard: Yard, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path = buildkit_path(tmp_path / "bin")
    need(path is not None, "a docker with BuildKit (the buildx plugin, or docker before 23)")
    yard.env["PATH"] = str(path)
    (yard.root / "web/Dockerfile").write_text(SECRET)
    look = yard.run("v1.0.0", A)
    assert "read" in (yard.root / "build/reports/images/web.log").read_text()
    (yard.root / "web/Dockerfile").write_text(SECRET.replace("> /dev/null", ">&2; exit 1 #"))
    with pytest.raises(ImageBuildError) as error:
        yard.run("v1.1.0", B)
    assert "***" in (yard.root / "build/reports/images/web.log").read_text()
    image = f"{yard.spec().repository}:v1.0.0"
    saved = subprocess.run(
        ["docker", "save", image],
        env={**os.environ, "DOCKER_HOST": yard.docker},
        capture_output=True,
        check=True,
    ).stdout
    said = [*capfd.readouterr(), str(error.value), json.dumps(yard.ran), json.dumps(look.record)]
    said.append(docker(yard.docker, "history", "--no-trunc", image))
    for secret in (MARK, PASSWORD):
        assert not [name for name, data in contents(saved) if secret.encode() in data]
        found = left_behind(yard.root, tmp_path / "scratch", tmp_path / "registry" / "data")
        assert not [name for name, data in found if secret.encode() in data]
        assert not [text for text in said if secret in text]
    assert list((tmp_path / "scratch").iterdir()) == []


def test_the_users_own_login_is_not_touched(yard: Yard, tmp_path: Path) -> None:
    own = tmp_path / "own"
    own.mkdir()
    (own / "config.json").write_text('{"auths": {}}')
    yard.env["DOCKER_CONFIG"] = str(own)
    yard.given["secrets"] = ()
    yard.run("v1.0.0", A)
    assert [(file.name, file.read_text()) for file in own.iterdir()] == [
        ("config.json", '{"auths": {}}')
    ]


@pytest.fixture
def podman(yard: Yard, tmp_path: Path) -> Iterator[Yard]:
    """The same yard, with podman and nothing of docker's."""
    program = shutil.which("podman")
    need(program is not None and os.geteuid() == 0, "podman (and root)")
    home = tmp_path / "podman"
    home.mkdir()
    (home / "storage.conf").write_text(
        f'[storage]\ndriver = "vfs"\ngraphroot = "{home}/graph"\nrunroot = "{home}/run"\n'
    )
    (home / "containers.conf").write_text(
        '[engine]\ncgroup_manager = "cgroupfs"\nevents_logger = "file"\n'
        '[containers]\ncgroups = "disabled"\n'
    )
    (home / "registries.conf").write_text("unqualified-search-registries = []\n")
    yard.env |= {
        "CONTAINERS_STORAGE_CONF": str(home / "storage.conf"),
        "CONTAINERS_CONF": str(home / "containers.conf"),
        "CONTAINERS_REGISTRIES_CONF": str(home / "registries.conf"),
        "BUILDAH_ISOLATION": "chroot",
    }
    yard.given["engine"] = "podman"
    saved = subprocess.run(
        ["docker", "save", BASE],
        env={**os.environ, "DOCKER_HOST": yard.docker},
        capture_output=True,
        check=True,
    ).stdout
    loaded = subprocess.run(
        ["podman", "load"], env=yard.env, input=saved, capture_output=True, check=False
    )
    need(loaded.returncode == 0, f"a podman that works here ({loaded.stderr.decode()[-300:]})")
    yield yard
    unmount_below(home)


def test_podman_builds_and_pushes_the_same(podman: Yard) -> None:
    (podman.root / "web/Dockerfile").write_text(SECRET.replace(BASE, f"localhost/{BASE}"))
    look = podman.run("v1.0.0", A)
    assert look.state == "done"
    there = podman.there("v1.0.0")
    assert there is not None
    assert there.labels["org.opencontainers.image.revision"] == A
    assert not there.is_list
    assert podman.digest("latest") == there.digest
    assert {argv[0] for argv in podman.ran} == {"podman"}
    assert MARK not in json.dumps(podman.ran)
    podman.forget()
    assert podman.run("v1.0.0", A).state == "done"
    assert podman.proxy.writes() == []
