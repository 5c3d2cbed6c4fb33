"""The layout as ARCHITECTURE.md describes it."""

from __future__ import annotations

import ast
import re
from fnmatch import fnmatch

from tests.support.real import REPOSITORY

HOME = REPOSITORY / "tradai_tasks"
# Modules that write files in place, and why half a file does no harm there; others: `write_whole`.
IN_PLACE = {
    "backtest/isolated/findings.py": "in the folder of one run, which is removed",
    "backtest/isolated/run.py": "as above",
    "backtest/run.py": "as above",
    "release/images/engine.py": "in a scratch folder",
    "release/images/image_steps.py": "in a scratch folder",
    "release/libraries/wheel_build.py": "in a scratch folder, from which wheels are moved",
    "sandbox.py": "files of /proc",
    "workflows/adoption/adoption_run.py": "in a scratch folder",
    "sessions/core/environments/environment.py": "in a scratch folder",
    "sessions/release/backtest_data.py": "in a scratch folder",
}
ROOMS = sorted(
    path.name if path.suffix == ".py" else f"{path.name}/"
    for path in HOME.iterdir()
    if path.suffix == ".py" or (path / "__init__.py").is_file()
)


TREES = {path: ast.parse(path.read_text(encoding="utf-8")) for path in HOME.rglob("*.py")}


def test_every_room_stands_in_the_table() -> None:
    text = (REPOSITORY / "ARCHITECTURE.md").read_text(encoding="utf-8")
    table = [line.split("|")[1] for line in text.splitlines() if line.startswith("| `")]
    named = [name for cell in table for name in re.findall(r"`([^`]+)`", cell)]
    assert [room for room in ROOMS if not any(fnmatch(room, name) for name in named)] == []
    assert [name for name in named if not any(fnmatch(room, name) for room in ROOMS)] == []


def test_every_file_that_is_named_exists() -> None:
    text = (REPOSITORY / "ARCHITECTURE.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`([\w./-]+/[\w./-]*|[\w-]+\.py)`", text))
    assert len(named) > 40
    rooms = ("affected", "backtest", "release", "sessions")
    places = (HOME, REPOSITORY, *(HOME / room for room in rooms))
    missing = [name for name in sorted(named) if not any((p / name).exists() for p in places)]
    assert missing == []


def test_modules_can_be_read_through() -> None:
    modules = [*HOME.rglob("*.py"), *(REPOSITORY / "tests").rglob("*.py")]
    lines = {p: len(p.read_text(encoding="utf-8").splitlines()) for p in modules}
    long = {p.relative_to(REPOSITORY).as_posix() for p, count in lines.items() if count > 400}
    assert long == set()


def test_folders_can_be_overlooked() -> None:
    folders = {path.parent for path in HOME.rglob("*.py")}
    modules = {
        folder.relative_to(HOME).as_posix(): sum(
            path.name != "__init__.py" for path in folder.glob("*.py")
        )
        for folder in folders
    }
    assert {name for name, count in modules.items() if count > 15} == set()


def test_functions_can_be_read_at_a_glance() -> None:
    long = {
        f"{path.relative_to(HOME).as_posix()}: {node.name}"
        for path, tree in TREES.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef) and _lines(node) > 50
    }
    assert long == set()


def _lines(function: ast.FunctionDef) -> int:
    """Return a function's lines without its docstring."""
    first = function.body[0]
    told = ast.get_docstring(function) is not None and first.end_lineno is not None
    count = (function.end_lineno or 0) - function.lineno + 1
    return count - ((first.end_lineno or 0) - first.lineno + 1) if told else count


def test_only_underscores_tell_what_is_private() -> None:
    # a list of public names would be kept by hand, and goes stale unnoticed
    listing = {str(p) for p in HOME.rglob("*.py") if "\n__all__" in p.read_text(encoding="utf-8")}
    assert listing == {str(HOME / "__init__.py")}


def test_no_class_has_too_many_roles() -> None:
    large = {
        f"{path.name}: {node.name}"
        for path, tree in TREES.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef)
        and sum(isinstance(one, ast.FunctionDef) for one in node.body) > 25
    }
    assert large == set()


def test_files_are_written_whole() -> None:
    writers = {
        path.relative_to(HOME).as_posix()
        for path, tree in TREES.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and node.attr in {"write_bytes", "write_text"}
    }
    assert writers == IN_PLACE.keys()
