from __future__ import annotations

import shutil
import subprocess
import tomllib
from datetime import date
from pathlib import Path
from typing import Any
from unittest.mock import MagicMock

import pytest

from tests.support.lock_text import lock_text
from tests.support.trees import MemoryTree, found, project
from tradai_tasks import process, report
from tradai_tasks.checks import audit, compose, perf
from tradai_tasks.checks import typecheck_rules as types
from tradai_tasks.checks.testing import pytest_rules as plan
from tradai_tasks.checks.testing.suite_detection import has_benchmarks
from tradai_tasks.errors import (
    BrokenTomlError,
    CheckFailedError,
    CommandFailedError,
    LockMissingError,
    ToolMissingError,
    ToolNotLockedError,
)
from tradai_tasks.settings.model import IgnoredAdvisory, NotAudited, SecuritySettings
from tradai_tasks.workspace.discovery import Package
from tradai_tasks.workspace.layout import ImportName, Layout, layout_of
from tradai_tasks.workspace.locks import locked_tools as locked
from tradai_tasks.workspace.locks.lock_conflicts import install_sets
from tradai_tasks.workspace.locks.lock_file import (
    LockedRequirement,
    LockFile,
    parse_lock_file,
    read_lock,
)

# --- locked.py -----------------------------------------------------------------------------------


def lock_of(document: dict[str, Any]) -> LockFile:
    return parse_lock_file(lock_text({"version": 1, **document}), "uv.lock")


LOCK = lock_of(
    {
        "manifest": {"dependency-groups": {"dev": [{"name": "pytest-cov"}]}},
        "package": [
            {
                "name": "app",
                "source": {"editable": "app"},
                "dependencies": [{"name": "lib", "extra": ["fast"]}],
                "optional-dependencies": {"test": [{"name": "pytest"}]},
                "dev-dependencies": {"qa": [{"name": "pytest-cov"}]},
            },
            {
                "name": "lib",
                "version": "1",
                "optional-dependencies": {"fast": [{"name": "speed"}]},
            },
            {"name": "speed", "version": "1", "dependencies": [{"name": "app"}]},
            {"name": "pytest", "version": "8.0"},
            {"name": "pytest", "version": "9.0"},
            {"name": "pytest-cov", "version": "7.0", "dependencies": [{"name": "pytest"}]},
            {"name": "bandit", "version": "1.9"},
            {"name": "odd", "version": "not a version"},
        ],
    }
)


def app(more: str = "", name: str = "app", path: str = "app") -> Package:
    files = {
        "pyproject.toml": f'[tool.uv.workspace]\nmembers = ["{path}"]\n',
        f"{path}/pyproject.toml": project(name, more),
    }
    return found(files).packages[0]


def test_a_tool_comes_as_locked_else_by_default() -> None:
    assert locked.pinned_tool(LOCK, "pytest") == "pytest==9.0"
    assert locked.pinned_tool(LOCK, "bandit") == "bandit[toml]==1.9"
    assert locked.pinned_tool(LOCK, "ruff") == locked.DEFAULT_TOOLS["ruff"]


def test_what_requirements_reach_includes_extras_and_ends_in_circles() -> None:
    assert locked.reached_from(LOCK, [LockedRequirement(name="app")]) == {"app", "lib", "speed"}
    assert locked.reached_from(LOCK, [LockedRequirement(name="lib", extra=("fast",))]) == {
        "lib",
        "speed",
        "app",
    }


