"""The house as CONTRIBUTING.md and the import contracts describe it."""

from __future__ import annotations

import re
import tomllib
from fnmatch import fnmatch

from tests.support.real import REPOSITORY

HOME = REPOSITORY / "src" / "tradai_tasks"
ROOMS = sorted(
    path.name if path.suffix == ".py" else f"{path.name}/"
    for path in HOME.iterdir()
    if path.suffix == ".py" or (path / "__init__.py").is_file()
)


def test_every_room_stands_in_the_table() -> None:
    text = (REPOSITORY / "CONTRIBUTING.md").read_text(encoding="utf-8")
    table = [line.split("|")[1] for line in text.splitlines() if line.startswith("| `")]
    named = [name for cell in table for name in re.findall(r"`([^`]+)`", cell)]
    assert [room for room in ROOMS if not any(fnmatch(room, name) for name in named)] == []
    assert [name for name in named if not any(fnmatch(room, name) for room in ROOMS)] == []


def test_every_room_stands_in_the_order_of_imports() -> None:
    document = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))
    layers = document["tool"]["importlinter"]["contracts"][0]["layers"]
    named = {name.rpartition(".")[2] for layer in layers for name in re.findall(r"[\w.]+", layer)}
    rooms = {room.removesuffix("/").removesuffix(".py") for room in ROOMS}
    assert rooms - named == {"__init__", "__main__"}
