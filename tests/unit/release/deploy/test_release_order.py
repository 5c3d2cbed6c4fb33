"""Which of two versions a deployment takes for the newer one."""

from __future__ import annotations

import pytest

from tradai_tasks.release.deploy.release_order import Replaced, is_newer, replaced

# each newer than the one before
IN_ORDER = [
    "0.0.0-test",
    "1.2.0-alpha.2",
    "1.2.0-alpha.10",
    "1.2.0-rc1",
    "1.2.0-rc1-gabc1234",  # of a commit after v1.2.0-rc1
    "1.2.0",
    "1.2.0-gabc1234",
    "1.2.1-rc1",
    "1.10.0",
]


@pytest.mark.parametrize("at", range(1, len(IN_ORDER)))
def test_forwards_is_newer_and_backwards_is_not(at: int) -> None:
    before, after = IN_ORDER[at - 1 : at + 1]
    assert is_newer(after, before)
    assert not is_newer(before, after)
    assert not is_newer(after, after)


def test_two_commits_after_one_release_have_no_order() -> None:
    assert not is_newer("1.2.0-gabc1234", "1.2.0-gdef5678")
    assert not is_newer("1.2.0-gdef5678", "1.2.0-gabc1234")


def test_what_is_replaced_is_said_and_kept() -> None:
    found = replaced({"sha256:1": "1.10.0", "sha256:2": "1.9.0", "sha256:3": "1.0.0"}, "1.2.0")
    assert found == Replaced(newer="1.10.0")
    later = found | replaced({"sha256:4": None, "sha256:3": "1.11.0-rc1"}, "1.2.0")
    assert later.note == ", back from v1.11.0-rc1, replaces sha256:4 of no known release"
    assert later.record == {"rollback_from": "v1.11.0-rc1", "unknown_replaced": ["sha256:4"]}
    older = replaced({"sha256:3": "1.0.0"}, "1.2.0")
    assert (older.note, older.record["rollback_from"]) == ("", "")