def test_test_tools_come_from_the_packages_own_places_else_the_roots() -> None:
    extra = '[project.optional-dependencies]\ntest = ["pytest"]'
    group = '[dependency-groups]\nqa = ["pytest-cov"]'
    root = {"dependency-groups": {"dev": ["pytest-cov"]}}
    own = locked.find_test_tools(LOCK, app(extra), root, ["test", "dev"])
    assert [str(place) for place in own.places] == ["its own extra 'test'"]
    qa = locked.find_test_tools(LOCK, app(group), root, ["qa"])
    assert "pytest" in qa.reached
    shared = locked.find_test_tools(LOCK, app(), root, ["test", "dev"])
    assert [str(place) for place in shared.places] == ["the root's group 'dev'"]
    other = locked.find_test_tools(LOCK, app(), root, ["x", "y"])
    assert [str(place) for place in other.places] == ["the root's group 'dev'"]  # it has the tool
    strange = '[dependency-groups]\nstrange = ["pytest"]'
    entry = {"name": "app", "version": "1", "dev-dependencies": {"strange": [{"name": "pytest"}]}}
    lock = lock_of({"package": [entry, {"name": "pytest", "version": "9"}]})
    its = locked.find_test_tools(lock, app(strange), root, ["x", "y"])
    assert [str(place) for place in its.places] == ["its own group 'strange'"]
    none = locked.find_test_tools(LOCK, app(), {}, ["x", "y"])
    assert (none.places, "pytest" in none.reached) == ((), False)  # its default version will do
    with pytest.raises(ToolNotLockedError, match="no group or extra named 'x' or 'y'"):
        locked.find_test_tools(LOCK, app(), {}, ["x", "y"], tool="nose")
    with pytest.raises(ToolNotLockedError, match="its own group 'qa', the root's group 'dev'"):
        locked.find_test_tools(LOCK, app(group), root, ["qa", "dev"], tool="nose")
    named = {"project": {"name": "App"}, "dependency-groups": {"qa": []}}
    assert locked.find_test_tools(LOCK, app("", "lib", "lib"), named, ["qa"]).places


def test_the_groups_that_name_a_tool_are_found_by_the_name_of_their_requirements() -> None:
    groups = {"types": ["Django-stubs>=6", "MyPy [x] >=2"], "dev": [{"include-group": "types"}]}
    assert locked.groups_with({"dependency-groups": groups}, {"mypy"}) == ["types"]
    assert locked.groups_with({"dependency-groups": {"dev": ["mypy-ext"]}}, {"mypy"}) == []


def test_uvs_older_development_dependencies_are_the_group_dev() -> None:
    older = '[tool.uv]\ndev-dependencies = ["pytest"]'
    lock = lock_of(
        {
            "package": [
                {"name": "app", "dev-dependencies": {"dev": [{"name": "pytest"}]}},
                {"name": "pytest", "version": "9.0"},
            ]
        }
    )
    (own,) = locked.find_test_tools(lock, app(older), {}, ["dev"]).places
    assert str(own) == "its own group 'dev'"
    _, roots = plan.sync_commands(
        app(older), [place("root", "group", "dev")], root={}, in_workspace=True
    )
    assert roots[-2:] == ["--only-group", "dev"]


def test_a_lock_is_read_or_missed() -> None:
    assert read_lock(MemoryTree({"uv.lock": "version = 1"}), ".").package == []
    with pytest.raises(LockMissingError, match=r"s/a/uv\.lock: no lock file; make it with: nox"):
        read_lock(MemoryTree({}), "s/a")
    with pytest.raises(BrokenTomlError, match=r"uv\.lock: broken TOML"):
        read_lock(MemoryTree({"uv.lock": "x ="}), ".")
    for odd in ("package = 3", "[[package]]\nversion = '1'", "package = [3]"):
        with pytest.raises(
            BrokenTomlError, match=r"^uv\.lock: not a lock file as uv writes it \(.*\); remove it"
        ):
            read_lock(MemoryTree({"uv.lock": f"version = 1\n{odd}"}), ".")


# --- tests.py ------------------------------------------------------------------------------------


def place(owner: Any, kind: Any, name: str) -> locked.Place:
    return locked.Place(owner=owner, kind=kind, name=name)


def test_sync_commands_name_the_roots_groups_apart_where_they_are_shadowed() -> None:
    package = app('[dependency-groups]\ndev = ["x"]')
    (one,) = plan.sync_commands(
        package,
        [place("package", "group", "dev"), place("root", "group", "qa")],
        root={},
        in_workspace=True,
    )
    assert one[4:] == ["--package", "app", "--group", "dev", "--group", "qa"]
    first, second = plan.sync_commands(
        package, [place("root", "group", "dev")], root={}, in_workspace=True
    )
    assert first[-2:] == ["--package", "app"]
    assert second[-3:] == ["--no-default-groups", "--only-group", "dev"]
    _, extra = plan.sync_commands(
        package,
        [place("root", "extra", "t")],
        root={"project": {"name": "r"}},
        in_workspace=True,
    )
    assert extra[-5:] == ["--package", "r", "--extra", "t", "--no-install-project"]
    (alone,) = plan.sync_commands(package, [], root={}, in_workspace=False)
    assert alone[-2:] == ["--project", "app"]


