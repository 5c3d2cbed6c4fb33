"""Nothing that a session claims to check is left out: the inventory, on the real tools."""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.examples import examples
from tests.support.osv import osv_server
from tests.support.pyprojects import pyproject
from tests.support.real import NOXFILE, Result, git, nox, write

_TOOLS = '"pytest==9.2.0", "pytest-cov==7.1.0", "mypy==2.4.1", "ruff==0.17.6", "bandit==1.9.4"'
_CODE = 'def answer() -> int:\n    """Answer."""\n    return 42\n'
_TEST = "from {0} import answer\n\n\ndef test_answer() -> None:\n    assert answer() == 42\n"
_FAILING = "def test_more() -> None:\n    raise RuntimeError\n"
_FLAT = '\n[tool.uv.build-backend]\nmodule-root = ""\n'
_TYPE_ERROR = "value: int = 'text'\n"
_SHELL = "import subprocess\n\nsubprocess.run('ls', shell=True, check=False)\n"
_DOCTEST = '"""Text.\n\n>>> 1 + 1\n3\n"""\n'
_ROOT = "[tool.uv.workspace]\nmembers = ['libs/*', 'services/gamma', 'services/delta']\n"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace, green in all sessions: two packages in src layout, a flat service, lambdas."""
    home = tmp_path_factory.mktemp("workspace")
    files = {
        "pyproject.toml": f"{_ROOT}\n[dependency-groups]\ndev = [{_TOOLS}]\n",
        "noxfile.py": NOXFILE,
        ".gitignore": ".nox/\nuv.lock\nbuild/\n__pycache__/\n",
        "services/delta/pyproject.toml": pyproject("delta") + _FLAT,
        "services/delta/delta/__init__.py": _CODE,
        "services/delta/tests/test_delta.py": _TEST.format("delta"),
        "lambdas/heartbeat/Dockerfile": "FROM scratch\n",
        "lambdas/heartbeat/handler.py": _CODE,
        "lambdas/parser/Dockerfile": "FROM scratch\n",
        "lambdas/parser/requirements.txt": "iniconfig==2.1.0\n",
        "lambdas/parser/handler.py": "import iniconfig\n\nREAD = iniconfig.IniConfig\n",
    }
    for folder in ("libs/alpha", "services/gamma"):
        name = folder.rpartition("/")[2]
        files[f"{folder}/pyproject.toml"] = pyproject(name)
        files[f"{folder}/src/{name}/__init__.py"] = _CODE
        files[f"{folder}/tests/test_{name}.py"] = _TEST.format(name)
    write(home, files)
    git(home, "init", "-qb", "main")
    git(home, "add", "-A")
    git(home, "commit", "-qm", "all")
    assert nox(home, "-s", "lock").status == 0
    green = nox(home, "-s", "check", "inventory")
    assert green.status == 0, green.text
    return home


@contextmanager
def planted(home: Path, files: Mapping[str, str], *, track: bool = True) -> Iterator[None]:
    """Put files there, tracked by git, and take them away again."""
    write(home, files)
    if track:
        git(home, "add", "--force", *files)
    try:
        yield
    finally:
        git(home, "reset", "-q", "--hard")
        git(home, "clean", "-qfd")
        for path in files:
            shutil.rmtree(home / path, ignore_errors=True)


def red(result: Result, *passages: str) -> None:
    assert result.status != 0, result.text
    assert "Traceback (most" not in result.log, result.text
    for passage in passages:
        assert passage in result.text, result.text


def settings(home: Path, more: str) -> dict[str, str]:
    return {"pyproject.toml": (home / "pyproject.toml").read_text(encoding="utf-8") + more}


@pytest.mark.parametrize(
    ("session", "files", "more", "said"),
    [
        ("test(alpha)", {"libs/alpha/unit_tests/test_x.py": _FAILING}, "", "1 of 2 tests failed"),
        (
            "test(alpha)",
            {"libs/alpha/unit_tests/test_x.py": _FAILING},
            '[tool.pytest.ini_options]\ntestpaths = ["tests", "unit_tests"]\n',
            "1 of 2 tests failed",
        ),
        ("test(alpha)", {"libs/alpha/src/alpha/a/x_test.py": _FAILING}, "", "1 of 2 tests failed"),
        (
            "test(alpha)",
            {"libs/alpha/odd/check_x.py": _FAILING},
            '[tool.pytest.ini_options]\npython_files = ["test_*.py", "check_*.py"]\n',
            "1 of 2 tests failed",
        ),
        ("test(alpha)", {"libs/alpha/tests/test_words.txt": _DOCTEST}, "", "1 of 2 tests failed"),
        (
            "test(alpha)",
            {"libs/alpha/src/alpha/words.py": _DOCTEST},
            '[tool.pytest.ini_options]\naddopts = ["--doctest-modules"]\n',
            "1 of 2 tests failed",
        ),
        ("test(root)", {"services/tests/test_x.py": _FAILING}, "", "1 of 1 tests failed"),
        ("test(root)", {"infra/tests/test_x.py": _FAILING}, "", "1 of 1 tests failed"),
        ("test(root)", {"lambdas/heartbeat/test_x.py": _FAILING}, "", "1 of 1 tests failed"),
        (
            "test(root)",
            {"lambdas/parser/test_x.py": f"import iniconfig\n\n{_FAILING}"},  # its requirement
            "",
            "1 of 1 tests failed",
        ),
        (
            "inventory",
            {"libs/alpha/build/test_x.py": _FAILING},
            "",
            "libs/alpha/build/test_x.py (pytest does not enter libs/alpha/build: norecursedirs)",
        ),
        (
            "inventory",
            {"services/gamma/tests/test_x.py": _FAILING},
            "[tool.tradai-tasks.packages.gamma]\ntest = false\n",
            "the settings say `test = false` for gamma",
        ),
        ("test(delta)", {"services/delta/tasks.py": _CODE * 9}, "", "tasks.py"),
        ("lint", {}, '[tool.ruff]\ninclude = ["none/*.py"]\n', "ruff finds no Python file in ."),
    ],
)  # fmt: skip
def test_a_file_that_was_left_out_is_seen(
    home: Path, session: str, files: dict[str, str], more: str, said: str
) -> None:
    with planted(home, {**files, **settings(home, more)}):
        red(nox(home, "-s", session), said)


_EVERYWHERE = (
    "libs/alpha/main.py",
    "libs/alpha/src/alpha/deep/code.py",
    "libs/alpha/src/alpha/deep.py",
    "libs/alpha/src/alpha/.hidden/run.py",
    "libs/alpha/src/second/__init__.py",
    "services/delta/tasks.py",
    "services/delta/jobs/nightly.py",
    "services/gamma/odd-name/run.py",
    "services/plain/app.py",
    "lambdas/heartbeat/deep/more.py",
    "lambdas/parser/more.py",
)


def test_typecheck_reads_all_source_with_its_requirements(home: Path) -> None:
    assert nox(home, "-s", "typecheck").status == 0
    wrong = "import iniconfig\n\niniconfig.IniConfig(3)\n"
    files = {**dict.fromkeys(_EVERYWHERE, _TYPE_ERROR), "lambdas/parser/wrong.py": wrong}
    with planted(home, files):
        red(nox(home, "-s", "typecheck"), *(f"{path}:" for path in files))


def test_security_reads_all_source_and_no_more_is_excluded_than_is_named(home: Path) -> None:
    files = dict.fromkeys([*_EVERYWHERE, "libs/alpha/src/backtest/run.py"], _SHELL)
    files["infra/Pulumi.dev.yaml"] = ""
    files["infra/__main__.py"] = files["libs/alpha/src/alpha/ab_test.py"] = _SHELL
    excluded = files["services/gamma/src/gamma/old/x.py"] = _SHELL
    with osv_server({}) as url:
        more = f'[tool.tradai-tasks.security]\nservice-url = "{url}"\n'
        bandit = '[tool.bandit]\nexclude_dirs = ["test", "old"]\n'
        with planted(home, {**files, **settings(home, more + bandit)}):
            result = nox(home, "-s", "security")
            scanned = [p for p, text in files.items() if text == excluded and "/old/" not in p]
            red(result, *(f"{path}:3: B602" for path in scanned))
            assert "exclude_dirs 'old': services/gamma/src/gamma/old/x.py" in result.log
            assert "old/x.py:3" not in result.out
        bandit = '[tool.bandit]\nexclude_dirs = ["src"]\nskips = ["B101"]\n'
        with planted(home, settings(home, more + bandit)):
            red(
                nox(home, "-s", "security"),
                "'src' leaves out all source of libs/alpha",
                "bandit's configuration chooses its tests, by skips: ['B101']",
            )
        with planted(home, settings(home, more)):
            result = nox(home, "-s", "security")
            assert result.status == 0, result.text
            assert "bandit: 5 files scanned" in result.log


def test_a_strategys_siblings_are_checked(tmp_path: Path) -> None:
    tools = f"\n[dependency-groups]\ndev = [{_TOOLS}]\n"
    files = {
        "noxfile.py": NOXFILE,
        "strategies/fast/pyproject.toml": pyproject("fast") + tools,
        "strategies/fast/src/fast/__init__.py": _CODE,
        "strategies/fast/tests/test_fast.py": _TEST.format("fast"),
        "strategies/fast/indicators.py": _TYPE_ERROR + _SHELL,
    }
    write(tmp_path, files)
    assert nox(tmp_path, "-s", "lock").status == 0
    red(nox(tmp_path, "-s", "typecheck(fast)"), "indicators.py:1:")
    red(nox(tmp_path, "-s", "test(fast)"), "indicators.py")
    with osv_server({}) as url:
        service = f'[tool.tradai-tasks.security]\nservice-url = "{url}"\n'
        write(tmp_path, {"tradai-tasks.toml": service.replace("tool.tradai-tasks.", "")})
        red(nox(tmp_path, "-s", "security"), "strategies/fast/indicators.py:4: B602")


def test_tracked_files_that_an_ignore_rule_hides_are_named(home: Path) -> None:
    hidden = {"libs/alpha/build/code.py": "import os\n"}
    with planted(home, hidden):
        result = nox(home, "-s", "lint")
        assert "an ignore rule of git: libs/alpha/build/code.py" in result.log


_HOMES = (
    "infra", "lambdas/heartbeat", "libs/alpha", "libs/alpha/src", "libs/alpha/src/alpha",
    "services/delta", "services/delta/delta", "services/gamma/tests", "services/plain",
)  # fmt: skip
_FOLDERS = ("build", "docs", "jobs", "odd-name", "unit_tests", "a b", "é", "deep", "0")
_LETTERS = "abX09_-é "


def _places(seed: int, count: int) -> list[tuple[str, str]]:
    """Folders and parts of names, the same ones in every run."""
    chance = random.Random(seed)
    found = []
    for _ in range(count):
        folders = chance.sample(_FOLDERS, chance.choice([0, 0, 1, 2]))
        word = "x" + "".join(chance.choices(_LETTERS, k=chance.randint(0, 4)))
        found.append(("/".join([chance.choice(_HOMES), *folders]), word))
    return found


@pytest.mark.parametrize(("folder", "word"), _places(1, examples(4)))
def test_a_failing_test_of_any_name_anywhere_is_red(home: Path, folder: str, word: str) -> None:
    name = f"test_{word}.py" if len(word) % 2 else f"{word}_test.py"
    with planted(home, {f"{folder}/{name}": _FAILING}):
        red(nox(home, "-s", "test", "inventory"), name)


def test_a_fault_in_any_source_file_is_found(home: Path) -> None:
    paths = {f"{folder}/{word}.py" for folder, word in _places(2, examples(30))}
    with osv_server({}) as url:
        more = f'[tool.tradai-tasks.security]\nservice-url = "{url}"\n'
        # mypy's cache gives errors the path of another module of that name with the same content
        files = {path: f"{_TYPE_ERROR}{_SHELL}# {path}\n" for path in paths}
        with planted(home, {**files, **settings(home, more)}):
            listed = json.loads(nox(home, "-s", "inventory", "--", "--json").out)
            known = {file["file"]: file for file in listed}
            types, scan = nox(home, "-s", "typecheck"), nox(home, "-v", "-s", "security")
    sources = [path for path in sorted(paths) if known[path]["kind"] == "source"]
    assert len(sources) > len(paths) / 3
    for path in sources:
        looks = known[path]["sessions"]
        assert "security" in looks
        assert f"{path}:4: B602" in scan.out, path
        assert "typecheck" not in looks or f"{path}:1: error" in types.out, path
