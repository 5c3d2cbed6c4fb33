"""Files of folders that belong to no package: what names them, and what that makes of them."""

from __future__ import annotations

from typing import Any, cast

import pytest

from tests.support.snapshots import MemorySnapshot
from tests.support.trees import MemoryTree, project
from tradai_tasks.affected.selection.revision import Revision
from tradai_tasks.affected.selection.unowned_files import Reading, UnownedFiles
from tradai_tasks.settings.model import Settings
from tradai_tasks.workspace.discovery import discover

ROOT = '[tool.uv.workspace]\nmembers = ["libs/*"]\n'
FILES = {
    "pyproject.toml": ROOT,
    "noxfile.py": "import nox\n",
    "package.json": '{"workspaces": ["charts/*"]}',
    ".dockerignore": "charts/\n",
    ".gitignore": "charts/out/\n",
    "README.md": "See charts/shop.\n",
    "libs/a/pyproject.toml": project("a"),
    "libs/a/src/a/__init__.py": "",
    "libs/a/tests/test_a.py": "import a\n",
    "libs/README.txt": "",
    "charts/shop/values.yaml": "x: 1\n",
    "charts/shop/Chart.yaml": "values: charts/shop/values.yaml\n",
    "scripts/gen.sh": "cat ../charts/shop/*.yaml\n",
    ".github/workflows/pages.yml": "run: helm lint charts\n",
}
VALUES = "charts/shop/values.yaml"
TEST = "libs/a/tests/test_a.py"


class _Commit(MemorySnapshot):
    def __init__(self, files: dict[str, str], linked: dict[str, str]) -> None:
        super().__init__(files)
        self.links: dict[str, str] = {}
        self.linked = linked

    def read(self, paths: Any) -> dict[str, bytes]:
        return {path: self.contents[path] for path in paths}

    def links_to(self, paths: Any) -> dict[str, str]:
        return {link: end for link, end in self.linked.items() if end in paths}


def reading(more: dict[str, str], *paths: str, linked: dict[str, str] | None = None) -> Reading:
    files = {**FILES, **more}
    snapshot = _Commit(files, linked or {})
    workspace = discover(MemoryTree(files), Settings())
    end = Revision(snapshot=cast("Any", snapshot), workspace=workspace)
    return UnownedFiles([end]).reading(paths or [VALUES])


def test_what_nothing_names_is_read_by_nothing() -> None:
    found = reading({"scripts/gen.sh": ""})
    assert found == Reading(read=frozenset({VALUES}), users={VALUES: frozenset()})


@pytest.mark.parametrize(
    "code",
    [
        'OPEN = ROOT / "charts" / name',
        "open(f'{ROOT}/charts/shop/values.yaml')",
        'open("../../charts/" + name)',
        'open("../../charts/shop/val" + name)',
        'run(f"helm template ../../charts/{name}", cwd=HERE)',
        'run("cd charts && helm template shop", shell=True)',
        'NAMES = ["charts"]',
        'import_module("charts.shop")',
        'PATH = "charts/../charts/shop"',
        'PATH = "..\\\\charts\\\\shop"',
        'for path in Path(__file__).parents[3].rglob("*.yaml"): path.read_text()',
        'for path in glob(f"{HERE}/../../../**/*.yaml", recursive=True): path.read_text()',
        "files = run(['git', 'ls-files'], cwd=Path.cwd())",
        "os.walk(HERE.parent.parent)",
        "ROOT = HERE.parents[3]\nROOT.rglob(pattern)",
        'x = 1 +\nopen("charts/shop")  # does not parse',
    ],
)
def test_code_that_names_a_folder_or_searches_all_reads_what_is_in_it(code: str) -> None:
    assert TEST in reading({TEST: code}).users[VALUES]


@pytest.mark.parametrize(
    "code",
    [
        'open("charts/other/values.yaml")',
        'open("old-charts/shop/values.yaml")',
        'open("charts-old/shop/values.yaml")',
        "charts = 1",
        "# reads charts/shop/values.yaml",
        '"""Reads `charts/shop`.\n\nAnd "charts" too.\n"""',
        'def f():\n    """Read "charts"."""\n',
        'for path in ROOT.rglob("*.yaml"): path.read_text()',
        'for path in ROOT.parents[3].rglob("*.py"): path.read_text()',
        'for path in ROOT.parents[3].glob("*.yaml"): path.read_text()',
        "class A:\n    cwd = os.getcwd\n",
    ],
)
def test_code_that_names_something_else_reads_nothing_of_it(code: str) -> None:
    assert TEST not in reading({TEST: code}).users[VALUES]


