"""Each test is run by one session, by its markers; and what a machine does to a run."""

from __future__ import annotations

import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.support.pyprojects import pyproject
from tests.support.real import NOXFILE, nox, write
from tests.support.tested_workspace import (
    ALPHA,
    CODE,
    MANY,
    PLAIN,
    TEST,
    core_tests,
    home,
    made,
)

__all__ = ["home", "made"]

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
    named = {f"{ALPHA}tests/test_{n}.py": text for n, text in enumerate(_MARKED.values())}
    hook = "def pytest_collection_modifyitems(items):\n    for item in items:\n"
    hook += "        if 'hooked' in item.name:\n            item.add_marker('contract')\n"
    write(
        home,
        {
            **named,
            f"{ALPHA}src/alpha/core.py": _GIVING + CODE,
            f"{ALPHA}tests/test_hook.py": "def test_hooked(): ...\n",
            f"{ALPHA}conftest.py": hook,
            f"{ALPHA}pyproject.toml": pyproject("alpha").replace(
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
    write(home, {"tests/test_all.py": PLAIN, "libs/beta/src/beta/more.py": MANY})
    result = nox(home, "-s", "test(root)")
    assert result.status != 0
    assert "beta: coverage 0 % is under its floor of 60 %" in result.text
    write(home, {"tests/test_beta.py": TEST.format(name="beta")})
    (home / "libs/beta/src/beta/more.py").unlink()
    result = nox(home, "-R", "-s", "test(root)")
    assert result.status == 0, result.text


def test_a_test_of_a_session_that_is_left_out_is_no_silence(home: Path) -> None:
    leaving = NOXFILE.replace("register()", "register(exclude=['contract'])")
    marked = "import pytest\n\n@pytest.mark.contract\ndef test_x(): ...\n"
    write(home, {"noxfile.py": leaving, f"{ALPHA}tests/test_x.py": marked})
    result = nox(home, "-R", "-s", "test(alpha)")
    assert result.status != 0
    assert "alpha: tests marked 'contract' are run by no session: libs/alpha/tests/test_x.py" in (
        result.text
    )
    own = "\n\n@nox.session\ndef contract(session): ...\n"
    write(home, {"noxfile.py": f"import nox\n{leaving}{own}"})
    assert nox(home, "-R", "-s", "test(alpha)").status == 0


def test_two_runs_of_one_session_have_a_folder_each(home: Path) -> None:
    slow = core_tests("import time", "def test_slow():\n    time.sleep(3)")
    write(home, slow)
    with ThreadPoolExecutor(2) as pool:
        results = list(pool.map(lambda _: nox(home, "-R", "-s", "test(alpha)"), range(2)))
    assert [result.status for result in results] == [0, 0], results
    folders = {path.name for path in (home / "build/reports/test").glob("test-alpha*")}
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
    member = pyproject("alpha")
    member += '\n[dependency-groups]\ntest = ["pytest==9.2.0"]\ndev = ["pytest>=8"]\n'
    member += '\n[tool.uv]\nconflicts = [[{ group = "test" }, { group = "dev" }]]\n'
    write(home, {f"{ALPHA}pyproject.toml": member})
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
        (("lint",), {f"{ALPHA}src/alpha/x.py": "import os\n"}, "lint: ruff found faults", 1),
        (
            ("typecheck", "--", "--no-such"),
            {},
            "typecheck: mypy could not finish (exit status 2)",
            1,
        ),
        (("typecheck",), {f"{ALPHA}src/alpha/x.py": "x: int = ''\n"}, "mypy found faults", 1),
    ],
)
def test_a_crash_or_a_question_is_no_finding(
    home: Path, args: tuple[str, ...], files: dict[str, str], said: str, status: int
) -> None:
    write(home, files)
    result = nox(home, "-R", "-s", *args)
    assert (result.status != 0) == bool(status), result.text
    assert said in result.text, result.text
