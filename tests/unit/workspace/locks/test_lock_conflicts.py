"""Sets of packages that uv cannot install together."""

from __future__ import annotations

from typing import Any

from tests.support.locked_packages import lock_of
from tradai_tasks.workspace.locks.lock_conflicts import install_sets


def test_packages_that_uv_keeps_apart_are_installed_in_turn() -> None:
    def entry(name: str, *needs: str, **groups: list[dict[str, str]]) -> dict[str, Any]:
        needed = [{"name": one} for one in needs]
        return {"name": name, "dependencies": needed, "dev-dependencies": groups}

    document = {
        "conflicts": [
            [{"package": "a"}, {"package": "b"}],
            [{"package": "c", "group": "dev"}, {"package": "c", "group": "test"}],
        ],
        "package": [
            entry("a"), entry("b"), entry("d", "a"),
            entry("c", dev=[{"name": "x"}], test=[{"name": "y"}]),
        ],
    }  # fmt: skip
    sets = install_sets(lock_of(document), ["a", "b", "c", "d"], ["dev", "test"])
    assert [(one.packages, one.groups, one.left_out) for one in sets] == [
        (("a", "d"), ("dev", "test"), ()),
        (("b",), ("dev", "test"), ()),
        (("c",), ("dev",), ("test",)),
    ]
    (one,) = install_sets(lock_of({**document, "conflicts": []}), ["a", "b"], ["dev"])
    assert one.packages == ("a", "b")
