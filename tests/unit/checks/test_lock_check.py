"""A lock file as uv judges it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.project import DictTree
from tradai_tasks.checks import lock_check as locks
from tradai_tasks.process import Completed


@pytest.mark.parametrize(
    ("status", "said", "state", "why"),
    [
        (0, "Resolved 2 packages in 1ms", "fresh", "Resolved 2 packages in 1ms"),
        (
            1,
            "Resolved 3 packages\nerror: The lockfile at `uv.lock` needs to be updated, so\n\nhint",
            "stale",
            "error: The lockfile at `uv.lock` needs to be updated, so",
        ),
        (
            2,
            "error: No interpreter found for Python >=3.99 in managed installations\n\nhint: x",
            "unknown",
            "error: No interpreter found for Python >=3.99 in managed installations",
        ),
        (
            2,
            "error: Failed to fetch: http://127.0.0.1:9/\n  cause: sending\n  cause: client",
            "unknown",
            "error: Failed to fetch: http://127.0.0.1:9/; cause: sending",
        ),
        (
            1,
            "error: No solution found when resolving dependencies\n  cause: Because idna was not",
            "unknown",
            "error: No solution found when resolving dependencies; cause: Because idna was not",
        ),
        (2, "", "unknown", "uv says nothing"),
    ],
)
def test_stale_is_distinguished_from_what_uv_could_not_look_at(
    monkeypatch: pytest.MonkeyPatch, status: int, said: str, state: str, why: str
) -> None:
    def run(argv: list[str], **given: object) -> Completed:
        assert argv == ["uv", "lock", "--check", "--project", "libs/a", "--upgrade"]
        return Completed(argv=tuple(argv), returncode=status, stdout=b"", stderr=said.encode())

    monkeypatch.setattr(locks, "run", run)
    tree = DictTree({"libs/a/uv.lock": ""})
    found = locks.state_of("uv", Path("/nowhere"), tree, "libs/a", ["--upgrade"])
    assert (found.file, found.state, found.why) == ("libs/a/uv.lock", state, why)
    assert locks.state_of("uv", Path("/nowhere"), tree, ".").state == "missing"
