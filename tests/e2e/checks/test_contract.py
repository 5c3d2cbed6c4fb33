"""`contract` and `integration` on a real Docker engine and the real Docker Compose."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.engine import engine, import_busybox
from tests.support.real import NOXFILE, need, nox, write

_PYPROJECT = """\
[project]
name = "shop"
version = "0.1.0"
requires-python = ">=3.11"

[dependency-groups]
dev = ["pytest==9.2.0", "pytest-cov==7.1.0"]

[tool.uv]
package = false

[tool.pytest.ini_options]
markers = ["contract", "integration"]
"""
_TEST = """\
import pathlib
import time

import pytest


@pytest.mark.contract
def test_the_service_has_written_its_answer():
    answer = pathlib.Path("{shared}/answer")
    for _ in range(100):
        if answer.exists() and answer.read_text():
            break
        time.sleep(0.1)
    assert answer.read_text() == "42\\n"


@pytest.mark.integration
def test_integration():
    assert {integration}
"""
_COMPOSE = """\
services:
  answer:
    image: localhost/busybox:test
    network_mode: none
    stop_grace_period: 1s
    volumes: ["{shared}:/shared"]
    command: ["/bin/sh", "-c", "echo 42 > /shared/answer && {then}"]
"""


@pytest.fixture(scope="module")
def docker_host() -> Iterator[str]:
    # a socket's path must be short
    with tempfile.TemporaryDirectory(prefix="dkr") as folder, engine(Path(folder)) as host:
        import_busybox(host, Path(folder), "localhost/busybox:test")
        yield host


def shop(home: Path, *, then: str = "sleep 60", integration: str = "True") -> Path:
    shared = home / "shared"
    shared.mkdir()
    write(
        home,
        {
            "pyproject.toml": _PYPROJECT,
            "noxfile.py": NOXFILE,
            "tests/test_shop.py": _TEST.format(shared=shared, integration=integration),
            "compose.yaml": _COMPOSE.format(shared=shared, then=then),
        },
    )
    assert nox(home, "-s", "lock").status == 0
    return home


def left_over(host: str) -> str:
    env = {**os.environ, "DOCKER_HOST": host}
    argv = ["docker", "ps", "--all", "--quiet"]
    return subprocess.run(argv, env=env, capture_output=True, text=True, check=True).stdout


def test_services_are_up_for_the_tests_and_down_afterwards(
    tmp_path: Path, docker_host: str
) -> None:
    need(_has_compose(), "Docker Compose")
    home = shop(tmp_path)
    result = nox(home, "-s", "contract", env={"DOCKER_HOST": docker_host})
    assert result.status == 0, result.text
    assert "1 passed" in result.text
    assert left_over(docker_host) == ""


def test_services_are_taken_down_after_a_failure_too(tmp_path: Path, docker_host: str) -> None:
    need(_has_compose(), "Docker Compose")
    home = shop(tmp_path)
    test = home / "tests/test_shop.py"
    test.write_text(test.read_text().replace("42", "43"))
    result = nox(home, "-s", "contract", env={"DOCKER_HOST": docker_host})
    assert result.status != 0
    assert "contract: 1 of 1 tests failed" in result.log
    assert "nox -s contract -- --lf -x" in result.log
    assert left_over(docker_host) == ""


def test_a_service_that_cannot_start_is_named(tmp_path: Path, docker_host: str) -> None:
    need(_has_compose(), "Docker Compose")
    home = shop(tmp_path)
    compose = home / "compose.yaml"
    compose.write_text(compose.read_text().replace("/bin/sh", "/bin/no-such-shell"))
    result = nox(home, "-s", "contract", env={"DOCKER_HOST": docker_host})
    assert result.status != 0
    assert "compose.yaml: its services did not come up" in result.log
    assert "Traceback" not in result.text
    assert left_over(docker_host) == ""


def test_no_engine_is_a_clear_error(tmp_path: Path) -> None:
    need(_has_compose(), "Docker Compose")
    home = shop(tmp_path)
    result = nox(home, "-s", "contract", env={"DOCKER_HOST": f"unix://{tmp_path}/none.sock"})
    assert result.status != 0
    assert "docker: no engine answers; start Docker" in result.log
    assert "Traceback" not in result.text


def test_integration_runs_by_its_marker(tmp_path: Path) -> None:
    home = shop(tmp_path)
    result = nox(home, "-s", "integration")
    assert result.status == 0, result.text
    assert "1 passed, 1 deselected" in result.text
    test = home / "tests/test_shop.py"
    test.write_text(test.read_text().replace("@pytest.mark.integration\n", ""))
    result = nox(home, "-s", "integration")
    assert result.status != 0
    assert "integration: no test has the marker 'integration'; give one" in result.log


def _has_compose() -> bool:
    if shutil.which("docker-compose"):
        return True
    done = subprocess.run(["docker", "compose", "version"], capture_output=True, check=False)
    return done.returncode == 0
