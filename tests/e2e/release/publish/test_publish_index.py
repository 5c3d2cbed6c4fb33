"""`publish` to any index that the settings name, here a pypiserver."""

from __future__ import annotations

import importlib.util
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.published_libraries import Nox, commit, workspace
from tests.support.real import edit, failed_with, need


@pytest.fixture
def pypi(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """A real pypiserver with a password."""
    # not imported here: it puts a hook of its own before every later import
    need(importlib.util.find_spec("pypiserver") is not None, "pypiserver")
    packages = tmp_path / "packages"
    packages.mkdir()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    start = (
        "import sys, pypiserver, wsgiref.simple_server as s\n"
        "app = pypiserver.app(roots=[sys.argv[2]], authenticate=['update', 'list', 'download'],\n"
        "    password_file=None, auther=lambda u, p: (u, p) == ('ci', 'marked-password'),\n"
        "    disable_fallback=True, overwrite=False)\n"
        "s.make_server('127.0.0.1', int(sys.argv[1]), app).serve_forever()\n"
    )
    log = (tmp_path / "pypiserver.log").open("w")
    argv = [sys.executable, "-c", start, str(port), str(packages)]
    with log, subprocess.Popen(argv, stdout=log, stderr=log) as process:
        url = f"http://127.0.0.1:{port}"
        for _ in range(300):
            try:
                urllib.request.urlopen(f"{url}/health", timeout=5).close()
                break
            except OSError:
                assert process.poll() is None, (tmp_path / "pypiserver.log").read_text()
                time.sleep(0.1)
        yield url, packages
        process.terminate()


def test_any_index_by_settings(tmp_path: Path, nox: Nox, pypi: tuple[str, Path]) -> None:
    url, packages = pypi
    index = (
        f'\n[tool.tradai-tasks.publish.index]\nupload-url = "{url}/"\nsimple-url = "{url}/simple"\n'
        'username-env = "INDEX_USER"\npassword-env = "INDEX_PASSWORD"\n'
    )
    home = workspace(tmp_path / "w", {"lib-a": "uv_build"}, more=index)
    env = {"INDEX_USER": "ci", "INDEX_PASSWORD": "marked-password"}
    failed_with(
        nox(home, "-s", "publish", env={**env, "INDEX_PASSWORD": "wrong"}),
        "the index refuses to show what it has (HTTP 40",
    )
    failed_with(
        nox(home, "-s", "publish", env={"INDEX_USER": "ci"}),
        "the environment variable INDEX_PASSWORD is not set",
    )
    first = nox(home, "-s", "publish", env=env)
    assert first.status == 0, first.text
    assert [path.name for path in packages.glob("*.whl")] == ["lib_a-1.0.0-py3-none-any.whl"]
    second = nox(home, "-s", "publish", env=env)
    assert "nothing to do" in second.log, second.text
    edit(home / "libs/lib-a/src/lib_a/__init__.py", "42", "43")
    commit(home, "Changed")
    failed_with(nox(home, "-s", "publish", env=env), "its source has changed (lib_a/__init__.py)")
    assert "marked" not in first.text + second.text
