"""What is found in test files, and which sessions fit by it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.project import DictTree, pyproject
from tradai_tasks.checks.testing.suite_detection import suites_of
from tradai_tasks.repository import read_repository
from tradai_tasks.sessions.core.registry import fitting
from tradai_tasks.sessions.core.registry.catalog import CATALOG, fitting_names


@pytest.mark.parametrize(
    ("text", "is_marked"),
    [
        ("@pytest.mark.contract\ndef test_a(): ...", True),
        ("pytestmark = [mark . contract]", True),
        ("item.add_marker('contract')", True),
        ('item.add_marker(getattr(pytest.mark, "contract"))', True),
        ("@pytest.mark.contracts\ndef test_a(): ...", False),
        ("# one contract per test", False),
        ("# @pytest.mark.contract\ndef test_a(): ...  # mark.contract", False),
        ("X = '#'; Y = '''\n#'''\n@pytest.mark.contract  # why\ndef test_a(): ...", True),
        ("KINDS = ['contract']", False),
    ],
)
def test_a_marker_is_distinguished_from_a_word(text: str, is_marked: bool) -> None:
    for name in ("t/test_a.py", "t/deep/conftest.py", "t/plugin.py"):
        suites = suites_of(DictTree({name: text}), {"a": ["t"]}, ["contract", "integration"])
        assert suites.marked == ({"contract"} if is_marked else set())


def test_only_packages_with_the_words_are_looked_into() -> None:
    files = {"pyproject.toml": '[tool.uv.workspace]\nmembers = ["packages/*"]\n'}
    texts = {
        "a": "def test_a(benchmark): ...",
        "b": "@pytest.mark.integration\ndef test_b(): ...",
        "c": "# def test_c(benchmark): ...  and no contract",
        "d": "def test_d(): ...",
    }
    for name, text in texts.items():
        files[f"packages/{name}/pyproject.toml"] = f'[project]\nname = "{name}"\nversion = "1"\n'
        files[f"packages/{name}/tests/test_{name}.py"] = text
    repository = read_repository(Path("/root"), DictTree(files))
    assert [package.name for package in repository.benchmarked_packages] == ["a"]
    assert repository.marked == {"integration"}


def test_benchmarks_are_found_owner_by_owner() -> None:
    tree = DictTree({"a/test_a.py": "def test_a(benchmark): ...", "b/test_b.py": "benchmark = 1"})
    suites = suites_of(tree, {"a": ["a"], "b": ["b"], "c": ["c", "gone.py"]}, ["contract"])
    assert suites.benchmarked == {"a"}


def fits(files: dict[str, str]) -> frozenset[str]:
    tree = DictTree({"pyproject.toml": pyproject("own"), "own.py": "", **files})
    return fitting_names(read_repository(Path("/"), tree))


@pytest.mark.parametrize(
    ("session", "files"),
    [
        ("perf", {"tests/test_own.py": "def test_own(benchmark): ..."}),
        ("contract", {"tests/test_own.py": "@pytest.mark.contract\ndef test_own(): ..."}),
        ("integration", {"tests/deep/test_own.py": "pytestmark = pytest.mark.integration"}),
        (
            "contract",
            {"pyproject.toml": pyproject("own", "[tool.tradai-tasks.contract]\npaths = ['x']")},
        ),
        ("docs-freshness", {"README.md": ""}),
        ("docs-freshness", {"docs/deep/page.md": ""}),
        ("docs", {"mkdocs.yml": ""}),
        ("images", {"services/web/Dockerfile": ""}),
        ("deploy", {"services/web/Dockerfile": ""}),
        ("lambdas", {"lambdas/beat/Dockerfile": ""}),
        ("infra", {"infra/Pulumi.dev.yaml": ""}),
        ("devcontainer", {".devcontainer.json": ""}),
    ],
)
def test_a_session_is_there_where_something_needs_it(session: str, files: dict[str, str]) -> None:
    assert session not in fits({"notes/page.md": "", "tests/test_none.py": "def test_x(): ..."})
    assert session in fits(files)


def test_each_need_says_what_would_bring_the_session() -> None:
    tree = DictTree({"strategies/a/pyproject.toml": pyproject("a-strategy")})
    strategies = read_repository(Path("/"), tree)
    tree = DictTree({"pyproject.toml": pyproject("own")})
    platform = read_repository(Path("/"), tree)
    anywhere = (fitting.everywhere, fitting.each_strategy)
    for entry in CATALOG:
        said = [entry.fits(one).why_not for one in (platform, strategies)]
        assert any(said) is (entry.fits not in anywhere), entry.name
        assert all("\n" not in one for one in said if one)


@pytest.mark.parametrize(
    ("text", "has"),
    [
        ("@pytest.fixture\ndef bench(benchmark): ...\n", True),
        ("@fixture(scope='module')\n@other\nasync def b(a,\n    benchmark): ...\n", True),
        ("@pytest.mark.usefixtures('x', 'benchmark')\nclass TestX: ...\n", True),
        ('def bench(request):\n    request.getfixturevalue("benchmark")\n', True),
        ("def compare(strategy, benchmark): ...\n", False),  # as of an index
        ("@pytest.fixture\ndef benchmark(x): ...\n", False),
        ("@pytest.fixture\ndef a(x): ...\ndef compare(benchmark): ...\n", False),
    ],
)
def test_benchmarks_are_found_by_fixtures_that_pass_it_on(text: str, has: bool) -> None:
    suites = suites_of(DictTree({"a/conftest.py": text}), {"a": ["a"]}, [])
    assert suites.benchmarked == ({"a"} if has else set())


@pytest.mark.parametrize(
    ("text", "has"),
    [
        ("@pytest.mark.contract\ndef test_x(): ...\n", True),
        ("item.add_marker('contract')\n", True),
        ("from pytest import mark as m\n\n@m.contract\ndef test_x(): ...\n", True),
        ("pytestmark = [m.slow, m.contract]\n", True),
        ("x = param(1, marks=m.contract)\n", True),
        ("# one contract per test\ndef test_x(contract): ...\n", False),
        ("client.contract(1)\n", False),
        ("@m.contractual\ndef test_x(): ...\n", False),
    ],
)
def test_a_marker_is_met_under_other_names_too(text: str, has: bool) -> None:
    suites = suites_of(DictTree({"a/test_a.py": text}), {"a": ["a"]}, ["contract"])
    assert suites.marked == ({"contract"} if has else set())
