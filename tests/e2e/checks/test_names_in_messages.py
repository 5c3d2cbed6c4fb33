"""A file's name is text in the errors of `publish` and `release`, whatever stands in it."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from tests.support.real import copy_example, git, nox

NAME = "a\n::add-mask::planted\x1b[2J\u202e.py"
SHOWN = r"a\n::add-mask::planted\x1b[2J\u202e.py"
INDEX = """
[tool.tradai-tasks.publish.index]
upload-url = "http://127.0.0.1:9/"
simple-url = "http://127.0.0.1:9/simple"
"""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = copy_example("tradai-uv", tmp_path_factory.mktemp("names") / "home")
    project = made / "pyproject.toml"
    project.write_text(project.read_text(encoding="utf-8") + INDEX, encoding="utf-8")
    git(made, "init", "-q", "-b", "main")
    git(made, "add", "-A")
    git(made, "commit", "-qm", "One")
    git(made, "tag", "v9.0.0")
    (made / NAME).write_text("x", encoding="utf-8")
    return made


@pytest.mark.parametrize(
    "words",
    [["publish"], ["publish", "--", "--dry-run"], ["release", "--", "v9.0.0"], ["build"]],
    ids=["publish", "dry-run", "release", "build"],
)
def test_no_line_is_a_command(home: Path, words: list[str]) -> None:
    ran = nox(home, "-s", *words, env={"GITHUB_ACTIONS": "true", "PATH": os.environ["PATH"]})
    assert "Traceback" not in ran.text
    assert not re.search(
        r"^\s*::(?!warning |error |notice )|\x1b\[2J|\u202e", ran.text, re.MULTILINE
    )
    if words != ["build"]:  # which builds what is there, and says so
        assert ran.status != 0
        assert SHOWN in ran.log
