"""The site of this project, and its first page as a newcomer follows it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from tests.support.real import REPOSITORY, clean_env, nox

_BLOCK = re.compile(r"^```console\n(.*?)^```", re.MULTILINE | re.DOTALL)


def test_the_library_builds_its_own_site_without_a_warning() -> None:
    ran = nox(REPOSITORY, "-s", "docs")
    assert ran.status == 0, ran.text
    site = REPOSITORY / "build" / "site"
    pages = {path.parent.name: path.read_text() for path in site.rglob("index.html")}
    assert {f"{path.stem}" for path in (REPOSITORY / "docs").glob("*.md")} <= {*pages, "index"}
    assert "--html [PATH]" in pages["sessions"]
    assert "no test is marked &lt;marker&gt;" in pages["troubleshooting"]
    assert "https://github.com/tradai/tradai-tasks/blob/main/benchmarks/" in pages["affected"]
    loaded = {link for page in pages.values() for link in re.findall(r'src="(http[^"]*)"', page)}
    assert loaded == set()  # nothing comes from elsewhere


def test_every_command_of_the_first_page(tmp_path: Path) -> None:
    programs = tmp_path / "bin"
    programs.mkdir()
    stand_in = programs / "uvx"  # what it would install from an index is here
    stand_in.write_text(
        f"#!/bin/sh\nname=$1\nshift\ncase $name in tradai-tasks) name=tradai_tasks;; esac\n"
        f'exec "{sys.executable}" -m "$name" "$@"\n'
    )
    stand_in.chmod(0o755)
    page = (REPOSITORY / "docs" / "index.md").read_text(encoding="utf-8")
    lines = [line for block in _BLOCK.findall(page) for line in block.splitlines()]
    commands = [line.removeprefix("$ ") for line in lines if line.startswith("$ ")]
    assert len(commands) > 15
    assert page.count("```") == 2 * len(_BLOCK.findall(page))  # there is no other kind of block
    inline = re.findall(r"`((?:uvx|uv|nox|git|tradai-tasks) [^`]+)`", page)
    assert {one.removeprefix("uvx ") for one in inline} <= {
        c.removeprefix("uvx ") for c in commands
    }
    script = "".join(f"echo '== {n}'\n{one}\n" for n, one in enumerate(commands))
    env = clean_env(
        PATH=os.pathsep.join((str(programs), os.environ["PATH"])),
        GIT_CONFIG_COUNT="1",
        GIT_CONFIG_KEY_0=f"url.{REPOSITORY.as_uri()}.insteadOf",
        GIT_CONFIG_VALUE_0="https://github.com/tradai/tradai-tasks",
    )
    done = subprocess.run(
        ["sh", "-eu", "-c", script],
        cwd=tmp_path, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True, check=False, timeout=900,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-4000:]
    said = re.split(r"^== \d+\n", done.stdout, flags=re.MULTILINE)[1:]
    number = -1
    for line in lines:  # what the page shows below a command is what it prints
        number += line.startswith("$ ")
        assert line.startswith("$ ") or line in said[number], (line, said[number][-2000:])
    assert (tmp_path / "shop" / "build" / "reports" / "changes.html").is_file()


def test_the_shell_completes_the_names_of_sessions(tmp_path: Path) -> None:
    """As the script of argcomplete asks for it, on file descriptor 8."""
    words = "nox -s te"
    shell = 'exec "$@" 8>answers 9>/dev/null'
    env = clean_env(_ARGCOMPLETE="1", IFS="\x0b", COMP_LINE=words, COMP_POINT=str(len(words)))
    (tmp_path / "noxfile.py").write_text("import tradai_tasks\n\ntradai_tasks.register()\n")
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "one"\nversion = "1.0"\n')
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "test_it.py").write_text("def test_it():\n    pass\n")
    program = Path(sys.executable).with_name("nox")
    subprocess.run(["sh", "-c", shell, "sh", program], cwd=tmp_path, env=env, check=False)
    assert "test\\(one\\)" in (tmp_path / "answers").read_text().split("\x0b")
