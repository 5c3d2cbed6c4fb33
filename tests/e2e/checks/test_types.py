"""mypy on workspaces that one run cannot check: configurations, names, conflicts."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.real import edit, nox, write
from tests.support.small import copied, small_workspace

_UNTYPED = "def loose(value):\n    return value\n"
_WRONG = "number: int = ''\n"
_STRICT = "disallow_untyped_defs = true\n"
_FLAT = '[project]\nname = "{0}"\nversion = "0.1.0"\nrequires-python = ">=3.11"\n'
_TESTED = "[tool.tradai-tasks.typecheck]\ntests = true\n"


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The workspace; its environment is made once, for all rows."""
    files = {f"services/{name}/pyproject.toml": _FLAT.format(name) for name in ("one", "two")}
    files |= {f"services/{name}/core.py": "ANSWER = 42\n" for name in ("one", "two")}
    files |= {f"libs/{n}/tests/conftest.py": "ANSWER = 42\n" for n in ("alpha", "beta")}
    return small_workspace(tmp_path_factory.mktemp("types"), files)


ALPHA = "libs/alpha/src/alpha/core_alpha.py"
ROWS: dict[str, tuple[dict[str, str], dict[str, str], tuple[str, ...]]] = {
    # files to write, text to add, and what is said; nothing where it is green
    "as it is": ({}, {}, ()),
    "setup.cfg of a member": (
        {"libs/alpha/setup.cfg": f"[mypy]\n{_STRICT}", ALPHA: _UNTYPED},
        {},
        ("src/alpha/core_alpha.py:1: error: Function is missing a type annotation",),
    ),
    "mypy.ini of a member": (
        {"libs/alpha/mypy.ini": f"[mypy]\n{_STRICT}", ALPHA: _UNTYPED},
        {},
        ("error: Function is missing a type annotation",),
    ),
    "pyproject.toml of a member": (
        {ALPHA: _UNTYPED},
        {"libs/alpha/pyproject.toml": f"\n[tool.mypy]\n{_STRICT}"},
        ("error: Function is missing a type annotation",),
    ),
    "setup.cfg of the root": (
        {"setup.cfg": f"[mypy]\n{_STRICT}", ALPHA: _UNTYPED},
        {},
        (f"{ALPHA}:1: error: Function is missing a type annotation",),
    ),
    "another member's configuration does not count": (
        {"libs/beta/.mypy.ini": f"[mypy]\n{_STRICT}", ALPHA: _UNTYPED},
        {},
        (),
    ),
    "one name in two members": (
        {"services/two/core.py": _WRONG},
        {},
        ("services/two/core.py:1: error: Incompatible types",),
    ),
    "conftest.py in two members": (
        {"libs/beta/tests/conftest.py": _WRONG},
        {"pyproject.toml": _TESTED},
        ("libs/beta/tests/conftest.py:1: error: Incompatible types",),
    ),
    "what is excluded is named": (
        {"libs/alpha/src/alpha/made/wrong.py": _WRONG},
        {"pyproject.toml": "[tool.mypy]\nexclude = ['/made/']\n"},
        (),
    ),
}


@pytest.mark.parametrize("name", ROWS)
def test_each_part_is_checked_by_its_configuration(
    template: Path, tmp_path: Path, name: str
) -> None:
    files, added, passages = ROWS[name]
    home = template  # and its environment, which each row uses again
    before = {path: home.joinpath(path) for path in (*files, *added)}
    kept = {file: file.read_text() if file.is_file() else None for file in before.values()}
    write(home, files)
    for path, text in added.items():
        before[path].write_text(before[path].read_text() + text)
    try:
        result = nox(home, "-s", "typecheck")
    finally:
        for file, text_before in kept.items():
            file.unlink() if text_before is None else file.write_text(text_before)
    assert (result.status == 0) is (not passages), result.text
    for passage in passages:
        assert passage in result.text, result.text
    if "excluded" in name:
        assert "excluded by mypy's configuration: libs/alpha/src/alpha/made/wrong.py" in result.text


def test_members_that_uv_keeps_apart_are_checked_in_turn(template: Path, tmp_path: Path) -> None:
    home = copied(template, tmp_path / "w")
    root = (home / "pyproject.toml").read_text()
    apart = '[tool.uv]\nconflicts = [[{ package = "alpha" }, { package = "beta" }]]\n\n'
    (home / "pyproject.toml").write_text(apart + root)
    for name, version in (("alpha", "2.0.0"), ("beta", "2.1.0")):
        edit(
            home / f"libs/{name}/pyproject.toml",
            "\n[build-system]",
            f'dependencies = ["iniconfig=={version}"]\n\n[build-system]',
        )
    edit(home / "pyproject.toml", '"pytest==9.2.0", "pytest-cov==7.1.0", ', "")
    assert nox(home, "-s", "lock").status == 0
    green = nox(home, "-s", "typecheck")
    assert green.status == 0, green.text
    write(home, {"libs/beta/src/beta/core_beta.py": _WRONG, ALPHA: _WRONG})
    red = nox(home, "-s", "typecheck")
    assert red.status != 0
    for path in (ALPHA, "libs/beta/src/beta/core_beta.py"):
        assert f"{path}:1: error: Incompatible types" in red.text, red.text
