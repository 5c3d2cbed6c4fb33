"""What pytest really did decides: runs that look green and are not, and reds that say why."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.support.real import NOXFILE, nox, write

_ROOT = """\
[tool.uv.workspace]
members = ["libs/*"]

[dependency-groups]
dev = ["pytest==9.2.0", "pytest-cov==7.1.0", "pytest-xdist==3.8.0"]
"""
_MEMBER = """\
[project]
name = "{name}"
version = "0.1.0"
requires-python = ">=3.11"

[build-system]
requires = ["uv_build>=0.9,<1"]
build-backend = "uv_build"
"""
_CODE = """\
def add(a, b):
    return a + b


def sub(a, b):
    return a - b
"""
_TEST = """\
from {name}.core import add, sub


def test_add():
    assert add(1, 2) == 3


def test_sub():
    assert sub(3, 2) == 1
"""
_ALPHA = "libs/alpha/"
_TESTS = f"{_ALPHA}tests/test_core_alpha.py"
_PLAIN = _TEST.format(name="alpha")
_MANY = '"""Code."""\n' + "".join(f"\n\ndef f{n}():\n    return {n}\n" for n in range(20))


def member(name: str) -> dict[str, str]:
    return {
        f"libs/{name}/pyproject.toml": _MEMBER.format(name=name),
        f"libs/{name}/src/{name}/__init__.py": "",
        f"libs/{name}/src/{name}/core.py": _CODE,
        f"libs/{name}/tests/test_core_{name}.py": _TEST.format(name=name),
    }


_FILES = {"pyproject.toml": _ROOT, "noxfile.py": NOXFILE, **member("alpha"), **member("beta")}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = write(tmp_path_factory.mktemp("workspace"), _FILES)
    for args in (("lock",), ("test", "--install-only")):
        result = nox(home, "-s", *args)
        assert result.status == 0, result.text
    return home


@pytest.fixture
def home(made: Path) -> Iterator[Path]:
    """The workspace as it was made; environments are kept."""
    lock = (made / "uv.lock").read_bytes()
    yield made
    (made / "uv.lock").write_bytes(lock)
    for path in made.iterdir():
        if path.name not in {".nox", "uv.lock"}:
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    write(made, _FILES)


def ini(options: str) -> dict[str, str]:
    return {f"{_ALPHA}pytest.ini": f"[pytest]\n{options}\n"}


def conftest(text: str) -> dict[str, str]:
    return {f"{_ALPHA}tests/conftest.py": f"import os\nimport pytest\n\n\n{text}\n"}


def core_tests(before: str = "", after: str = "") -> dict[str, str]:
    return {_TESTS: f"import os\nimport pytest\n{before}\n{_PLAIN}\n\n{after}\n"}


_LATER = "def test_zero():\n    {}\n\n\ndef test_bad():\n    assert False"
_FAILING = core_tests(after="def test_bad():\n    assert False")


@dataclass(frozen=True)
class Row:
    said: tuple[str, ...]
    files: Mapping[str, str] = field(default_factory=dict)
    args: tuple[str, ...] = ()
    green: bool = False
    env: Mapping[str, str] = field(default_factory=dict)


def red(*said: str, args: tuple[str, ...] = (), **files: Mapping[str, str]) -> Row:
    return Row(
        said=said, args=args, files={k: v for part in files.values() for k, v in part.items()}
    )


def green(*said: str, args: tuple[str, ...] = (), **files: Mapping[str, str]) -> Row:
    row = red(*said, args=args, **files)
    return Row(said=row.said, files=row.files, args=args, green=True)


_ENDED = {
    "pytest.exit with 0": red(
        "alpha: the run ended early (exit status 0): 2 of 4 collected tests were not run, the "
        "first is tests/test_core_alpha.py::test_zero",
        files=core_tests(after=_LATER.format('pytest.exit("done", returncode=0)')),
    ),
    "os._exit with 0": red(
        "alpha: the run ended early (exit status 0): 2 of 4 collected tests were not run",
        files=core_tests(after=_LATER.format("os._exit(0)")),
    ),
    "a worker that dies": red(
        "alpha: 2 of 4 tests failed",
        args=("-n", "2"),
        files=core_tests(after=_LATER.format("os._exit(0)")),
    ),
    "workers that are not replaced": red(
        "of 4 tests failed",
        args=("-n", "1", "--max-worker-restart=0"),
        files=core_tests(after=_LATER.format("os._exit(0)")),
    ),
    "exit in a worker": red(
        "alpha: ",
        args=("-n", "2"),
        files=core_tests(after=_LATER.format('pytest.exit("done", returncode=0)')),
    ),
    "exit in a conftest.py": red(
        "alpha: pytest could not begin, for its arguments, its configuration or a conftest.py",
        files=conftest('pytest.exit("done", returncode=0)'),
    ),
    "exit in a module": red(
        "alpha: libs/alpha/tests/test_core_alpha.py could not be collected; the error is above",
        files=core_tests('pytest.exit("done", returncode=0)'),
    ),
    "os._exit while collecting": red(
        "alpha: pytest ended before it had collected the tests (exit status 0)",
        files=core_tests("os._exit(0)"),
    ),
    "os._exit after the last test": red(
        "alpha: pytest broke off after its last test (exit status 0)",
        files=conftest("def pytest_sessionfinish():\n    os._exit(0)"),
    ),
    "a hook that turns the status to 0": red(
        "alpha: 1 of 3 tests failed",
        files=_FAILING,
        more=conftest("def pytest_sessionfinish(session):\n    session.exitstatus = 0"),
    ),
    "a hook that runs no test": red(
        "alpha: the run ended early (exit status 0): 2 of 2 collected tests were not run",
        files=conftest("def pytest_runtest_protocol():\n    return True"),
    ),
    "a hook that drops every test": red(
        "alpha: all 2 tests are deselected by pytest's configuration or a conftest.py",
        files=conftest("def pytest_collection_modifyitems(items):\n    items.clear()"),
    ),
    "a hook that unregisters the plugin": red(
        "alpha: ",
        files=conftest(
            "def pytest_configure(config):\n"
            "    config.pluginmanager.unregister(name='tradai_tasks_record')"
        ),
    ),
    "a fixture that nothing defines": red(
        "; no fixture 'ledger' for libs/alpha/tests/test_core_alpha.py: "
        "define it in a conftest.py of that folder or one above",
        files=core_tests(after="def test_bad(ledger): ..."),
    ),
    "the same in a worker": red(
        "no fixture 'ledger' for libs/alpha/tests/test_core_alpha.py",
        args=("-n", "2"),
        files=core_tests(after="def test_bad(ledger): ..."),
    ),
    "the first failure ends it": red(
        "alpha: 1 of 4 tests failed, and 1 were not run, the first at libs/alpha/tests/",
        args=("-x",),
        files=core_tests(after="def test_bad():\n    assert False\n\n\ndef test_last(): ..."),
    ),
    "stepwise": red(
        "alpha: 1 of 4 tests failed, and 1 were not run, the first at libs/alpha/tests/",
        files=core_tests(after="def test_bad():\n    assert False\n\n\ndef test_last(): ..."),
        more=ini("addopts = --stepwise"),
    ),
    "collects only": red(
        "alpha: 2 of 2 collected tests were not run, since pytest's configuration has --co",
        files=ini("addopts = --co"),
    ),
    "sets up only": red(
        "alpha: 2 of 2 collected tests were not run", files=ini("addopts = --setup-only")
    ),
    "exits first, without a failure": green("2 passed", files=ini("addopts = --exitfirst")),
    "the plugin turned off by the configuration": green(
        "2 passed", files=ini("addopts = -p no:tradai_tasks_record")
    ),
    "the plugin turned off by an argument": red(
        "alpha: pytest left no record of the run (exit status 0)",
        args=("-p", "no:tradai_tasks_record"),
    ),
    "everything skipped": red(
        "alpha: all 2 tests were skipped, so nothing was tested",
        files=core_tests("pytestmark = pytest.mark.skip(reason='later')"),
    ),
    "modules skip themselves": red(
        "alpha: every test was skipped: libs/alpha/tests/test_core_alpha.py",
        files=core_tests("pytest.skip('later', allow_module_level=True)"),
    ),
    "xfail that is not run": red(
        "alpha: all 2 tests were skipped, so nothing was tested",
        files=core_tests("pytestmark = pytest.mark.xfail(run=False)"),
    ),
    "every test deselected": red(
        "alpha: all 2 tests are deselected by pytest's configuration",
        files=ini("addopts = -k nothing"),
    ),
}

_NAMED = {
    "every test of a file skipped": green(
        "alpha: every test was skipped in libs/alpha/tests/test_slow.py",
        files={f"{_ALPHA}tests/test_slow.py": "import pytest\n\npytest.importorskip('none')\n"},
    ),
    "deselected by -k": green(
        "alpha: left out by pytest's options: libs/alpha/tests/test_core_alpha.py (1 deselected)",
        files=ini("addopts = -k add"),
        more={
            f"{_ALPHA}src/alpha/core.py": _CODE.partition("\n\n\ndef sub")[0] + "\n\n\nsub = add\n"
        },
    ),
    "deselected by -m": green(
        "left out by pytest's options: libs/alpha/tests/test_slow.py (1 deselected)",
        files=ini("addopts = -m 'not slow'\nmarkers = slow"),
        more={
            f"{_ALPHA}tests/test_slow.py": "import pytest\n\n@pytest.mark.slow\ndef test_x(): 0 / 0"
        },
    ),
    "--deselect": green(
        "left out by pytest's options: libs/alpha/tests/test_slow.py (1 deselected)",
        files=ini("addopts = --deselect tests/test_slow.py"),
        more={f"{_ALPHA}tests/test_slow.py": "def test_x(): assert 0\n"},
    ),
    "--ignore": green(
        "left out by pytest's options: libs/alpha/tests/test_slow.py (ignored)",
        files=ini("addopts = --ignore=tests/test_slow.py"),
        more={f"{_ALPHA}tests/test_slow.py": "def test_x(): assert 0\n"},
    ),
    "collect_ignore": green(
        "left out by pytest's options: libs/alpha/tests/slow (ignored)",
        files=conftest("collect_ignore = ['slow']"),
        more={f"{_ALPHA}tests/slow/test_slow.py": "def test_x(): assert 0\n"},
    ),
    "a marker given by a hook": red(
        "alpha: 1 of 2 tests failed",
        files=_FAILING,
        more=conftest(
            "@pytest.hookimpl(trylast=True)\ndef pytest_collection_modifyitems(items):\n"
            "    items[0].add_marker('contract')"
        ),
    ),
}

_TRUE = {
    "options in the environment": Row(
        said=("PYTEST_ADDOPTS is not used", "alpha: 1 of 3 tests failed"),
        files=_FAILING,
        env={"PYTEST_ADDOPTS": "-k add"},
    ),
    "a folder like an option": red(
        "alpha: 1 of 3 tests failed",
        files={f"{_ALPHA}-odd/test_x.py": "def test_x(): assert 0\n"},
    ),
    "a name like that of a test": red(
        "libs/alpha/test_[x].py: pytest cannot be given a path with '['",
        files={f"{_ALPHA}test_[x].py": "def test_x(): assert 0\n"},
    ),
    "no match": red("alpha: no test matches: -k foo (2 deselected)", args=("-k", "foo")),
    "collect only": green(
        "Session test(alpha) skipped: --collect-only asks for information", args=("--collect-only",)
    ),
    "help": green("Session test(alpha) skipped: --help asks for information", args=("--help",)),
    "a report elsewhere": green("2 passed", args=("--junit-xml=mine.xml",)),
    "a path from the root": green("2 passed", args=("libs/alpha/tests/test_core_alpha.py",)),
    "a test from the root": green(
        "1 passed", args=("libs/alpha/tests/test_core_alpha.py::test_add",)
    ),
    "a path of another package": green(
        "Session test(alpha) skipped: the paths given are not in libs/alpha",
        args=("libs/beta/tests",),
    ),
    "a path of no package": red("alpha: noxfile.py: not in libs/alpha", args=("noxfile.py",)),
    "a path that is not there": red(
        "alpha: pytest could not begin, for its arguments, its configuration or a conftest.py",
        args=("tests/test_none.py",),
    ),
    "an unknown option": red(
        "alpha: pytest could not begin, for its arguments, its configuration or a conftest.py",
        args=("--no-such",),
    ),
    "a broken configuration": red(
        "alpha: pytest could not begin, for its arguments, its configuration or a conftest.py",
        files=ini("addopts = --no-such"),
    ),
    "a collection error": red(
        "alpha: libs/alpha/tests/test_core_alpha.py could not be collected; the error is above",
        files={_TESTS: "import no_such_module\n"},
    ),
    "a collection error under xdist": red(
        "alpha: libs/alpha/tests/test_core_alpha.py could not be collected; the error is above",
        args=("-n", "2"),
        files={_TESTS: "import no_such_module\n"},
    ),
}


_HALVED = {_TESTS: _PLAIN.split("\n\n\ndef test_sub")[0] + "\n"}
_HALF = {f"{_ALPHA}src/alpha/more.py": _MANY}
_FLOORS = {
    "only the order": red("is under its floor of 60 %", args=("--ff",), files=_HALF),
    "verbose": red("is under its floor of 60 %", args=("-v",), files=_HALF),
    "first failure": red("is under its floor of 60 %", args=("-x",), files=_HALF),
    "narrowed": green("the coverage floor of 60 % does not apply", args=("-k", "add"), files=_HALF),
    "lines of tests": red(
        "is under its floor of 60 %", files=_HALF, more=ini("addopts = --cov --cov=.")
    ),
    "a module that nothing imports": red(
        "; no test imports libs/alpha/src/alpha/more.py", files=_HALF, more=ini("addopts = --cov")
    ),
    "fail_under in .coveragerc": red(
        "is under its floor of 90 %",
        files={f"{_ALPHA}.coveragerc": "[report]\nfail_under = 90\n"},
        more=_HALVED,
    ),
    "fail_under in setup.cfg": red(
        "is under its floor of 90 %",
        files={f"{_ALPHA}setup.cfg": "[coverage:report]\nfail_under = 90\n"},
        more=_HALVED,
    ),
    "fail_under in the root's tox.ini": red(
        "is under its floor of 90 %",
        files={"tox.ini": "[coverage:report]\nfail_under = 90\n"},
        more=_HALVED,
    ),
    "fail_under in pyproject.toml": red(
        "is under its floor of 90 %",
        files={
            f"{_ALPHA}pyproject.toml": _MEMBER.format(name="alpha")
            + "[tool.coverage.report]\nfail_under = 90\n"
        },
        more=_HALVED,
    ),
    "--cov-fail-under": red(
        "is under its floor of 90 %",
        files=ini("addopts = --cov-fail-under=90"),
        more=_HALVED,
    ),
    "a laxer floor of the user": red(
        "is under its floor of 60 %", files=_HALF, more=ini("addopts = --cov-fail-under=5")
    ),
    "omitted code": green(
        "alpha: left out of coverage by its configuration: libs/alpha/src/alpha/more.py",
        files=_HALF,
        more={f"{_ALPHA}.coveragerc": "[run]\nomit =\n    */more.py\n"},
    ),
    "all code omitted": red(
        "alpha: no coverage of its code was measured (coverage's configuration leaves it out)",
        files={f"{_ALPHA}.coveragerc": "[run]\nomit =\n    src/*\n"},
    ),
    "excluded code": green(
        "alpha: mostly excluded from coverage by its configuration: libs/alpha/src/alpha/more.py",
        files=_HALF,
        more={f"{_ALPHA}.coveragerc": "[report]\nexclude_lines =\n    def f\n"},
    ),
    "tests in the code": red(
        "is under its floor of 60 %",
        files={
            **_HALF,
            f"{_ALPHA}src/alpha/tests/test_more.py": "def test_x():\n" + "    x = 1\n" * 200,
            f"{_ALPHA}src/alpha/tests/__init__.py": "",
        },
    ),
    "a guard in the root's conftest.py": red(
        "alpha: 2 of 2 tests failed",
        files={
            "conftest.py": "import pytest\n\n@pytest.fixture(autouse=True)\ndef guard(): assert 0\n"
        },
    ),
    "the root's conftest.py is loaded once": green(
        "2 passed",
        files={
            "conftest.py": "import sys\n\nassert not hasattr(sys, 'seen')\nsys.seen = True\n",
            f"{_ALPHA}conftest.py": "",
            f"{_ALPHA}tests/conftest.py": "",
        },
        more=ini("addopts = --import-mode=importlib"),
    ),
}


@pytest.mark.parametrize("name", [*_ENDED, *_NAMED, *_TRUE, *_FLOORS])
def test_a_run_is_what_it_says(home: Path, name: str) -> None:
    row = {**_ENDED, **_NAMED, **_TRUE, **_FLOORS}[name]
    write(home, row.files)
    result = nox(home, "-R", "-s", "test(alpha)", "--", *row.args, env=row.env)
    assert (result.status == 0) == row.green, result.text
    assert "Traceback (most recent call last)" not in result.log, result.text
    for passage in row.said:
        assert passage in result.text, result.text


# --- sessions by markers -------------------------------------------------------------------------

_HIDDEN = {"tests/test_e2e.py": "# one contract per test\ndef test_bad(): assert False\n"}
_MARKED = {
    "an alias": "import pytest as p\n\nmine = p.mark.contract\n\n@mine\ndef test_x(): ...\n",
    "a class": (
        "import pytest\n\n@pytest.mark.contract\nclass TestX:\n    def test_x(self): ...\n"
    ),
    "a base class": (
        "from alpha.core import Base\n\nclass TestX(Base):\n    def test_x(self): ...\n"
    ),
    "a name from elsewhere": (
        "from alpha.core import mine\n\npytestmark = [mine]\n\ndef test_x(): ...\n"
    ),
}
_GIVING = (
    "import pytest\n\nmine = pytest.mark.contract\n\n\nclass Base:\n    pytestmark = mine\n\n\n"
)


def test_root_tests_are_hidden_by_no_word(home: Path) -> None:
    write(home, _HIDDEN)
    result = nox(home, "-s", "test(root)")
    assert result.status != 0
    assert "root: 1 of 1 tests failed" in result.text, result.text


def test_each_test_is_run_by_one_session_by_pytests_own_markers(home: Path) -> None:
    named = {f"{_ALPHA}tests/test_{n}.py": text for n, text in enumerate(_MARKED.values())}
    hook = "def pytest_collection_modifyitems(items):\n    for item in items:\n"
    hook += "        if 'hooked' in item.name:\n            item.add_marker('contract')\n"
    write(
        home,
        {
            **named,
            f"{_ALPHA}src/alpha/core.py": _GIVING + _CODE,
            f"{_ALPHA}tests/test_hook.py": "def test_hooked(): ...\n",
            f"{_ALPHA}conftest.py": hook,
            f"{_ALPHA}pyproject.toml": _MEMBER.format(name="alpha").replace(
                "[build", 'dependencies = ["pytest"]\n\n[build', 1
            ),
            "tests/test_root.py": "import pytest\n\n@pytest.mark.contract\ndef test_x(): ...\n",
        },
    )
    assert nox(home, "-s", "lock").status == 0
    result = nox(home, "-s", "test(alpha)", "test(root)", "contract")
    assert result.status == 0, result.text
    assert "2 passed, 5 deselected" in result.text  # test(alpha)
    assert "root" in result.text
    assert "all 1 tests are left to the sessions of their markers" in result.log
    assert "5 passed, 2 deselected" in result.text  # contract, of alpha
    assert "1 passed" in result.text  # of the root


def test_each_package_under_root_tests_has_its_own_figure(home: Path) -> None:
    for name in ("alpha", "beta"):
        shutil.rmtree(home / f"libs/{name}/tests")
    write(home, {"tests/test_all.py": _PLAIN, "libs/beta/src/beta/more.py": _MANY})
    result = nox(home, "-s", "test(root)")
    assert result.status != 0
    assert "beta: coverage 0 % is under its floor of 60 %" in result.text
    write(home, {"tests/test_beta.py": _TEST.format(name="beta")})
    (home / "libs/beta/src/beta/more.py").unlink()
    result = nox(home, "-R", "-s", "test(root)")
    assert result.status == 0, result.text


def test_a_test_of_a_session_that_is_left_out_is_no_silence(home: Path) -> None:
    leaving = NOXFILE.replace("register()", "register(exclude=['contract'])")
    marked = "import pytest\n\n@pytest.mark.contract\ndef test_x(): ...\n"
    write(home, {"noxfile.py": leaving, f"{_ALPHA}tests/test_x.py": marked})
    result = nox(home, "-R", "-s", "test(alpha)")
    assert result.status != 0
    assert "alpha: tests marked 'contract' are run by no session: libs/alpha/tests/test_x.py" in (
        result.text
    )
    own = "\n\n@nox.session\ndef contract(session): ...\n"
    write(home, {"noxfile.py": f"import nox\n{leaving}{own}"})
    assert nox(home, "-R", "-s", "test(alpha)").status == 0


# --- the machine ---------------------------------------------------------------------------------


def test_two_runs_of_one_session_have_a_folder_each(home: Path) -> None:
    slow = core_tests("import time", "def test_slow():\n    time.sleep(3)")
    write(home, slow)
    with ThreadPoolExecutor(2) as pool:
        results = list(pool.map(lambda _: nox(home, "-R", "-s", "test(alpha)"), range(2)))
    assert [result.status for result in results] == [0, 0], results
    folders = {path.name for path in (home / "build/reports/test").iterdir()}
    assert folders == {"test-alpha", "test-alpha~2"}


def test_a_report_folder_that_cannot_be_made_is_one_line(home: Path) -> None:
    (home / "build").write_text("a file")
    result = nox(home, "-R", "-s", "test(alpha)")
    assert result.status != 0
    assert "/build/reports/test/test-alpha: cannot be written: Not a directory" in result.text
    assert "Traceback" not in result.text


def test_variables_of_uv_do_not_change_which_tools_are_installed(home: Path) -> None:
    result = nox(home, "-s", "test(beta)", env={"UV_NO_DEV": "1", "UV_NO_DEFAULT_GROUPS": "1"})
    assert result.status == 0, result.text


def test_groups_that_exclude_each_other_name_the_setting(home: Path) -> None:
    member = _MEMBER.format(name="alpha")
    member += '\n[dependency-groups]\ntest = ["pytest==9.2.0"]\ndev = ["pytest>=8"]\n'
    member += '\n[tool.uv]\nconflicts = [[{ group = "test" }, { group = "dev" }]]\n'
    write(home, {f"{_ALPHA}pyproject.toml": member})
    result = nox(home, "-s", "test(alpha)")
    assert result.status != 0
    assert "its own group 'test' and its own group 'dev' exclude each other" in result.text
    assert "choose one by the setting test.groups" in result.text


@pytest.mark.parametrize(
    ("args", "files", "said", "status"),
    [
        (("lint", "--", "--help"), {}, "usage: nox -s lint -- [ARGUMENTS]", 0),
        (("typecheck", "--", "--help"), {}, "usage: nox -s typecheck -- [ARGUMENTS]", 0),
        (
            ("lint",),
            {"ruff.toml": "select = 3\n"},
            "lint: ruff could not finish (exit status 2)",
            1,
        ),
        (("fmt",), {"ruff.toml": "select = 3\n"}, "fmt: ruff could not finish (exit status 2)", 1),
        (("lint",), {f"{_ALPHA}src/alpha/x.py": "import os\n"}, "lint: ruff found faults", 1),
        (
            ("typecheck", "--", "--no-such"),
            {},
            "typecheck: mypy could not finish (exit status 2)",
            1,
        ),
        (("typecheck",), {f"{_ALPHA}src/alpha/x.py": "x: int = ''\n"}, "mypy found faults", 1),
    ],
)
def test_a_crash_or_a_question_is_no_finding(
    home: Path, args: tuple[str, ...], files: dict[str, str], said: str, status: int
) -> None:
    write(home, files)
    result = nox(home, "-R", "-s", *args)
    assert (result.status != 0) == bool(status), result.text
    assert said in result.text, result.text