@pytest.mark.parametrize(
    ("own", "root", "excluded"),
    [
        ('[{ group = "dev" }, { group = "test" }]', "", True),
        ("", '[{ package = "App", group = "dev" }, { package = "app", group = "test" }]', True),
        ("", '[{ group = "dev" }, { package = "app", group = "test" }]', False),  # the root's dev
        ('[{ group = "dev" }, { extra = "test" }]', "", False),
        ("", '[{ package = "b", group = "dev" }, { package = "b", group = "test" }]', False),
    ],
)
def test_groups_that_exclude_each_other_name_the_setting(
    own: str, root: str, excluded: bool
) -> None:
    package = app(f"[tool.uv]\nconflicts = [{own}]")
    places = [place("package", "group", "dev"), place("package", "group", "test")]
    document = tomllib.loads(f"[tool.uv]\nconflicts = [{root}]")
    if not excluded:
        plan.check_conflicts(package, places, document)
        return
    with pytest.raises(
        ToolNotLockedError,
        match=r"^app/pyproject\.toml: its own group 'dev' and its own group 'test' exclude each "
        r"other .*setting test\.groups",
    ):
        plan.check_conflicts(package, places, document)


def test_coverage_measures_folders_bare_folders_and_lone_modules() -> None:
    files = {
        "pyproject.toml": '[tool.uv.workspace]\nmembers = ["app"]\n',
        "app/pyproject.toml": project("app", "[tool.uv.build-backend]\nmodule-name = ['a', 'one']"),
        "app/src/a/__init__.py": "",
        "app/src/a/bare/x.py": "",
        "app/src/a/bare/deeper/y.py": "",
        "app/src/a/data/x.json": "",
        "app/src/one.py": "",
    }
    package = found(files).packages[0]
    tree = MemoryTree(files)
    sources = plan.coverage_sources(tree, package, layout_of(tree, package))
    assert sources == ["src/a", "src/a/bare", "src/a/bare/deeper", "src"]
    files = {"pyproject.toml": project("h", "", "x"), "handler.py": "", "pkg/__init__.py": ""}
    package = found(files).packages[0]
    tree = MemoryTree(files)
    sources = plan.coverage_sources(tree, package, layout_of(tree, package))
    assert sources == ["handler", "pkg"]


@pytest.mark.parametrize(
    ("file", "text", "counts"),
    [
        ("app/.coveragerc", "", True),
        ("app/setup.cfg", "[coverage:report]\n", True),
        ("app/setup.cfg", "[metadata]\n", False),
        ("tox.ini", "[coverage:run]\n", True),
        ("tox.ini", "[tox]\n", False),
    ],
)
def test_the_nearest_settings_of_coverage_win(file: str, text: str, counts: bool) -> None:
    files = {"pyproject.toml": "", "app/pyproject.toml": project("app"), file: text}
    assert plan.coverage_config(MemoryTree(files), app()) == (file if counts else None)
    files["pyproject.toml"] = "[tool.coverage.run]\n"
    at_root = plan.coverage_config(MemoryTree(files), app())
    assert at_root == (file if counts else "pyproject.toml")


def test_marked_files_are_told_by_name_content_or_conftest() -> None:
    tree = MemoryTree(
        {
            "t/test_a.py": "@pytest.mark.contract",
            "t/test_b.py": "contractual",
            "t/contract/test_c.py": "",
            "t/d/conftest.py": "# marks all as contract",
            "t/d/test_d.py": "",
            "t/__pycache__/test_e.py": "contract",
            "t/helper.py": "contract",
            "test_f.py": "contract",
        }
    )
    assert plan.marked_files(tree, ["t", "test_f.py"], "contract") == [
        "t/test_a.py",
        "t/contract/test_c.py",
        "t/d/test_d.py",
        "test_f.py",
    ]


# --- types.py ------------------------------------------------------------------------------------


