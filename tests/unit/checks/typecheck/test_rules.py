"""Which files each run of the type checker is given."""

from __future__ import annotations

import pytest

from tests.support.trees import MemoryTree, found, project
from tradai_tasks.checks.typecheck import rules as types
from tradai_tasks.checks.typecheck.checkers import CHECKERS
from tradai_tasks.workspace.layout import ImportName, Layout, layout_of


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
    plain = types.BatchRules(tree=tree, tests=False).batches(layouts, extra=["more.py"])
    assert [batch.packages for batch in plain] == [("a", "c"), ("b",), ("d",)]
    assert plain[0].sources == ("a/handler.py", "c/c", "more.py")
    assert [batch.home for batch in plain] == [".", ".", "d"]
    checked = types.BatchRules(tree=tree, tests=True).batches(layouts)
    assert "c/tests" in checked[0].sources
    assert "d/tests" in checked[2].sources
    assert types.BatchRules(tree=tree, tests=False).batches({}) == ()


def test_a_run_borrows_untyped_packages_of_other_runs_as_sources() -> None:
    files = {"pyproject.toml": '[tool.uv.workspace]\nmembers = ["*"]\n'}
    for name in ("a", "b", "plain", "typed"):
        files[f"{name}/pyproject.toml"] = project(name)
    files |= {"a/handler.py": "", "b/handler.py": "", "typed/src/typed/py.typed": ""}
    files |= {"plain/src/plain/__init__.py": "", "typed/src/typed/__init__.py": ""}
    workspace, tree = found(files), MemoryTree(files)
    layouts = {p: layout_of(tree, p) for p in workspace.packages}
    first, second = types.BatchRules(tree=tree, tests=False).batches(layouts)
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
    first, second = types.BatchRules(tree=MemoryTree(files), tests=False).batches({package: layout})
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
    plan = types.BatchRules(tree=tree, tests=False, known=files).batches(
        {package: layout_of(tree, package)}
    )
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
    (batch,) = types.BatchRules(tree=tree, tests=False).batches(
        {p: layout_of(tree, p) for p in workspace.packages}
    )
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
    (batch,) = types.BatchRules(tree=tree, tests=False, args=args).batches(layouts)
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
    assert CHECKERS["mypy"].config_file(MemoryTree(files), "libs/a", ".") == config


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
    config = CHECKERS["mypy"].config_file(tree, ".", ".")
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
    (batch,) = types.BatchRules(tree=tree, tests=False).batches(
        {p: layout_of(tree, p) for p in workspace.packages}
    )
    assert batch.sources == ("a/src/a",)
    assert batch.excluded == ("a/src/a/gen/made.py", "gen/src/gen/__init__.py")
    pattern = types.exclusions(tree, "pyproject.toml")
    assert not types.is_excluded("gen/a.py", "gen/a.py", "gen", pattern)  # from the own folder
