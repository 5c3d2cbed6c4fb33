"""What a release tag would lack is a fault before there is one."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import pytest

from tests.support.doctor_contexts import repository
from tests.support.kinds import KINDS
from tests.support.project import checkout_of
from tradai_tasks.doctor import workflows as module
from tradai_tasks.doctor.check_runner import Finding
from tradai_tasks.doctor.repository import DoctorContext
from tradai_tasks.workflows.render import header_of

CI = {".github/workflows/ci.yml": f"{header_of()}\nname: CI\n"}


@pytest.fixture(autouse=True)
def locks(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The lock files that git does not track."""
    loose: list[str] = []

    def committed(*_: object, tracked: bool = False) -> tuple[str, ...]:
        return () if tracked else tuple(loose)

    monkeypatch.setattr(module, "committed_locks", committed)
    return loose


def of(kind: str, old: str = "", new: str = "") -> DoctorContext:
    files = dict(KINDS[kind].files)
    root = files.pop("pyproject.toml")
    assert old in root
    return repository({**files, **CI}, root=root.replace(old, new))


def test_a_repository_that_has_all_is_well() -> None:
    assert module.tags(of("ecs")) == Finding(state="ok", what="a tag has all that it needs")
    nowhere = module.tags(of("images-ghcr"))
    assert nowhere.state == "ok"
    assert "deployed nowhere" in nowhere.what
    assert module.tags(repository({})).state == "n/a"


@pytest.mark.parametrize(
    ("kind", "old", "new", "said"),
    [
        ("ecs", '"any"', '"prerelease"', "no rule takes a release such as v1.2.0"),
        ("ecs", 'cluster = "main"', "", "none has a cluster"),
        ("libraries", "index = ", "# ", "no index is set"),
    ],
)
def test_what_is_missing_is_named(kind: str, old: str, new: str, said: str) -> None:
    finding = module.tags(of(kind, old, new))
    assert finding.state == "fault"
    assert said in finding.what


def test_the_branch_the_lock_and_what_jobs_make(locks: list[str]) -> None:
    one = of("ecs")
    for checkout, said in (
        (checkout_of(one.repository.tree, branch="develop"), 'branch = "develop"'),
        (replace(checkout_of(one.repository.tree), unignored=("build/",)), "build/: made by jobs"),
    ):
        finding = module.tags(replace(one, checkout=partial(lambda found: found, checkout)))
        assert finding.state == "fault"
        assert said in finding.what
    locks.append("uv.lock")
    finding = module.tags(one)
    assert finding.what.startswith("uv.lock: neither committed nor ignored")