def test_packages_share_a_run_until_a_module_name_comes_twice() -> None:
    files = {
        "pyproject.toml": '[tool.uv.workspace]\nmembers = ["*"]\n',
        **{f"{n}/pyproject.toml": project(n, "", "x") for n in "abcd"},
        "a/handler.py": "",
        "b/handler.py": "",
        "c/c/__init__.py": "",
        "d/d/__init__.py": "",
        "d/mypy.ini": "",
        "c/tests/conftest.py": "",
        "c/tests/test_c.py": "",
        "c/tests/deep/test_d.py": "",
        "c/tests/inner/__init__.py": "",
        "d/tests/__init__.py": "",
        "d/tests/test_d.py": "",
    }
    workspace, tree = found(files), MemoryTree(files)
    layouts = {p: layout_of(tree, p) for p in workspace.packages}
    plain = types.batches(tree, layouts, tests=False, extra=["more.py"])
    assert [batch.packages for batch in plain] == [("a", "c"), ("b",), ("d",)]
    assert plain[0].sources == ("a/handler.py", "c/c", "more.py")
    assert [batch.home for batch in plain] == [".", ".", "d"]
    checked = types.batches(tree, layouts, tests=True)
    assert "c/tests" in checked[0].sources
    assert "d/tests" in checked[2].sources
    assert types.batches(tree, {}, tests=False) == ()


def test_a_run_borrows_untyped_packages_of_other_runs_as_sources() -> None:
    files = {"pyproject.toml": '[tool.uv.workspace]\nmembers = ["*"]\n'}
    for name in ("a", "b", "plain", "typed"):
        files[f"{name}/pyproject.toml"] = project(name)
    files |= {"a/handler.py": "", "b/handler.py": "", "typed/src/typed/py.typed": ""}
    files |= {"plain/src/plain/__init__.py": "", "typed/src/typed/__init__.py": ""}
    workspace, tree = found(files), MemoryTree(files)
    layouts = {p: layout_of(tree, p) for p in workspace.packages}
    first, second = types.batches(tree, layouts, tests=False)
    assert (first.packages, first.borrowed) == (("a", "plain", "typed"), ("b",))
    assert (second.packages, second.borrowed) == (("b",), ("a", "plain/src"))


def test_a_package_that_has_one_name_twice_is_divided() -> None:
    files = {"pyproject.toml": project("a"), "one/run.py": "", "two/run.py": "", "two/b.py": ""}
    (package,) = found(files).packages
    layout = Layout(
        source_roots=("one", "two"),
        imports=tuple(
            ImportName(name=path, path=path) for path in ("one/run.py", "two/b.py", "two/run.py")
        ),
        tests=(),
    )
    first, second = types.batches(MemoryTree(files), {package: layout}, tests=False)
    assert (first.sources, second.sources) == (("one/run.py", "two/b.py"), ("two/run.py",))


@pytest.mark.parametrize(
    ("path", "runs"),
    [
        (".hidden/x.py", 1),
        ("node_modules/x.py", 1),
        ("site-packages/x.py", 1),
        ("deep.py", 2),  # beside deep/__init__.py
        ("odd-b/run.py", 2),  # `run` for mypy, as odd-a/run.py
        ("core.py", 1),  # found by mypy itself
    ],
)
def test_each_known_file_is_given_that_mypy_would_not_find(path: str, runs: int) -> None:
    home = "src/a"
    files = {"pyproject.toml": project("a"), f"{home}/__init__.py": "", f"{home}/{path}": ""}
    files |= {f"{home}/deep/__init__.py": "", f"{home}/odd-a/run.py": ""}
    (package,), tree = found(files).packages, MemoryTree(files)
    plan = types.batches(tree, {package: layout_of(tree, package)}, tests=False, known=files)
    assert len(plan) == runs
    given = [source for batch in plan for source in batch.sources]
    assert f"{home}/{path}" in given or given == [home]


