"""The check sessions on small real workspaces: where tools come from, layouts, bad input."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from tests.support.osv import advisory, osv_server
from tests.support.pyprojects import pyproject
from tests.support.real import NOXFILE, Result, edit, failed_with, nox, write

_CODE = '"""Code."""\n\n\ndef answer() -> int:\n    """Answer."""\n    return 42\n'
_TEST = "from {module} import answer\n\n\ndef test_answer():\n    assert answer() == 42\n"
_TOOLS = '"pytest==9.2.0", "pytest-cov==7.1.0"'


def member(name: str, module: str, *, more: str = "", dependencies: str = "") -> dict[str, str]:
    """Files of one member in the src layout."""
    folder = f"libs/{name}"
    home = f"{folder}/src/{module.replace('.', '/')}"
    return {
        f"{folder}/pyproject.toml": pyproject(name, needs=dependencies, more=more)
        + f'\n[tool.uv.build-backend]\nmodule-name = "{module}"\n',
        f"{home}/__init__.py": _CODE,
        f"{folder}/tests/test_{name.replace('-', '_')}.py": _TEST.format(module=module),
    }


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """A locked workspace whose members find pytest in three places."""
    files = {
        "pyproject.toml": '[tool.uv.workspace]\nmembers = ["libs/*"]\n\n'
        f"[dependency-groups]\ndev = [{_TOOLS}]\n",
        "noxfile.py": NOXFILE,
        ".gitignore": ".nox/\nuv.lock\n",
        **member("root-tools", "root_tools"),
        **member("own-group", "own_group", more=f"[dependency-groups]\ntest = [{_TOOLS}]\n"),
        **member(
            "own-extra", "own_extra", more=f"[project.optional-dependencies]\ntests = [{_TOOLS}]\n"
        ),
        **member("shadowed", "shadowed", more='[dependency-groups]\ndev = ["iniconfig"]\n'),
        **member("space-a", "space.a"),
        **member("space-b", "space.b", dependencies='"space-a"'),
    }
    files["libs/space-b/pyproject.toml"] += "[tool.uv.sources]\nspace-a = { workspace = true }\n"
    write(tmp_path, files)
    locked(tmp_path)
    return tmp_path


def locked(home: Path) -> None:
    result = nox(home, "-s", "lock")
    assert result.status == 0, result.text


def test_pytest_is_found_in_the_roots_group_the_members_group_and_an_extra(small: Path) -> None:
    result = nox(small, "-s", "test", "typecheck")
    assert result.status == 0, result.text
    verdicts = result.verdicts()
    assert {name for name, how in verdicts.items() if how == "success"} >= {
        "test(root-tools)",
        "test(own-group)",
        "test(own-extra)",
        "test(shadowed)",
        "test(space-a)",
        "test(space-b)",
        "typecheck",
    }
    assert "--package own-group --group test\n" in result.log
    assert "--package own-extra --extra tests\n" in result.log
    assert "--package root-tools --group dev\n" in result.log
    assert "uv sync --locked --inexact --no-default-groups --only-group dev" in result.log


def test_a_namespace_package_measures_only_its_own_share(small: Path) -> None:
    assert nox(small, "-s", "test(space-b)").status == 0
    report = json.loads(
        (small / "build/reports/test/test-space-b/coverage.json").read_text(encoding="utf-8")
    )
    assert list(report["files"]) == ["src/space/b/__init__.py"]
    assert (small / "build/reports/test/test-space-b/junit.xml").is_file()
    assert (small / "build/reports/test/test-space-b/coverage.xml").is_file()


def test_a_package_for_which_no_group_has_pytest_gets_the_tested_version(small: Path) -> None:
    edit(small / "pyproject.toml", f"dev = [{_TOOLS}]", 'dev = ["iniconfig"]')
    locked(small)
    ran = nox(small, "-s", "test(shadowed)")
    assert ran.status == 0, ran.text
    assert "1 passed" in ran.text


def test_no_lock_file_says_how_to_make_one(small: Path) -> None:
    (small / "uv.lock").unlink()
    failed_with(nox(small, "-s", "test(space-a)"), "uv.lock: no lock file", "nox -s lock")


def test_a_stale_lock_fails_and_says_how_to_mend_it(small: Path) -> None:
    edit(small / "libs/space-a/pyproject.toml", "dependencies = []", 'dependencies = ["six"]')
    failed_with(
        nox(small, "-s", "lock", "--", "--check"),
        "lock: stale: uv.lock; make it fresh with",
        "nox -s lock",
    )
    failed_with(
        nox(small, "-s", "test(space-a)"), "stale: uv.lock; make it fresh with: nox -s lock"
    )


def test_a_python_that_is_not_there_fails_instead_of_being_skipped(small: Path) -> None:
    with (small / "pyproject.toml").open("a") as file:
        file.write('[tool.tradai-tasks]\npython = "3.99"\n')
    failed_with(nox(small, "-s", "lint"), "Session lint failed: Python interpreter 3.99 not found")


def test_tests_at_the_root_answer_for_members_without_any(small: Path) -> None:
    test = small / "libs/space-a/tests/test_space_a.py"
    (small / "tests").mkdir()
    test.rename(small / "tests/test_space_a.py")
    result = nox(small, "-s", "test(root)")
    assert result.status == 0, result.text
    report = json.loads((small / "build/reports/test/test-root/coverage.json").read_text())
    assert list(report["files"]) == ["libs/space-a/src/space/a/__init__.py"]
    assert "test(space-a)" not in nox(small, "-l").out
    (small / "tests/test_space_a.py").write_text("def test_nothing():\n    pass\n")
    failed_with(nox(small, "-s", "test(root)"), "space-a: coverage 0 % is under its floor of 60 %")


def test_code_without_tests_is_named_or_fails_by_the_settings(small: Path) -> None:
    (small / "libs/space-a/tests/test_space_a.py").unlink()
    shown = nox(small, "-s", "inventory")
    assert shown.status == 0, shown.text
    assert "no tests: space-a; add some, or make this a failure" in shown.text
    failed_with(nox(small, "-s", "test(space-a)"), "no such session; space-a has no tests")
    before = (small / "pyproject.toml").read_text()
    (small / "pyproject.toml").write_text(f"{before}[tool.tradai-tasks.test]\nrequire = true\n")
    failed_with(nox(small, "-s", "test(space-a)"), "space-a: no tests collected", "`test = false`")
    without = f"{before}[tool.tradai-tasks.packages.space-a]\ntest = false\n"
    (small / "pyproject.toml").write_text(without)
    failed_with(nox(small, "-s", "test(space-a)"), "settings say that space-a has no tests")


def test_tests_that_are_all_deselected_fail(small: Path) -> None:
    edit(
        small / "libs/space-a/tests/test_space_a.py",
        "def test_answer",
        "import pytest\n\n\n@pytest.mark.contract\ndef test_answer",
    )
    failed_with(
        nox(small, "-s", "test(space-a)"),
        "space-a: all 1 tests are left to the sessions of their markers, so nothing was tested",
    )


def test_a_missed_floor_names_package_figure_and_floor(small: Path) -> None:
    code = small / "libs/space-a/src/space/a/__init__.py"
    code.write_text(_CODE + "".join(f"\n\ndef f{n}() -> int:\n    return {n}\n" for n in range(9)))
    failed_with(
        nox(small, "-s", "test(space-a)"),
        "space-a: coverage 55 % is under its floor of 60 %",
    )
    narrowed = nox(small, "-s", "test(space-a)", "--", "-k", "answer")
    assert narrowed.status == 0, narrowed.text
    assert "the coverage floor of 60 % does not apply" in narrowed.log


def test_a_module_that_no_test_imports_counts_as_not_covered(small: Path) -> None:
    folder = small / "libs/space-a/src/space/a"
    (folder / "deep").mkdir()  # a namespace folder: no __init__.py
    lines = "".join(f"x{number} = {number}\n" for number in range(20))
    (folder / "deep" / "never.py").write_text(lines)
    failed_with(nox(small, "-s", "test(space-a)"), "is under its floor of 60 %")


def test_bandit_and_pip_audit_outcomes_are_told_apart(small: Path) -> None:
    settings = '[tool.tradai-tasks.security]\nservice-url = "{}"\n'
    plain = (small / "pyproject.toml").read_text()

    def run(url: str, more: str = "") -> Result:
        (small / "pyproject.toml").write_text(plain + settings.format(url) + more)
        return nox(small, "-s", "security")

    with osv_server({}) as url:
        assert run(url).status == 0
    known = {("iniconfig", _version(small, "iniconfig")): [advisory("GHSA-1", "99", "CVE-2026-1")]}
    with osv_server(known) as url:
        failed_with(run(url), "iniconfig", "CVE-2026-1", "fixed in 99")
        accepted = '[[tool.tradai-tasks.security.ignore]]\nid = "CVE-2026-1"\nreason = "x"\n'
        result = run(url, accepted)
        assert result.status == 0, result.text
        assert "accepted: CVE-2026-1" in result.log
        failed_with(
            run(url, accepted + "until = 2020-01-01\n"), "CVE-2026-1 was ignored until 2020-01-01"
        )
    failed_with(run("http://127.0.0.1:9/"), "the advisory service cannot be reached")
    with osv_server({}) as url:
        (small / "libs/space-a/src/space/a/secret.py").write_text('password = "hunter2"\n')
        failed_with(
            run(url),
            "libs/space-a/src/space/a/secret.py:1: B105",
            "bandit found faults: libs/space-a",
        )
        (small / "libs/space-a/src/space/a/secret.py").write_text("def broken(:\n")
        failed_with(run(url), "bandit could not read", "secret.py")


def _version(home: Path, name: str) -> str:
    import tomllib

    lock = tomllib.loads((home / "uv.lock").read_text())
    return next(str(p["version"]) for p in lock["package"] if p["name"] == name)


@pytest.mark.parametrize(
    ("name", "old", "new", "said"),
    [
        (
            "pyproject.toml",
            "[dependency-groups]",
            "[tool.tradai-tasks]\npyhton = '3.11'\ntest = 3\n[dependency-groups]",
            "pyproject.toml: tool.tradai-tasks.pyhton: unknown key; did you mean 'python'?",
        ),
        (
            "libs/space-a/pyproject.toml",
            "[project]",
            "[projekt]",
            "libs/space-a/pyproject.toml: no [project] table",
        ),
        (
            "libs/space-a/pyproject.toml",
            "[project]",
            "[project",
            "libs/space-a/pyproject.toml: broken TOML",
        ),
        (
            "libs/space-a/pyproject.toml",
            'name = "space-a"',
            'name = "Space_B"',
            "the name 'space-b' is taken by",
        ),
    ],
)
def test_bad_input_is_one_line_and_no_traceback(
    small: Path, name: str, old: str, new: str, said: str
) -> None:
    edit(small / name, old, new)
    result = nox(small, "-l")
    failed_with(result, said)
    assert all(line.startswith("tradai-tasks: ") for line in result.text.strip().splitlines())


def test_an_unknown_package_is_one_line_and_no_traceback(small: Path) -> None:
    result = nox(small, "-s", "test(nope)")
    failed_with(result, "tradai-tasks: test(nope): no package of that name")
    assert len(result.text.strip().splitlines()) == 1


def test_the_library_works_as_a_script_too(small: Path) -> None:
    import subprocess

    noxfile = small / "noxfile.py"
    noxfile.write_text(
        f'import nox\n\n{NOXFILE}\n\n@nox.session(venv_backend="none")\ndef own(session):\n'
        '    print("mine")\n\n\nif __name__ == "__main__":\n    nox.main()\n'
    )
    for argv in ([sys.executable, "noxfile.py", "-l"], [sys.executable, "-m", "nox", "-l"]):
        done = subprocess.run(argv, cwd=small, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        assert "test(space-a)" in done.stdout
        assert "own" in done.stdout
    assert "mine" in nox(small, "-s", "own").out


def test_perf_compares_with_a_baseline_measured_in_the_same_run(small: Path) -> None:
    from tests.support.real import git

    edit(small / "pyproject.toml", _TOOLS, f'{_TOOLS}, "pytest-benchmark"')
    test = small / "libs/space-a/tests/test_space_a.py"
    test.write_text(
        "import time\n\nfrom space.a import pause\n\n\n"
        "def test_pause(benchmark):\n    benchmark.pedantic(pause, rounds=5)\n"
    )
    code = small / "libs/space-a/src/space/a/__init__.py"
    code.write_text("import time\n\n\ndef pause():\n    time.sleep(0.05)\n")
    git(small, "init", "-q", "-b", "main")
    git(small, "add", "-A")
    git(small, "commit", "-qm", "base")
    locked(small)
    alone = nox(small, "-s", "perf(space-a)")
    assert alone.status == 0, alone.text
    assert "not compared" in alone.out
    same = nox(small, "-s", "perf(space-a)", "--", "--baseline", "HEAD")
    assert same.status == 0, same.text
    assert "ok" in same.out
    edit(code, "0.05", "0.2")
    failed_with(
        nox(small, "-s", "perf(space-a)", "--", "--baseline", "HEAD"),
        "space-a: 1 benchmark slower than the merge base by more than 25 %",
    )
    assert git(small, "worktree", "list").count("\n") == 0
    skipped = nox(small, "-s", "perf(space-b)")
    assert "no such session; no test of space-b takes the `benchmark` fixture" in skipped.log


def test_a_noxfile_with_its_own_requirements_runs_under_uvx(small: Path) -> None:
    import subprocess

    from nox.virtualenv import UV

    from tests.support.real import REPOSITORY, clean_env

    block = "# /// script\n# dependencies = [{}]\n# ///\n"
    wanted = f'"nox[uv]==2026.10.20", "tradai-tasks @ {REPOSITORY.as_uri()}"'
    (small / "noxfile.py").write_text(block.format(wanted) + NOXFILE)
    argv = [UV, "tool", "run", "--from", "nox==2026.10.20", "nox", "-l"]
    done = subprocess.run(
        argv, cwd=small, env=clean_env(), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "test(space-a)" in done.stdout
