"""What keeps an image from being built, pushed or labelled, on a real engine and registry."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.yard import BASE, DOCKERFILE, A, Yard
from tradai_tasks.errors import (
    EngineError,
    ImageBuildError,
    LoginRefusedError,
    PushDeniedError,
)


def test_an_engine_that_is_not_there(yard: Yard, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    yard.env["PATH"] = str(tmp_path / "empty")
    with pytest.raises(EngineError, match="docker and podman: not found on PATH; install"):
        yard.run("v1.0.0", A)
    with pytest.raises(EngineError, match="podman: not found on PATH"):
        yard.run("v1.0.0", A, engine="podman")


def test_an_engine_that_does_not_answer(yard: Yard, tmp_path: Path) -> None:
    yard.env["DOCKER_HOST"] = f"unix://{tmp_path}/nothing.sock"
    with pytest.raises(EngineError, match=r"the engine does not answer.*start it"):
        yard.run("v1.0.0", A)


def test_a_login_that_is_refused(yard: Yard) -> None:
    yard.env["REGISTRY_PASSWORD"] = "wr0ng"
    with pytest.raises(LoginRefusedError, match=r"login refused.*check REGISTRY_USERNAME") as error:
        yard.run("v1.0.0", A)
    assert "wr0ng" not in str(error.value)
    with yard.tools() as tools, pytest.raises(LoginRefusedError, match="login refused"):
        tools.engine.push("x")
    del yard.env["REGISTRY_PASSWORD"]
    with pytest.raises(LoginRefusedError, match="no credentials were given"):
        yard.run("v1.0.0", A)
    with pytest.raises(LoginRefusedError, match="REGISTRY_PASSWORD is not set"):
        yard.run("v1.0.0", A, login="environment")


def test_a_push_that_is_denied(yard: Yard) -> None:
    yard.proxy.read_only = True
    with pytest.raises(PushDeniedError, match=r"push denied.*check REGISTRY_USERNAME"):
        yard.run("v1.0.0", A)


def test_latest_that_may_not_be_written(yard: Yard) -> None:
    yard.proxy.fail("PUT", "/manifests/latest", 403, 10)
    with pytest.raises(PushDeniedError, match="push denied"):
        yard.run("v1.0.0", A)


def test_an_image_that_does_not_build(yard: Yard, capfd: pytest.CaptureFixture[str]) -> None:
    (yard.root / "web/Dockerfile").write_text(f"FROM {BASE}\nRUN cat /absent\n")
    with pytest.raises(ImageBuildError, match=r"web: its image does not build: .*web/Dockerfile"):
        yard.run("v1.0.0", A)
    assert "/absent" in capfd.readouterr().err
    assert "/absent" in (yard.root / "build/reports/images/web.log").read_text()
    assert yard.proxy.writes() == []


def test_a_dockerfile_that_is_no_text_is_for_the_engine_to_judge(yard: Yard) -> None:
    (yard.root / "web/Dockerfile").write_bytes(b"\xff\xfeFROM x\n")
    with pytest.raises(ImageBuildError, match="its image does not build"):
        yard.run("v1.0.0", A)
    comment = DOCKERFILE.encode() + b"# caf\xe9\n"
    (yard.root / "web/Dockerfile").write_bytes(comment)
    assert yard.run("v1.0.0", A).state == "done"


def test_an_image_without_a_dockerfile(yard: Yard) -> None:
    (yard.root / "web/Dockerfile").unlink()
    with pytest.raises(ImageBuildError, match=r"web/Dockerfile: no such file.*images\.units\.web"):
        yard.run("v1.0.0", A)
