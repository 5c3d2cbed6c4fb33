"""`register()`: where it finds the root, and what it takes."""

from __future__ import annotations

import importlib.metadata
import os
import runpy
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import nox
import pytest

import tradai_tasks
from tests.support.inprocess import InProcess, failed
from tests.support.platform_sessions import PLATFORM, names
from tests.support.real import NOXFILE, write

TEAM = "import tradai_tasks\n\n\ndef setup(**given):\n    tradai_tasks.register(**given)\n"


@pytest.fixture
def team(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """A package of a team's own, somewhere else on sys.path."""
    home = write(tmp_path_factory.mktemp("team"), {"acme_ci/__init__.py": TEAM})
    monkeypatch.syspath_prepend(str(home))
    sys.modules.pop("acme_ci", None)


@pytest.mark.usefixtures("team")
def test_it_may_be_called_from_a_function_of_ones_own(run: InProcess) -> None:
    ran = run.files({**PLATFORM, "noxfile.py": "import acme_ci\n\nacme_ci.setup()\n"})("-l")
    assert "test(a)" in names(ran), ran.log
    ran = run("-s", "test(nope)")
    failed(ran, "tradai-tasks: test(nope): no package of that name")


@pytest.mark.usefixtures("team")
@pytest.mark.parametrize(
    "given", ["root='..'", "root=Path('..')", "root=Path(__file__).parents[1]"]
)
def test_the_root_is_stated_from_the_noxfiles_folder(run: InProcess, given: str) -> None:
    noxfile = f"from pathlib import Path\n\nimport acme_ci\n\nacme_ci.setup({given})\n"
    run.files({**PLATFORM, "ci/noxfile.py": noxfile})
    ran = run("-f", "ci/noxfile.py", "-s", "lint", "test(a)")
    assert ran.starting("ruff", "check"), ran.log
    # commands run at the root, and tests at their package
    tools = [c for c in ran.commands if Path(c[0]).name == "ruff" or c[1:2] == ["sync"]]
    assert {ran.folders[ran.commands.index(command)] for command in tools} == {run.home}
    (pytest_,) = ran.starting("python", "-m", "pytest")
    assert ran.folders[ran.commands.index(pytest_)] == run.home / "libs/a"


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("root='nope'", "register(root=...): 'nope': no such folder in "),
        ("root=3", "register(root=...): expected a path, got `int`"),
        ("root='libs'", "this folder: no project found"),
    ],
)
def test_a_root_that_is_none_is_one_line(run: InProcess, given: str, said: str) -> None:
    noxfile = f"import tradai_tasks\n\ntradai_tasks.register({given})\n"
    ran = run.files({**PLATFORM, "noxfile.py": noxfile})("-l")
    failed(ran, f"tradai-tasks: {said}")
    assert ran.status == 2
    assert ran.log.count("\n") == 1


def test_a_linked_noxfile_stands_where_the_link_is(run: InProcess, tmp_path: Path) -> None:
    run.files(PLATFORM)
    shared = write(tmp_path / "shared", {"noxfile.py": (run.home / "noxfile.py").read_text()})
    (run.home / "noxfile.py").unlink()
    (run.home / "noxfile.py").symlink_to(shared / "noxfile.py")
    assert "test(a)" in names(run("-l"))


def test_a_noxfile_that_is_run_as_a_script_is_its_own(
    run: InProcess, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    guard = '\nif __name__ == "__main__":\n    nox.main()\n'
    code = f"import nox\nimport tradai_tasks\n\ntradai_tasks.register()\n{guard}"
    run.files({**PLATFORM, "noxfile.py": code})
    monkeypatch.setattr(sys, "argv", ["noxfile.py", "-f", str(run.home / "noxfile.py"), "-l"])
    monkeypatch.chdir(run.home)
    nox.registry.reset()
    with pytest.raises(SystemExit) as stopped:
        runpy.run_path(str(run.home / "noxfile.py"), run_name="__main__")
    sys.modules.pop("user_nox_module", None)
    assert not stopped.value.code
    assert "test(a)" in capsys.readouterr().out


def test_a_session_that_does_not_fit_says_why(run: InProcess) -> None:
    failed(
        run.files(PLATFORM)("-s", "contract", "lambdas"),
        "Sessions not found: contract, lambdas; contract: no test has the marker 'contract'; give",
        "; lambdas: there is no lambdas/*/Dockerfile; add one",
    )
    own = f"{(run.home / 'noxfile.py').read_text()}\n\n@nox.session\ndef contract(session): ...\n"
    ran = run.files({**PLATFORM, "noxfile.py": f"import nox\n{own}"})("-s", "contract")
    assert ran.status == 0, ran.log
    excluding = "tradai_tasks.register(exclude=['contract', 'perf', 'docs'])\n"
    files = {**PLATFORM, "noxfile.py": f"import tradai_tasks\n\n{excluding}"}
    ran = run.files(files)("-s", "contract")
    failed(ran, "Sessions not found: contract\n")


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("backtest-data", "there are no strategies; add one, or set `kind`"),
        ("ci", "it is for strategies; for packages there is: nox -s check"),
    ],
)
def test_a_session_for_strategies_says_so_in_a_platform(
    run: InProcess, name: str, why: str
) -> None:
    failed(run.files(PLATFORM)("-s", name), f"Sessions not found: {name}; {name}: {why}")