@pytest.mark.parametrize(
    ("files", "ignored", "is_blind"),
    [
        ({}, (), False),
        ({"mypy.ini": "[mypy]\nignore_errors = True\n"}, ("a", "b"), True),
        ({"mypy.ini": "[mypy]\n[mypy-a.*,c]\nignore_errors = True\n"}, ("a",), False),
        ({"mypy.ini": "[mypy]\n[mypy-a.*]\nignore_errors = False\n"}, (), False),
        ({"pyproject.toml": "[tool.mypy]\nignore_errors = true\n"}, ("a", "b"), True),
        (
            {"pyproject.toml": "[[tool.mypy.overrides]]\nmodule = 'b'\nignore_errors = true\n"},
            ("b",),
            False,
        ),
        ({"b/b/__init__.py": "# mypy: ignore-errors\n"}, ("b",), False),
        ({"b/b/__init__.py": "import a\n# mypy: strict, ignore-errors\n"}, ("b",), False),
        ({"b/b/__init__.py": "# mypy: ignore-errors=False\n"}, (), False),
        ({"b/b/__init__.py": "# Text.\n# type: ignore\n"}, ("b",), False),
        ({"b/b/__init__.py": "import a  # type: ignore\n"}, (), False),
        ({"b/b/__init__.py": "# type: ignore[assignment]\n"}, (), False),
    ],
)
def test_files_whose_errors_mypy_ignores_are_named(
    files: dict[str, str], ignored: tuple[str, ...], is_blind: bool
) -> None:
    root = '[tool.uv.workspace]\nmembers = ["a", "b"]\n'
    made = {
        "a/pyproject.toml": project("a"),
        "b/pyproject.toml": project("b"),
        "a/a/__init__.py": "",
        "b/b/__init__.py": "",
        **files,
        "pyproject.toml": root + files.get("pyproject.toml", ""),
    }
    workspace, tree = found(made), MemoryTree(made)
    (batch,) = types.batches(tree, {p: layout_of(tree, p) for p in workspace.packages}, tests=False)
    assert batch.ignored == tuple(f"{name}/{name}/__init__.py" for name in ignored)
    assert batch.is_blind == is_blind


def test_arguments_exclude_files_and_name_the_configuration() -> None:
    files = {
        "pyproject.toml": project("a"),
        "more/mypy.ini": "[mypy]\nexclude = first",
        "mypy.ini": "[mypy]\nexclude = third",
        **{f"src/a/{name}.py": "" for name in ("__init__", "first", "second", "third")},
    }
    (package,), tree = found(files).packages, MemoryTree(files)
    layouts = {package: layout_of(tree, package)}
    args = ["--config-file=more/mypy.ini", "--exclude", "second"]
    (batch,) = types.batches(tree, layouts, tests=False, args=args)
    assert batch.excluded == ("src/a/first.py", "src/a/second.py")


@pytest.mark.parametrize(
    ("files", "config"),
    [
        ({"libs/a/mypy.ini": "", "libs/a/pyproject.toml": "[tool.mypy]"}, "libs/a/mypy.ini"),
        ({"libs/a/.mypy.ini": ""}, "libs/a/.mypy.ini"),
        ({"libs/a/pyproject.toml": "[tool.mypy]"}, "libs/a/pyproject.toml"),
        ({"libs/a/setup.cfg": "[mypy]\nstrict = true"}, "libs/a/setup.cfg"),
        ({"libs/a/pyproject.toml": "", "libs/a/setup.cfg": "[metadata]"}, None),
        ({"libs/mypy.ini": "", "setup.cfg": "[mypy]"}, "libs/mypy.ini"),
        ({"libs/a/setup.cfg": "[flake8]", "setup.cfg": "[mypy]"}, "setup.cfg"),
    ],
)
def test_the_configuration_is_where_mypy_finds_it(files: dict[str, str], config: str) -> None:
    assert types.config_file(MemoryTree(files), "libs/a", ".") == config


@pytest.mark.parametrize(
    ("files", "patterns"),
    [
        ({}, []),
        ({"pyproject.toml": "[tool.mypy]\nexclude = 'a/'"}, ["a/"]),
        ({"pyproject.toml": "[tool.mypy]\nexclude = ['a/', 'b', '(']"}, ["a/", "b"]),
        ({"mypy.ini": "[mypy]\nexclude = x"}, ["x"]),
        ({"mypy.ini": "[mypy]\n"}, []),
        ({"setup.cfg": "[mypy]\nexclude = y"}, ["y"]),
        ({".mypy.ini": "broken"}, []),
    ],
)
def test_what_mypys_configuration_excludes(files: dict[str, str], patterns: list[str]) -> None:
    tree = MemoryTree(files)
    config = types.config_file(tree, ".", ".")
    assert [one.pattern for one in types.exclusions(tree, config)] == patterns


