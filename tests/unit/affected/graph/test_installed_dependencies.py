"""Edges of a dependency that its dependents do not install."""

from __future__ import annotations

import msgspec
import pytest

from tests.support.snapshots import affected, graph_of, member
from tests.support.three_members import PACKAGE, A, X
from tradai_tasks.affected.resolve.model import Member


def _with_undeclared(code: str) -> dict[str, str]:
    return {
        "libs/far/src/far/__init__.py": "X = 1\n",
        "libs/far/src/far/inner.py": "X = 1\n",
        "libs/far/run.py": "from far import inner\n",
        "libs/low/src/low/__init__.py": code,
        "libs/top/src/top/__init__.py": "import low\n",
    }


def _members(*, is_known: bool) -> list[Member]:
    made = [member("libs/far"), member("libs/low"), member("libs/top", "low")]
    return [
        msgspec.structs.replace(one, installed=one.closure) if is_known else one for one in made
    ]


def test_what_a_dependency_imports_undeclared_is_not_installed_with_its_dependents() -> None:
    files = _with_undeclared("def later():\n    from far import inner\n")
    changed = "libs/far/src/far/inner.py"
    known = graph_of(files, _members(is_known=True)).affected_by([changed])
    assert set(known) == {"far", "low"}
    unknown = graph_of(files, _members(is_known=False)).affected_by([changed])
    assert set(unknown) == {"far", "low", "top"}


def test_what_a_dependency_runs_by_its_path_counts_for_its_dependents() -> None:
    code = 'RUN = subprocess.run([sys.executable, str(ROOT / "libs/far/run.py")])\n'
    graph = graph_of(_with_undeclared(code), _members(is_known=True))
    assert set(graph.affected_by(["libs/far/src/far/inner.py"])) == {"far", "low", "top"}


_RUN = 'subprocess.run([sys.executable, str(ROOT / "{}")])\n'


@pytest.mark.parametrize(
    ("code", "more"),
    [
        pytest.param(
            'for one in (ROOT / "libs").glob("*/src"):\n    sys.path.insert(0, str(one))\n'
            "from far import inner\n",
            {},
            id="a folder of packages is put on the path",
        ),
        pytest.param(
            _RUN.format("tools/run.py"),
            {"tools/run.py": "import subprocess, sys\n" + _RUN.format("../libs/far/run.py")},
            id="a script that belongs to no package runs it",
        ),
        pytest.param(
            _RUN.format("libs/mid/run.py"),
            {"libs/mid/run.py": "import subprocess, sys\n" + _RUN.format("../far/run.py")},
            id="a script of another package runs it",
        ),
        pytest.param(
            'for one in (ROOT / "libs").rglob("*.py"):\n    ast.parse(one.read_text())\n',
            {},
            id="modules of all packages are read",
        ),
    ],
)
def test_what_a_dependency_reaches_by_folders_and_scripts_counts_for_its_dependents(
    code: str, more: dict[str, str]
) -> None:
    head = "import ast, subprocess, sys\nfrom pathlib import Path\n"
    files = {**_with_undeclared(f"{head}ROOT = Path(__file__).parents[4]\n{code}"), **more}
    far, low, top = _members(is_known=True)
    mid = msgspec.structs.replace(member("libs/mid"), installed=frozenset({"mid"}))
    found = graph_of(files, [far, low, mid, top]).affected_by(["libs/far/src/far/inner.py"])
    assert {"far", "low", "top"} <= set(found)


def test_another_chain_is_found_where_the_shortest_is_not_installed() -> None:
    files = _with_undeclared("from far import inner\n")
    files["libs/top/tests/test_top.py"] = "import low\nimport mid\n"
    files["libs/mid/src/mid/__init__.py"] = "from mid import deep\n"
    files["libs/mid/src/mid/deep.py"] = "import far.inner\n"
    far, low, _ = _members(is_known=True)
    more = [member("libs/mid", "far"), member("libs/top", "low", "mid", "far")]
    members = [far, low, *(msgspec.structs.replace(m, installed=m.closure) for m in more)]
    assert set(graph_of(files, members).affected_by(["libs/far/src/far/inner.py"])) == {
        "far",
        "low",
        "mid",
        "top",
    }


def test_who_reads_a_project_file_is_not_affected_by_what_its_member_loads() -> None:
    files = {
        **PACKAGE,
        "libs/b/pyproject.toml": "[project]\n",
        "libs/c/tests/test_c.py": "ROOT = Path(__file__).parents[3]\n"
        'TEXT = (ROOT / "libs/b/pyproject.toml").read_text()\n',
    }
    plugged = member("libs/b", "a", entry_points=[("things", "a.x:thing")])
    members = (A, plugged, member("libs/c"))
    assert affected(files, members, X) == {"a", "b"}
    assert affected(files, members, "libs/b/pyproject.toml") == {"b", "c"}
