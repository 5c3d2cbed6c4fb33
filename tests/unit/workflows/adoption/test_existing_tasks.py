"""What a repository runs by other means, and which of it `init` says that no session does."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.project import DictTree, found, pyproject
from tradai_tasks.repository import read_repository
from tradai_tasks.workflows.adoption.existing_tasks import notes, own_sessions, registering

SESSIONS = ("lint", "typecheck", "test", "docs", "check")
ROOT = '[tool.uv.workspace]\nmembers = ["libs/*"]\n'
FILES = {"pyproject.toml": ROOT, "libs/a/pyproject.toml": pyproject("a")}
NOXFILE = """\
import nox
import nox as n

@nox.session
def lint(session): ...

@nox.session(name="test", python=["3.11"])
def all_tests(session): ...

@nox.session(python=False)
def docs_live(session): ...

@nox.parametrize("x", [1])
def not_one(session): ...

@nox.session(name=COMPUTED)
def check(session): ...
"""


def said(files: dict[str, str]) -> list[str]:
    tree = DictTree({**FILES, **files})
    repository = read_repository(Path(), tree)
    return [*notes(tree, found(tree), repository.inventory, SESSIONS)]


def test_a_noxfile_of_ones_own_gets_one_line_for_all_names_that_both_have() -> None:
    assert own_sessions(NOXFILE) == ("lint", "test", "docs_live", "check")
    line = "import tradai_tasks; tradai_tasks.register(exclude=['check', 'lint', 'test'])"
    assert registering(NOXFILE, SESSIONS) == line
    for text in ("", "import nox\n", "def broken(:\n"):
        assert registering(text, SESSIONS) == "import tradai_tasks; tradai_tasks.register()"


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({}, None),
        (
            {".pre-commit-config.yaml": "- id: ruff\n  - id: 'codespell'\n    id: mypy\n"},
            (
                ".pre-commit-config.yaml: no session runs codespell; `lint` does with this line "
                "under [tool.tradai-tasks.lint]: "
                'commands = [["uvx", "pre-commit", "run", "--all-files"]]'
            ),
        ),
        ({".pre-commit-config.yaml": "- id: ruff-format\n- id: uv-lock\n"}, None),
        (
            {"Makefile": "X := 1\n.PHONY: e2e\ntest: x\nlint-all:\ne2e smoke: x\nmigrate:\n\tx\n"},
            "Makefile: not done by any session: migrate",
        ),
        (
            {".justfile": 'x := "1"\ndefault:\n@serve port="80":\n  x\ndocs:\n'},
            ".justfile: not done by any session: serve",
        ),
        (
            {"tox.ini": "[tox]\n[testenv]\n[testenv:py311]\n[testenv:mutants]\n"},
            "tox.ini: not done by any session: mutants",
        ),
        (
            {"pyproject.toml": f"{ROOT}[tool.poe.tasks]\nfmt = 'x'\nship = 'y'\n"},
            "pyproject.toml, [tool.poe.tasks]: not done by any session: ship",
        ),
        (
            {"pyproject.toml": f"{ROOT}[tool.tox.env.mutants]\nx = 1\n"},
            "pyproject.toml, [tool.tox.env]: not done by any session: mutants",
        ),
        (
            {"tools/x/pyproject.toml": pyproject("x"), "tools/x/x.py": "", "tools/x/y.py": ""},
            (
                "beside the workspace, and not checked: tools/x; list them in "
                "tool.uv.workspace.members, or in the setting `members`"
            ),
        ),
        (
            {"libs/a/pyproject.toml": f"{pyproject('a')}\n[tool.pdm.dev-dependencies]\nt = []\n"},
            (
                "libs/a/pyproject.toml: uv does not read [tool.pdm.dev-dependencies]; what "
                "sessions need of it, such as pytest, belongs into [dependency-groups]: "
                "uv add --dev NAME"
            ),
        ),
    ],
)
def test_what_no_session_does_is_named(files: dict[str, str], expected: str | None) -> None:
    assert said(files) == ([] if expected is None else [expected])