def test_excluded_files_are_named_and_a_source_without_others_is_not_given() -> None:
    files = {
        "pyproject.toml": '[tool.uv.workspace]\nmembers = ["*"]\n[tool.mypy]\nexclude = "gen/"\n',
        **{f"{n}/pyproject.toml": project(n) for n in ("a", "gen")},
        "a/src/a/__init__.py": "",
        "a/src/a/gen/made.py": "",
        "gen/src/gen/__init__.py": "",
    }
    workspace, tree = found(files), MemoryTree(files)
    (batch,) = types.batches(tree, {p: layout_of(tree, p) for p in workspace.packages}, tests=False)
    assert batch.sources == ("a/src/a",)
    assert batch.excluded == ("a/src/a/gen/made.py", "gen/src/gen/__init__.py")
    pattern = types.exclusions(tree, "pyproject.toml")
    assert not types.is_excluded("gen/a.py", "gen/a.py", "gen", pattern)  # from the own folder


def test_packages_that_uv_keeps_apart_are_installed_in_turn() -> None:
    def entry(name: str, *needs: str, **groups: list[dict[str, str]]) -> dict[str, Any]:
        needed = [{"name": one} for one in needs]
        return {"name": name, "dependencies": needed, "dev-dependencies": groups}

    document = {
        "conflicts": [
            [{"package": "a"}, {"package": "b"}],
            [{"package": "c", "group": "dev"}, {"package": "c", "group": "test"}],
        ],
        "package": [
            entry("a"), entry("b"), entry("d", "a"),
            entry("c", dev=[{"name": "x"}], test=[{"name": "y"}]),
        ],
    }  # fmt: skip
    sets = install_sets(lock_of(document), ["a", "b", "c", "d"], ["dev", "test"])
    assert [(one.packages, one.groups, one.left_out) for one in sets] == [
        (("a", "d"), ("dev", "test"), ()),
        (("b",), ("dev", "test"), ()),
        (("c",), ("dev",), ("test",)),
    ]
    (one,) = install_sets(lock_of({**document, "conflicts": []}), ["a", "b"], ["dev"])
    assert one.packages == ("a", "b")


# --- audit.py ------------------------------------------------------------------------------------


def finding(severity: str, confidence: str, line: int = 1) -> dict[str, Any]:
    return {
        "filename": "././x.py",
        "line_number": line,
        "test_id": "B1",
        "issue_severity": severity,
        "issue_confidence": confidence,
        "issue_text": "bad",
    }


def test_bandit_findings_count_from_the_set_levels_up() -> None:
    report_ = {
        "results": [
            finding("LOW", "HIGH", 3),
            finding("HIGH", "LOW", 2),
            finding("UNDEFINED", "HIGH", 1),
        ],
        "errors": [{"filename": "y.py", "reason": "syntax error"}],
    }
    found_, unread = audit.bandit_findings(report_, SecuritySettings())
    assert [f.line for f in found_] == [1, 3]
    assert str(found_[1]) == "x.py:3: B1 (low severity, high confidence) bad"
    assert unread == ("y.py: syntax error",)
    strict, _ = audit.bandit_findings(report_, SecuritySettings(severity="medium"))
    assert [f.line for f in strict] == [1]


def test_expired_acceptance_is_named() -> None:
    settings = SecuritySettings(
        ignore=(IgnoredAdvisory(id="CVE-1", reason="soon", until=date(2026, 1, 1)),),
        not_audited=(NotAudited(name="x", reason="ours", until=date(2026, 1, 1)),),
    )
    assert audit.expired_ignores(settings, date(2026, 1, 1)) == ()
    first, second = audit.expired_ignores(settings, date(2026, 1, 2))
    assert first.startswith("security.ignore: CVE-1 was ignored until 2026-01-01 (soon)")
    assert second.startswith("security.not-audited: x was accepted until 2026-01-01 (ours)")


# --- perf.py, compose.py, process.py, report.py --------------------------------------------------


def test_benchmarks_are_told_by_their_fixture_and_compared_by_name() -> None:
    tree = MemoryTree({"t/test_a.py": "def test_x(a,\n  benchmark): ...", "t/deep/b.txt": ""})
    assert has_benchmarks(tree, ["t"])
    assert not has_benchmarks(MemoryTree({"t/d/test_a.py": "def test_benchmark(): ..."}), ["t"])
    assert has_benchmarks(tree, ["t/test_a.py"])
    assert not has_benchmarks(tree, ["t/gone.py"])

    def report_of(**medians: float) -> dict[str, Any]:
        stats = [{"fullname": name, "stats": {"median": m}} for name, m in medians.items()]
        return {"benchmarks": stats}

    old, new = report_of(a=1.0, gone=1.0, zero=0.0), report_of(a=1.5, fresh=1.0, zero=1.0)
    rows = {row.name: row.slowdown for row in perf.compare(old, new)}
    assert rows == {"a": 50.0, "fresh": None, "gone": None, "zero": None}
    assert [row.baseline for row in perf.compare(None, new)] == [None, None, None]