def test_what_runs_a_reader_is_found_by_its_name_or_by_a_path_to_it() -> None:
    for code in (
        'run(["sh", SCRIPTS / "gen.sh"])',
        'run(ROOT / "scripts" / name)',
        'run(os.path.join(ROOT, "scripts", name))',
        'run("make -C scripts all")',
        'run("scripts/" + name)',
    ):
        found = reading({TEST: code})
        assert found.users["scripts/gen.sh"] == {TEST}, code
        assert found.users[VALUES] == {"scripts/gen.sh"}
    found = reading({TEST: 'run(["scripts", "x"])\nx = {"scripts": 1}\n'})
    assert "scripts/gen.sh" not in found.users


def test_code_next_to_a_file_may_read_it_by_its_place() -> None:
    more = {"charts/render.py": "HERE = Path(__file__).parent\n", TEST: 'run("charts/render.py")\n'}
    found = reading(more)
    assert found.users[VALUES] >= {"charts/render.py"}
    assert found.users["charts/render.py"] == {TEST}


@pytest.mark.parametrize(
    ("more", "everything", "sessions"),
    [
        ({"noxfile.py": 'run("helm", "lint", "charts")'}, "noxfile.py", []),
        ({"Makefile": "lint:\n\thelm lint charts\n"}, "Makefile", []),
        ({"tools.py": 'run("charts/shop")'}, "tools.py", []),
        ({".circleci/config.yml": "run: helm lint charts\n"}, ".circleci/config.yml", []),
        ({".github/workflows/ci.yml": "run: nox\nwith: charts/shop\n"}, None, []),
        ({"pytest.ini": "[pytest]\ncharts = charts\n"}, "pytest.ini", []),
        ({"mypy.ini": "[mypy]\nmypy_path = charts\n"}, "", ["typecheck"]),
        ({"pyproject.toml": f'{ROOT}[tool.mypy]\nmypy_path = "charts"\n'}, "", ["typecheck"]),
        ({"pyproject.toml": f'{ROOT}[tool.black]\nexclude = "charts"\n'}, "", []),
        ({"pyproject.toml": f'{ROOT}[tool.acme]\nx = ["charts/shop"]\n'}, "pyproject.toml", []),
        ({"pyproject.toml": f'{ROOT}[tool.uv.sources]\nx = {{ path = "charts/x.whl" }}\n'}, "", []),
        (
            {
                "pyproject.toml": f'{ROOT}[tool.pytest.ini_options]\npythonpath = ["charts"]\n'
                '[tool.tradai-tasks.affected]\nignore = ["charts/x"]\n'
            },
            "",
            [],
        ),
        ({"compose.yaml": "volumes: ./charts:/x\n"}, "", []),
        ({"libs/a/docs/x.md": "charts/shop\n"}, "", []),
    ],
)
def test_what_steers_sessions_counts_for_these(
    more: dict[str, str], everything: str | None, sessions: list[str]
) -> None:
    found = reading(more)
    name = next(iter(more)) if everything is None else everything
    assert list(found.everything.values()) == ([name] if name else [])
    assert list(found.sessions) == sessions
    assert all(
        reason == f"{VALUES} (named by {next(iter(more))})" for reason in found.sessions.values()
    )


def test_a_script_that_the_ci_of_the_sessions_names_is_part_of_it() -> None:
    found = reading({".github/workflows/ci.yml": "run: scripts/gen.sh && nox\n"}, "scripts/gen.sh")
    assert "scripts/gen.sh" in found.everything


def test_the_project_file_of_a_package_counts_for_it() -> None:
    more = {"libs/a/pyproject.toml": project("a", '[tool.acme]\nx = "../../charts/shop"\n')}
    assert reading(more).users[VALUES] == {"libs/a/pyproject.toml", "scripts/gen.sh"}
    more = {"libs/a/pyproject.toml": project("a", '[dependency-groups]\nx = ["charts"]\n')}
    assert reading(more).users[VALUES] == {"scripts/gen.sh"}


def test_the_documentation_reads_what_it_names() -> None:
    assert reading({"mkdocs.yml": "watch: [charts]\n"}).docs == {VALUES}
    assert reading({"docs/hooks.py": 'open("charts/shop")\n'}).users[VALUES] > {"docs/hooks.py"}


@pytest.mark.parametrize(
    "path", ["strange.cfg", "libs/README.txt", ".circleci/config.yml", "typings/x/__init__.pyi"]
)
def test_where_tools_look_without_naming_it_is_not_known_what_reads_a_file(path: str) -> None:
    assert reading({path: ""}, path, VALUES) == Reading()


def test_what_links_lead_to_and_too_much_at_once_is_not_known() -> None:
    assert reading({}, linked={"tools/data.yaml": VALUES}) == Reading()
    assert reading({}, linked={"libs/a/data.yaml": VALUES}).read == {VALUES}
    many = {f"charts/x{number}.py": "" for number in range(500)}
    assert reading(many, *many) == Reading()
