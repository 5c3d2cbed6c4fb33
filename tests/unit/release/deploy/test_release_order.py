"""Which of two versions a deployment takes for the newer one."""

from __future__ import annotations

import pytest

from tradai_tasks.release.deploy.release_order import is_newer

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
