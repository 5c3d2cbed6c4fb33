"""No test file is replayed whose outcome an edit has changed, however it depends on it."""

from __future__ import annotations

import os
import re
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from tests.support import pythons
from tests.support.probes import BASE, CODE, TESTS, probes
from tests.support.real import NOXFILE, Result, edit, git, nox, write

_MEMBER = """\
[project]
name = "{name}"
version = "0.1.0"
requires-python = ">={python}"
dependencies = [{needs}]

[dependency-groups]
dev = ["pytest==9.2.0", "pytest-cov==7.1.0", "iniconfig==2.1.0"]

[build-system]
requires = ["uv_build>=0.9,<1"]
build-backend = "uv_build"

[tool.uv.build-backend]
module-name = "{name}"

[tool.uv.sources]
base = {{ workspace = true }}
"""
_SETTINGS = """
[tool.uv.workspace]
members = ["libs/*"]

[tool.pytest.ini_options]
addopts = "-q"

[tool.tradai-tasks.test]
floor = 0

[tool.tradai-tasks.results]
replay = "auto"
"""
_CONFTEST = """\
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def stock() -> int:
    from shop.stock import count

    return count()


@pytest.fixture(scope="session")
def golden() -> str:
    return (Path(__file__).parent / "golden.txt").read_text()
"""
_OTHERS = {
    "test_aside": "from shop import aside\n\n\ndef test_it() -> None:\n    assert aside.V == 1\n",
    "test_variable": "import os\n\n\ndef test_it() -> None:\n"
    '    assert os.environ.get("SHOP_MODE") is None\n',
    "test_version": "from importlib.metadata import version\n\n\ndef test_it() -> None:\n"
    '    assert version("iniconfig") == "2.1.0"\n',
    "test_member": "from importlib.metadata import version\n\n\ndef test_it() -> None:\n"
    '    assert version("base") == "0.1.0"\n',
    "test_warning": "import warnings\n\n\ndef test_it() -> None:\n"
    '    warnings.warn("old", DeprecationWarning)\n',
}


class Workspace:
    """Two members with all probes; `tests` is what a run reports of each test file."""

    def __init__(self, home: Path, python: str) -> None:
        self.home = home
        self.env = {"XDG_CACHE_HOME": str(home.parent / "cache"), "TRADAI_TASKS_REPLAY": ""}
        files = {
            "pyproject.toml": _SETTINGS,
            "noxfile.py": NOXFILE,
            ".gitignore": ".nox/\nuv.lock\nbuild/\n__pycache__/\n",
            ".python-version": f"{python}\n",
            "libs/base/pyproject.toml": _MEMBER.format(name="base", python=python, needs=""),
            "libs/shop/pyproject.toml": _MEMBER.format(name="shop", python=python, needs='"base"'),
            f"{BASE}/__init__.py": "",
            f"{CODE}/__init__.py": "",
            f"{CODE}/aside.py": "V = 1\n",
            f"{TESTS}/conftest.py": _CONFTEST,
            **{f"{TESTS}/{name}.py": text for name, text in _OTHERS.items()},
        }
        for name, probe in probes().items():
            files |= {f"{TESTS}/test_{name}.py": probe.test, **probe.files}
        write(home, files)
        git(home, "init", "-q", "-b", "work")
        git(home, "add", "-A")
        git(home, "commit", "-qm", "A shop")
        locked = nox(home, "-s", "lock", env=self.env)
        assert locked.status == 0, locked.text

    def test(self, *args: str, **env: str) -> tuple[Result, dict[str, bool]]:
        """Run the tests of shop; return whether each test file passed."""
        shutil.rmtree(self.home / "build", ignore_errors=True)
        result = nox(self.home, "-s", "test(shop)", *args, env={**self.env, **env})
        assert "Traceback (most recent call last)" not in result.log, result.text
        passed: dict[str, bool] = {}
        (report,) = (self.home / "build").rglob("junit.xml")
        for case in ET.parse(report).iter("testcase"):
            named = f"{case.get('classname')} {case.get('name')}"
            (name,) = re.findall(r"\btest_\w+", named)[:1]
            bad = case.find("failure") is not None or case.find("error") is not None
            passed[name] = passed.get(name, True) and not bad
        return result, passed

    def change(self, after: dict[str, str | None]) -> None:
        for path, text in after.items():
            if text is None:
                (self.home / path).unlink()
            else:
                write(self.home, {path: text})


