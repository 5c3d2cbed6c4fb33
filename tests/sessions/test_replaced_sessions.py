"""Sessions of the noxfile in place of the library's: whoever runs ours runs those."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from tests.support.inprocess import InProcess
from tests.support.platform_sessions import PLATFORM, STRATEGIES
from tests.support.real import git

_REGISTER = 'tradai_tasks.register(exclude=["{0}"])\n'
_OWN = """
@nox.session(venv_backend="none"{1})
{2}def {3}(session{4}):
    session.run("mine", session.name)
"""
_PARAMS = '@nox.parametrize("package", [nox.param("a", id="a"), nox.param("b", id="b")])\n'
_PLAIN = '@nox.parametrize("package", ["a", "b"])\n'


def noxfile(
    name: str, *, params: str = "", given: str = "", before: bool = False, function: str = ""
) -> str:
    """A noxfile with a session of its own in place of one of ours."""
    function = function or name
    given += f', name="{name}"' if function != name else ""
    own = _OWN.format(name, given, params, function, ", package" if params else "")
    parts = [own, _REGISTER.format(name)] if before else [_REGISTER.format(name), own]
    return "import nox\nimport tradai_tasks\n\n" + "".join(parts)


def mine(commands: list[list[str]]) -> list[str]:
    return [command[1] for command in commands if command[0] == "mine"]


_PYTHON = f"{sys.version_info[0]}.{sys.version_info[1]}"
_LISTED = [f"typecheck-{_PYTHON}"]
ROWS = {
    "after register()": (noxfile("typecheck"), ["typecheck"]),
    "before register()": (noxfile("typecheck", before=True), ["typecheck"]),
    "named by name=": (noxfile("lint", function="my_lint"), ["lint"]),
    "parametrized by id": (noxfile("test", params=_PARAMS), ["test(a)", "test(b)"]),
    "parametrized by value": (
        noxfile("test", params=_PLAIN),
        ["test(package='a')", "test(package='b')"],
    ),
    "with its own Python": (noxfile("lint", given=', python="3.12"'), ["lint"]),
    "with a list of Pythons": (noxfile("typecheck", given=f', python=["{_PYTHON}"]'), _LISTED),
}


@pytest.mark.parametrize("row", ROWS)
def test_check_runs_the_noxfiles_session_in_place_of_ours(run: InProcess, row: str) -> None:
    text, names = ROWS[row]
    # with the backend `none`, nox takes no list of Pythons
    text = text.replace('"none", python=[', '"uv", python=[')
    ran = run.files({**PLATFORM, "noxfile.py": text})("-s", "check")
    assert [name.rpartition("/")[2] for name in mine(ran.commands)] == names, ran.log
    assert "was not run" not in ran.log
    failing = run("-s", "check", script=lambda argv: int(argv[0] == "mine"))
    assert failing.status != 0


def test_check_names_what_is_left_out_and_not_replaced(run: InProcess) -> None:
    text = "import tradai_tasks\n\ntradai_tasks.register(exclude=['lint', 'test', 'perf'])\n"
    ran = run.files({**PLATFORM, "noxfile.py": text})("-s", "check")
    assert "not collected as tests by any session: libs/a/tests/test_a.py" in ran.log
    assert (
        "lint was not run: register(exclude=...) leaves it out, and the noxfile has no" in ran.log
    )
    assert "perf was not run" not in ran.log


def test_ci_of_one_strategy_runs_the_session_of_that_strategy(run: InProcess) -> None:
    params = _PARAMS.replace('"a"', '"fast"').replace('"b"', '"slow"')
    files = {**STRATEGIES, "noxfile.py": noxfile("test", params=params)}
    assert mine(run.files(files)("-s", "ci(fast)").commands) == ["test(fast)"]
    run.files({"noxfile.py": noxfile("typecheck")})
    assert mine(run("-s", "ci(fast)").commands) == ["typecheck"]


def _change(home: Path) -> None:
    git(home, "init", "-q", "-b", "main")
    git(home, "add", "-A")
    git(home, "commit", "-qm", "all")
    for name in ("a", "b"):
        (home / f"libs/{name}/src/{name}/__init__.py").write_text("X = 1\n")


@pytest.mark.parametrize(
    ("text", "sessions"),
    [
        (noxfile("test"), ["test"]),  # for all packages, so once
        (noxfile("test", params=_PARAMS), ["test(a)", "test(b)"]),
        (noxfile("test", params=_PLAIN), ["test(package='a')", "test(package='b')"]),
    ],
)
def test_the_matrix_and_affected_take_the_noxfiles_tests(
    run: InProcess, text: str, sessions: list[str]
) -> None:
    run.files({**PLATFORM, "noxfile.py": text})
    _change(run.home)
    document = json.loads(run("-s", "changes", "--", "--json").out)
    found = [job["sessions"] for job in document["matrix"]["include"]]
    assert found == sessions
    git(run.home, "commit", "-qam", "changed")
    git(run.home, "checkout", "-q", "-b", "other", "HEAD~1")
    elsewhere = json.loads(
        run("-s", "changes", "--", "--json", "--base", "HEAD", "--head", "main").out
    )
    assert [job["sessions"] for job in elsewhere["matrix"]["include"]] == sessions


def test_the_workflows_are_those_with_the_session(run: InProcess) -> None:
    run.files({**PLATFORM, "noxfile.py": noxfile("typecheck")})
    git(run.home, "init", "-q", "-b", "main")
    said = run("-s", "workflows").log
    ci = run.home / ".github/workflows/ci.yml"
    assert "nox -s typecheck" in ci.read_text(encoding="utf-8"), said
    ci.unlink()
    run.files({"noxfile.py": f"import tradai_tasks\n\n{_REGISTER.format('typecheck')}"})
    ran = run("-s", "workflows")
    assert "ci.yml does not fit, since it needs the session typecheck: register(exclude" in ran.log
    assert not ci.exists()