def test_the_compose_file_is_set_or_of_a_usual_name() -> None:
    assert (
        compose.compose_file(MemoryTree({"docker-compose.yml": ""}), None) == "docker-compose.yml"
    )
    assert compose.compose_file(MemoryTree({}), None) is None
    assert compose.compose_file(MemoryTree({"x.yaml": ""}), "x.yaml") == "x.yaml"
    with pytest.raises(CheckFailedError, match=r"x\.yaml: no such file; fix the setting"):
        compose.compose_file(MemoryTree({}), "x.yaml")
    assert compose.project_name("/a", "s") != compose.project_name("/b", "s")


def test_the_compose_client_is_what_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = {("docker", "compose"): 1, ("docker-compose", "version"): 0, ("docker", "version"): 1}

    def run(argv: list[str], **_: Any) -> process.Completed:
        status = answers[argv[0], argv[1]]
        return process.Completed(argv=tuple(argv), returncode=status, stdout=b"", stderr=b"")

    monkeypatch.setattr(compose, "run", run)
    monkeypatch.setattr(shutil, "which", lambda name: name)
    with pytest.raises(ToolMissingError, match="docker: no engine answers"):
        compose.compose_client("/")
    answers["docker", "version"] = 0
    assert compose.compose_client("/") == ["docker-compose"]
    monkeypatch.setattr(shutil, "which", lambda _: None)
    with pytest.raises(ToolMissingError, match="docker compose: not found on PATH"):
        compose.compose_client("/")


def test_the_door_says_what_failed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with pytest.raises(ToolMissingError, match="nope: not found on PATH; install nope"):
        process.find_tool("nope", env={"PATH": str(tmp_path)})
    process_of = MagicMock(returncode=3, **{"poll.return_value": 3})
    process_of.__enter__.return_value = process_of
    process_of.communicate.return_value = (b"out \xff", b"first\nlast\n")
    monkeypatch.setattr(subprocess, "Popen", lambda *_, **__: process_of)
    monkeypatch.setattr(process, "find_tool", lambda name, env=None: name)
    with pytest.raises(CommandFailedError, match=r"^a b c d \.\.\.: exit status 3: last$"):
        process.run(["a", "b", "c", "d", "e"], cwd=tmp_path)
    completed = process.run(["a"], cwd=tmp_path, check=False, env={})
    assert completed.text == "out \udcff"
    assert completed.error_text == "first\nlast"
    process_of.communicate.side_effect = subprocess.TimeoutExpired(["a"], 2)
    with pytest.raises(CommandFailedError, match="a: not done after 2 s; ended"):
        process.run(["a"], cwd=tmp_path, timeout=2)


def test_reports_go_where_people_look(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    report.print_table("A [b]title", ["x"], [["[red]cell"]])
    assert "[red]cell" in capsys.readouterr().out
    assert report.markdown_table(["a"], [["x|y\nz"]]) == "| a |\n| --- |\n| x\\|y z |\n"
    summary, output = tmp_path / "summary", tmp_path / "output"
    report.append_markdown("text", {})
    report.append_markdown("text", {"GITHUB_STEP_SUMMARY": str(summary)})
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary))
    assert summary.read_text() == "text"
    report.write_outputs({"a": "1"}, {})
    report.write_outputs({"a": "1", "b": "[]"}, {"GITHUB_OUTPUT": str(output)})
    assert output.read_text() == "a=1\nb=[]\n"
    with pytest.raises(ValueError, match="the output 'a' has a line break"):
        report.write_outputs({"a": "1\nb=2"}, {"GITHUB_OUTPUT": str(output)})
    monkeypatch.setenv("GITHUB_ACTIONS", "")
    report.annotate("error", "x")
    assert capsys.readouterr().out == ""
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    report.annotate("error", "50%\nmore", file="a,b:c.py", line=3)
    report.annotate("notice", "x")
    said = capsys.readouterr().out.splitlines()
    assert said == ["::error file=a%2Cb%3Ac.py,line=3::50%25%0Amore", "::notice ::x"]