@pytest.mark.parametrize(
    ("words", "reads"),
    [
        ("-s changes", False),
        ("-s changes affected -- --base HEAD", False),
        ("-s changes contract", True),
        ("-s lint check test(a) --install-only", False),
        ("-s lint own", True),
        ("-s workflows", True),
        ("-t a", True),
        ("-s changes -k a", True),
        ("-s changes -l", True),
        ("--usage changes", True),
        ("", True),
    ],
)
def test_test_files_are_read_unless_no_session_asks(
    run: InProcess, words: str, reads: bool
) -> None:
    marked = "import pytest\n\n@pytest.mark.contract\ndef test_x(benchmark): ...\n"
    own = "@nox.session(requires=['contract'], venv_backend='none')\ndef {}(session): ...\n"
    noxfile = f"import nox\n{NOXFILE}\n"
    run.files({**PLATFORM, "libs/a/tests/test_marked.py": marked})
    run.files({"noxfile.py": noxfile + own.format("own")})(*words.split())
    assert ({"contract", "perf"} <= nox.registry.get().keys()) is reads
    replacing = noxfile.replace("register()", "register(exclude=['lint'])") + own.format("lint")
    run.files({"noxfile.py": replacing})(*words.split())
    assert ({"contract", "perf"} <= nox.registry.get().keys()) is (reads or "lint" in words)
    excluding = "import tradai_tasks\n\ntradai_tasks.register(exclude=['contract'])\n"
    ran = run.files({"noxfile.py": excluding})(*words.split())
    assert "no session is called" not in ran.log


def test_without_a_session_for_a_marker_its_tests_are_run_by_test(
    run: InProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tradai_tasks.checks.testing.run_record import Assignment, record_environment

    orders: list[Assignment] = []

    def noted(folder: Path, assignment: Assignment, **given: Any) -> dict[str, str]:
        orders.append(assignment)
        return record_environment(folder, assignment, **given)

    monkeypatch.setattr("tradai_tasks.sessions.checks.testing.pytest_run.record_environment", noted)

    def left_out(files: dict[str, str], *words: str, told: str = "") -> Mapping[str, Any]:
        env = {"TRADAI_TASKS_MARKERS": told}
        run.files(files)("-s", "test(a)", *words, env=env)
        return orders[-1].elsewhere

    # a hook in the root's conftest.py, or one that computes the name, is not seen by reading
    assert left_out(PLATFORM) == {"integration": None}
    # a process of a parallel run goes by what its parent has read, and no other does
    told = f"{os.getppid()} contract"
    assert left_out(PLATFORM, "--parallel-worker", told=told) == {"contract": None}
    assert left_out(PLATFORM, told=told) == {"integration": None}
    for other in (f"{os.getpid()} contract", "contract", " ", f"{os.getppid()}0 contract"):
        assert left_out(PLATFORM, "--parallel-worker", told=other) == {"integration": None}
    marked = "import pytest\n\n@pytest.mark.contract\ndef test_x(): ...\n"
    both = {**PLATFORM, "tests/test_both.py": marked}
    assert left_out(both) == {"contract": None, "integration": None}
    settings = '[tool.tradai-tasks.contract]\npaths = ["tests"]\n'
    some = {**both, "pyproject.toml": PLATFORM["pyproject.toml"] + settings}
    assert left_out(some) == {"contract": (run.home / "tests",), "integration": None}
    own = "import tradai_tasks\n\ntradai_tasks.register(exclude=['contract'])\n"
    elsewhere = left_out({**PLATFORM, "noxfile.py": own})
    assert elsewhere == {"contract": None, "integration": None}


def test_a_parallel_run_passes_its_processes_which_markers_tests_have(
    run: InProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRADAI_TASKS_MARKERS", "")  # also restores it
    marked = "import pytest\n\n@pytest.mark.contract\ndef test_x(): ...\n"
    run.files({**PLATFORM, "tests/test_both.py": marked})("-l")
    assert os.environ["TRADAI_TASKS_MARKERS"] == ""
    run("-l", "-j", "2")
    assert os.environ["TRADAI_TASKS_MARKERS"] == f"{os.getpid()} contract integration"


def test_a_missing_extra_is_one_line_wherever_it_is_met(
    run: InProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tradai_tasks.sessions.checks import lint as style

    def lint(*_: object, **__: object) -> None:
        import twine.package  # noqa: F401

    monkeypatch.setattr(style, "lint", lint)
    monkeypatch.setitem(sys.modules, "twine.package", None)
    failed(
        run.files(PLATFORM)("-s", "lint"),
        "lint: twine is not installed, which comes with the extra 'release' of tradai-tasks; add",
    )
    monkeypatch.setitem(sys.modules, "twine.package", None)

    def other(*_: object, **__: object) -> None:
        import no_such_module_of_mine  # type: ignore[import-not-found]  # noqa: F401

    monkeypatch.setattr(style, "lint", other)
    assert "Traceback" in run("-s", "lint").log  # a fault of the library is none of the user's


def test_the_version_is_that_of_the_package() -> None:
    assert tradai_tasks.__version__ == importlib.metadata.version("tradai-tasks")
    with pytest.raises(AttributeError, match="has no attribute 'version'"):
        tradai_tasks.version  # noqa: B018
