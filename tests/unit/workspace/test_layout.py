from __future__ import annotations

import pytest

from tests.support.trees import MemoryTree, found, project
from tradai_tasks.workspace.layout import Layout, layout_of


def layout(files: dict[str, str], path: str = ".") -> Layout:
    workspace = found(files)
    package = next(p for p in workspace.packages if p.path == path)
    nested = [p.path for p in workspace.packages]
    return layout_of(MemoryTree(files), package, nested=nested)


def names(found_layout: Layout) -> list[tuple[str, str]]:
    return [(module.name, module.path) for module in found_layout.imports]


@pytest.mark.parametrize(
    ("pyproject", "files", "roots", "imports"),
    [
        (project("my-lib"), ["src/my_lib/__init__.py"], ("src",), [("my_lib", "src/my_lib")]),
        (
            project("x", '[tool.uv.build-backend]\nmodule-name = "tradai.common"'),
            ["src/tradai/common/__init__.py", "src/tradai/other/__init__.py"],
            ("src",),
            [("tradai.common", "src/tradai/common")],
        ),
        (
            project("x", '[tool.uv.build-backend]\nmodule-root = ""\nmodule-name = ["x", "y"]'),
            ["x/__init__.py", "y/a.py", "y/deep/__init__.py"],
            (".",),
            [("x", "x"), ("y.a", "y/a.py"), ("y.deep", "y/deep")],
        ),
        (
            project("x", '[tool.hatch.build.targets.wheel]\npackages = ["src/foo"]', "hatchling.b"),
            ["src/foo/__init__.py", "src/bar/__init__.py"],
            ("src",),
            [("foo", "src/foo")],
        ),
        (
            project(
                "x",
                '[tool.hatch.build.targets.wheel]\nonly-include = ["src/a/b", "c"]',
                "hatchling.build",
            ),
            ["src/a/b/__init__.py", "c/__init__.py"],
            ("src", "."),
            [("a.b", "src/a/b"), ("c", "c")],
        ),
        (
            project(
                "x",
                '[tool.setuptools]\npy-modules = ["one"]\npackages = ["p", "p.q"]\n'
                'package-dir = { p = "lib/p" }',
                "setuptools.build_meta",
            ),
            ["one.py", "lib/p/__init__.py"],
            (".", "lib"),
            [("one", "one.py"), ("p", "lib/p")],
        ),
        (
            project(
                "x", '[tool.setuptools.packages.find]\nwhere = ["lib"]', "setuptools.build_meta"
            ),
            ["lib/p/__init__.py", "lib/tests/__init__.py"],
            ("lib",),
            [("p", "lib/p")],
        ),
        (
            project(
                "x",
                '[tool.poetry]\npackages = [{ include = "a/b", from = "lib" }]',
                "poetry.core.masonry.api",
            ),
            ["lib/a/b/__init__.py"],
            ("lib",),
            [("a.b", "lib/a/b")],
        ),
        (
            project("x", '[tool.flit.module]\nname = "flat"', "flit_core.buildapi"),
            ["flat.py"],
            (".",),
            [("flat", "flat.py")],
        ),
        (
            project("x", "", "flit_core.buildapi"),
            ["src/x/__init__.py"],
            ("src",),
            [("x", "src/x")],
        ),
        (
            project(
                "x",
                '[tool.pdm.build]\npackage-dir = "src"\nincludes = ["src/m", "*.md"]',
                "pdm.backend",
            ),
            ["src/m/__init__.py"],
            ("src",),
            [("m", "src/m")],
        ),
        (
            project("my-lib", "", "other"),
            ["my_lib/__init__.py", "scripts/x.py", "tests/test_x.py"],
            (".",),
            [("my_lib", "my_lib")],
        ),
        (
            project("x", "", "other"),
            ["handler.py", "noxfile.py", "conftest.py", "test_handler.py", "docs/a.py"],
            (".",),
            [("handler", "handler.py")],
        ),
        (
            project(
                "x",
                '[tool.setuptools]\npackages = ["p", "q"]\n'
                'package-dir = { "" = "lib", q = "renamed" }',
                "setuptools.build_meta",
            ),
            ["lib/p/__init__.py", "renamed/__init__.py"],
            ("lib",),
            [("p", "lib/p")],
        ),
        (
            project(
                "x",
                '[tool.poetry]\npackages = ["a", { include = "*.py" }]',
                "poetry.core.masonry.api",
            ),
            ["x/__init__.py"],
            (".",),
            [("x", "x")],
        ),
        (project("x", "", "flit_core.buildapi"), ["y/__init__.py"], (".",), [("y", "y")]),
        (
            project("x", '[tool.pdm.build]\nincludes = ["*/x.py"]', "pdm.backend"),
            ["src/readme.md", "src/bad-name/a.py", "x/__init__.py"],
            (".",),
            [("x", "x")],
        ),
        (
            project("acme-core", '[tool.uv.build-backend]\nmodule-name = "acme.core"'),
            ["src/acme/core/one.py", "src/acme/core/not-a-name.py", "src/acme/core/.d/x.py"],
            ("src",),
            [("acme.core.one", "src/acme/core/one.py")],
        ),
        (project("x"), ["README.md"], (".",), []),
        (project("x"), ["src/x/__init__.pyi"], ("src",), [("x", "src/x")]),
    ],
)
def test_code_is_found_by_the_backends_settings_or_by_convention(
    pyproject: str, files: list[str], roots: tuple[str, ...], imports: list[tuple[str, str]]
) -> None:
    result = layout({"pyproject.toml": pyproject, **dict.fromkeys(files, "")})
    assert result.source_roots == roots
    assert names(result) == imports
    assert result.has_code == bool(imports)


@pytest.mark.parametrize(
    ("files", "tests"),
    [
        (["tests/test_a.py"], ("tests",)),
        (["test/unit/a_test.py"], ("test",)),
        (["tests/helper.py"], ()),
        (["test_x.py", "src/x/__init__.py"], ("test_x.py",)),
        (["src/x/__init__.py", "src/x/tests/test_a.py"], ("src/x/tests",)),
        (["src/x/__init__.py", "src/x/test_inner.py"], ("src/x/test_inner.py",)),
        (
            ["qa/deep/test_a.py", ".venv/test_b.py", "node_modules/test_c.py"],
            ("qa/deep/test_a.py",),
        ),
    ],
)
def test_tests_are_found_where_people_keep_them(files: list[str], tests: tuple[str, ...]) -> None:
    assert layout({"pyproject.toml": project("x"), **dict.fromkeys(files, "")}).tests == tests


def test_members_inside_a_root_package_are_not_its_own() -> None:
    files = {
        "pyproject.toml": '[project]\nname = "root"\n'
        '[tool.uv.workspace]\nmembers = ["libs/*", "m"]',
        "root/__init__.py": "",
        "libs/a/pyproject.toml": project("a"),
        "libs/a/tests/test_a.py": "",
        "m/pyproject.toml": project("m"),
        "m/__init__.py": "",
    }
    result = layout(files)
    assert names(result) == [("root", "root")]
    assert result.tests == ()
    assert layout(files, "libs/a").tests == ("libs/a/tests",)
    del files["root/__init__.py"]
    assert names(layout(files)) == []
