"""The example's own gates, for real: what they say decides whether its library is published."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.support.codeartifact import State, codeartifact
from tests.support.osv import advisory, osv_server
from tests.support.real import Result, copy_example, git, nox

TAG = "v1.2.0"
GATES = ("lint", "typecheck", "security", "test")
SETTINGS = """
[tool.tradai-tasks.publish]
codeartifact = { domain = "tradai", repository = "py" }

[tool.tradai-tasks.security]
service-url = "http://127.0.0.1:9/v1/query"
"""


class Platform:
    """The example, locked and committed, with an index and no advisory service yet."""

    def __init__(self, home: Path, index: State) -> None:
        self.home = copy_example("tradai-uv", home)
        self.index = index
        self.settings = self.home / "pyproject.toml"
        self.settings.write_text(self.settings.read_text() + SETTINGS)
        git(self.home, "init", "-q", "-b", "main")
        git(self.home, "add", "-A")
        git(self.home, "commit", "-qm", "An example")
        locked = nox(self.home, "-s", "lock")
        assert locked.status == 0, locked.text
        self.tag()

    def tag(self) -> None:
        git(self.home, "add", "-A")
        git(self.home, "commit", "-qm", "Settings", "--allow-empty")
        git(self.home, "tag", "-f", TAG)

    def ask(self, service: str) -> None:
        """Let the audit ask another advisory service."""
        text = self.settings.read_text()
        self.settings.write_text(text.replace("http://127.0.0.1:9/v1/query", service))
        self.tag()

    def version(self, name: str) -> str:
        lock = tomllib.loads((self.home / "uv.lock").read_text())
        (found,) = [one["version"] for one in lock["package"] if one["name"] == name]
        return str(found)

    def release(self) -> Result:
        stages = (word for name in (*GATES, "publish") for word in ("--only", name))
        return nox(self.home, "-s", "release", "--", TAG, *stages, env=self.index.env, timeout=900)

    def verdicts(self) -> dict[str, str]:
        """What each stage that ended came to, by its evidence."""
        found = {}
        for name in (*GATES, "publish"):
            file = self.home / "build/release" / TAG / f"{name}.json"
            if file.exists():
                found[name] = json.loads(file.read_text())["verdict"]
        return found


@pytest.fixture
def platform(tmp_path: Path) -> Iterator[Platform]:
    with codeartifact() as index:
        yield Platform(tmp_path / "tradai-uv", index)


def stopped(platform: Platform, ran: Result, *passages: str) -> None:
    """It failed by its security gate, said why, and nothing was uploaded."""
    assert ran.status == 1, ran.text
    assert "Traceback" not in ran.log, ran.text
    for passage in ("security platform: ", "v1.2.0: not complete", *passages):
        assert passage in ran.text, ran.text
    assert platform.verdicts()["security"] == "failed"
    assert "publish" not in platform.verdicts()
    assert platform.index.count("upload") == 0


def test_nothing_is_published_before_the_examples_own_gates_have_passed(platform: Platform) -> None:
    stopped(platform, platform.release(), "pip-audit: ")  # it cannot be asked: that is no pass
    starlette = ("starlette", platform.version("starlette"))
    known = {starlette: [advisory("GHSA-x", "99", "CVE-2026-7")]}
    with ExitStack() as stack:
        platform.ask(stack.enter_context(osv_server(known)))
        stopped(platform, platform.release(), "CVE-2026-7", "fixed in 99")
        known.clear()
        ran = platform.release()
    assert ran.status == 0, ran.text
    assert platform.verdicts() == dict.fromkeys((*GATES, "publish"), "passed")
    (name,) = platform.index.files
    assert name.startswith("tradai_strategy-")
    assert name.endswith(".whl")
