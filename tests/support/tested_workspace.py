"""A workspace of two tested members, whose environments are made once, and changes to it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.support.pyprojects import pyproject
from tests.support.real import NOXFILE, nox, write

ROOT = """\
[tool.uv.workspace]
members = ["libs/*"]

[dependency-groups]
dev = ["pytest==9.2.0", "pytest-cov==7.1.0", "pytest-xdist==3.8.0"]
"""
CODE = """\
def add(a, b):
    return a + b


def sub(a, b):
    return a - b
"""
TEST = """\
from {name}.core import add, sub


def test_add():
    assert add(1, 2) == 3


def test_sub():
    assert sub(3, 2) == 1
"""
ALPHA = "libs/alpha/"
TESTS = f"{ALPHA}tests/test_core_alpha.py"
PLAIN = TEST.format(name="alpha")
MANY = '"""Code."""\n' + "".join(f"\n\ndef f{n}():\n    return {n}\n" for n in range(20))


def member(name: str) -> dict[str, str]:
    return {
        f"libs/{name}/pyproject.toml": pyproject(name),
        f"libs/{name}/src/{name}/__init__.py": "",
        f"libs/{name}/src/{name}/core.py": CODE,
        f"libs/{name}/tests/test_core_{name}.py": TEST.format(name=name),
    }


FILES = {"pyproject.toml": ROOT, "noxfile.py": NOXFILE, **member("alpha"), **member("beta")}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = write(tmp_path_factory.mktemp("workspace"), FILES)
    for args in (("lock",), ("test", "--install-only")):
        result = nox(home, "-s", *args)
        assert result.status == 0, result.text
    return home


@pytest.fixture
def home(made: Path) -> Iterator[Path]:
    """The workspace as it was made; environments are kept."""
    lock = (made / "uv.lock").read_bytes()
    yield made
    (made / "uv.lock").write_bytes(lock)
    for path in made.iterdir():
        if path.name not in {".nox", "uv.lock"}:
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    write(made, FILES)


def ini(options: str) -> dict[str, str]:
    return {f"{ALPHA}pytest.ini": f"[pytest]\n{options}\n"}


def conftest(text: str) -> dict[str, str]:
    return {f"{ALPHA}tests/conftest.py": f"import os\nimport pytest\n\n\n{text}\n"}


def core_tests(before: str = "", after: str = "") -> dict[str, str]:
    return {TESTS: f"import os\nimport pytest\n{before}\n{PLAIN}\n\n{after}\n"}


LATER = "def test_zero():\n    {}\n\n\ndef test_bad():\n    assert False"
FAILING = core_tests(after="def test_bad():\n    assert False")


@dataclass(frozen=True)
class Row:
    said: tuple[str, ...]
    files: Mapping[str, str] = field(default_factory=dict)
    args: tuple[str, ...] = ()
    green: bool = False
    env: Mapping[str, str] = field(default_factory=dict)


def red(*said: str, args: tuple[str, ...] = (), **files: Mapping[str, str]) -> Row:
    return Row(
        said=said, args=args, files={k: v for part in files.values() for k, v in part.items()}
    )


def green(*said: str, args: tuple[str, ...] = (), **files: Mapping[str, str]) -> Row:
    row = red(*said, args=args, **files)
    return Row(said=row.said, files=row.files, args=args, green=True)
