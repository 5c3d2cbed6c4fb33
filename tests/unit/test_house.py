"""The layout as ARCHITECTURE.md describes it."""

from __future__ import annotations

import re
from fnmatch import fnmatch

from tests.support.real import REPOSITORY

HOME = REPOSITORY / "tradai_tasks"
ROOMS = sorted(
    path.name if path.suffix == ".py" else f"{path.name}/"
    for path in HOME.iterdir()
    if path.suffix == ".py" or (path / "__init__.py").is_file()
)


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
    places = (HOME, REPOSITORY, HOME / "affected", HOME / "release", HOME / "sessions")
    missing = [name for name in sorted(named) if not any((p / name).exists() for p in places)]
    assert missing == []