def _pythons() -> list[str]:
    own = f"{sys.version_info[0]}.{sys.version_info[1]}"
    with_functions = [one for one in pythons.others() if int(one.split(".")[1]) >= 12]
    return [own, *with_functions[-1:]]


@pytest.fixture(scope="module", params=_pythons())
def recorded(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Workspace]:
    """A workspace of which every test file is recorded as green."""
    folders = [str(path.parent) for path in pythons.others().values()]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", os.pathsep.join([os.environ["PATH"], *folders]))
        made = Workspace(tmp_path_factory.mktemp("probes") / "home", request.param)
        result, passed = made.test()
        assert result.status == 0, result.text
        assert all(passed.values()), passed
        assert set(passed) == {f"test_{name}" for name in probes()} | set(_OTHERS)
        yield made


@pytest.fixture
def shop(recorded: Workspace) -> Workspace:
    git(recorded.home, "checkout", "-q", ".")
    git(recorded.home, "clean", "-qfd", "-e", "uv.lock")
    return recorded


def counts(result: Result) -> tuple[int, int]:
    """Return how many test files were run, and how many replayed."""
    found = re.search(r"(\d+) test files: (\d+) run(?:, (\d+) unchanged)?", result.text)
    assert found, result.text
    total, ran, kept = map(int, found.groups("0"))
    assert total == ran + kept
    return ran, kept


def test_what_has_not_changed_is_replayed(shop: Workspace) -> None:
    result, passed = shop.test()
    assert result.status == 0, result.text
    assert all(passed.values()), passed
    _, kept = counts(result)
    assert kept == len(passed), result.text


# a fixture of the whole session counts for every test file that can ask for it
_SHARED = ("shared_fixture", "shared_fixture_again", "fixture_file")
_EDITS = {
    "what belongs to one file": [name for name in probes() if name not in _SHARED],
    "what fixtures share": [*_SHARED],
    "a function": ["body"],
}


@pytest.mark.parametrize("edits", _EDITS.values(), ids=list(_EDITS))
def test_an_edit_runs_each_test_that_it_breaks(shop: Workspace, edits: list[str]) -> None:
    for name in edits:
        shop.change(probes()[name].after)
    replayed, passed = shop.test()
    broken = {name for name, is_good in passed.items() if not is_good}
    assert broken == {f"test_{name}" for name in edits}, replayed.text
    _, kept = counts(replayed)
    assert kept or edits == [*_SHARED], replayed.text
    fresh, all_run = shop.test("--", "--fresh")
    assert passed == all_run, fresh.text


def test_the_environment_of_the_run_counts(shop: Workspace) -> None:
    result, passed = shop.test(SHOP_MODE="fast")
    assert not passed["test_variable"], result.text
    write(shop.home, {"libs/shop/tests/conftest.py": _CONFTEST.replace("count()", "2")})
    result, passed = shop.test()
    assert not passed["test_shared_fixture"], result.text
    edit(shop.home / "pyproject.toml", '"-q"', '"-q"\nfilterwarnings = ["error"]')
    result, passed = shop.test()
    assert not passed["test_warning"], result.text


def test_another_version_of_a_dependency_counts(shop: Workspace) -> None:
    for member in ("base", "shop"):
        edit(shop.home / f"libs/{member}/pyproject.toml", "iniconfig==2.1.0", "iniconfig==2.0.0")
    assert nox(shop.home, "-s", "lock", env=shop.env).status == 0
    try:
        result, passed = shop.test()
        assert not passed["test_version"], result.text
    finally:
        git(shop.home, "checkout", "-q", ".")
        assert nox(shop.home, "-s", "lock", env=shop.env).status == 0


def test_another_version_of_a_member_counts(shop: Workspace) -> None:
    edit(shop.home / "libs/base/pyproject.toml", 'version = "0.1.0"', 'version = "0.2.0"')
    assert nox(shop.home, "-s", "lock", env=shop.env).status == 0
    try:
        result, passed = shop.test()
        assert [one for one, how in passed.items() if not how] == ["test_member"], result.text
    finally:
        git(shop.home, "checkout", "-q", ".")
        assert nox(shop.home, "-s", "lock", env=shop.env).status == 0


def test_a_conftest_that_comes_counts(shop: Workspace) -> None:
    fault = "def pytest_runtest_setup(item):\n    raise RuntimeError(item.name)\n"
    write(shop.home, {"libs/shop/conftest.py": fault})
    result, passed = shop.test()
    assert not any(passed.values()), result.text
