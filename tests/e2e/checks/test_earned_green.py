"""What pytest really did decides: runs that look green and are not, and reds that say why."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.pyprojects import pyproject
from tests.support.real import nox, write
from tests.support.tested_workspace import (
    ALPHA,
    CODE,
    FAILING,
    LATER,
    MANY,
    PLAIN,
    TESTS,
    Row,
    conftest,
    core_tests,
    green,
    home,
    ini,
    made,
    red,
)

__all__ = ["home", "made"]

_ENDED = {
    "pytest.exit with 0": red(
        "alpha: the run ended early (exit status 0): 2 of 4 collected tests were not run, the "
        "first is tests/test_core_alpha.py::test_zero",
        files=core_tests(after=LATER.format('pytest.exit("done", returncode=0)')),
    ),
    "os._exit with 0": red(
        "alpha: the run ended early (exit status 0): 2 of 4 collected tests were not run",
        files=core_tests(after=LATER.format("os._exit(0)")),
    ),
    "a worker that dies": red(
        "alpha: 2 of 4 tests failed",
        args=("-n", "2"),
        files=core_tests(after=LATER.format("os._exit(0)")),
    ),
    "workers that are not replaced": red(
        "of 4 tests failed",
        args=("-n", "1", "--max-worker-restart=0"),
        files=core_tests(after=LATER.format("os._exit(0)")),
    ),
    "exit in a worker": red(
        "alpha: ",
        args=("-n", "2"),
        files=core_tests(after=LATER.format('pytest.exit("done", returncode=0)')),
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
        files=FAILING,
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
        files={f"{ALPHA}tests/test_slow.py": "import pytest\n\npytest.importorskip('none')\n"},
    ),
    "deselected by -k": green(
        "alpha: left out by pytest's options: libs/alpha/tests/test_core_alpha.py (1 deselected)",
        files=ini("addopts = -k add"),
        more={
            f"{ALPHA}src/alpha/core.py": CODE.partition("\n\n\ndef sub")[0] + "\n\n\nsub = add\n"
        },
    ),
    "deselected by -m": green(
        "left out by pytest's options: libs/alpha/tests/test_slow.py (1 deselected)",
        files=ini("addopts = -m 'not slow'\nmarkers = slow"),
        more={
            f"{ALPHA}tests/test_slow.py": "import pytest\n\n@pytest.mark.slow\ndef test_x(): 0 / 0"
        },
    ),
    "--deselect": green(
        "left out by pytest's options: libs/alpha/tests/test_slow.py (1 deselected)",
        files=ini("addopts = --deselect tests/test_slow.py"),
        more={f"{ALPHA}tests/test_slow.py": "def test_x(): assert 0\n"},
    ),
    "--ignore": green(
        "left out by pytest's options: libs/alpha/tests/test_slow.py (ignored)",
        files=ini("addopts = --ignore=tests/test_slow.py"),
        more={f"{ALPHA}tests/test_slow.py": "def test_x(): assert 0\n"},
    ),
    "collect_ignore": green(
        "left out by pytest's options: libs/alpha/tests/slow (ignored)",
        files=conftest("collect_ignore = ['slow']"),
        more={f"{ALPHA}tests/slow/test_slow.py": "def test_x(): assert 0\n"},
    ),
    "a marker given by a hook": red(
        "alpha: 1 of 2 tests failed",
        files=FAILING,
        more=conftest(
            "@pytest.hookimpl(trylast=True)\ndef pytest_collection_modifyitems(items):\n"
            "    items[0].add_marker('contract')"
        ),
    ),
}

_TRUE = {
    "options in the environment": Row(
        said=("PYTEST_ADDOPTS is not used", "alpha: 1 of 3 tests failed"),
        files=FAILING,
        env={"PYTEST_ADDOPTS": "-k add"},
    ),
    "a folder like an option": red(
        "alpha: 1 of 3 tests failed",
        files={f"{ALPHA}-odd/test_x.py": "def test_x(): assert 0\n"},
    ),
    "a name like that of a test": red(
        "libs/alpha/test_[x].py: pytest cannot be given a path with '['",
        files={f"{ALPHA}test_[x].py": "def test_x(): assert 0\n"},
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
        files={TESTS: "import no_such_module\n"},
    ),
    "a collection error under xdist": red(
        "alpha: libs/alpha/tests/test_core_alpha.py could not be collected; the error is above",
        args=("-n", "2"),
        files={TESTS: "import no_such_module\n"},
    ),
}


_HALVED = {TESTS: PLAIN.split("\n\n\ndef test_sub")[0] + "\n"}
_HALF = {f"{ALPHA}src/alpha/more.py": MANY}
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
        files={f"{ALPHA}.coveragerc": "[report]\nfail_under = 90\n"},
        more=_HALVED,
    ),
    "fail_under in setup.cfg": red(
        "is under its floor of 90 %",
        files={f"{ALPHA}setup.cfg": "[coverage:report]\nfail_under = 90\n"},
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
            f"{ALPHA}pyproject.toml": pyproject("alpha")
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
        more={f"{ALPHA}.coveragerc": "[run]\nomit =\n    */more.py\n"},
    ),
    "all code omitted": red(
        "alpha: no coverage of its code was measured (coverage's configuration leaves it out)",
        files={f"{ALPHA}.coveragerc": "[run]\nomit =\n    src/*\n"},
    ),
    "excluded code": green(
        "alpha: mostly excluded from coverage by its configuration: libs/alpha/src/alpha/more.py",
        files=_HALF,
        more={f"{ALPHA}.coveragerc": "[report]\nexclude_lines =\n    def f\n"},
    ),
    "tests in the code": red(
        "is under its floor of 60 %",
        files={
            **_HALF,
            f"{ALPHA}src/alpha/tests/test_more.py": "def test_x():\n" + "    x = 1\n" * 200,
            f"{ALPHA}src/alpha/tests/__init__.py": "",
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
            f"{ALPHA}conftest.py": "",
            f"{ALPHA}tests/conftest.py": "",
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
