"""What is to be done about a service, decided from what can be seen of it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradai_tasks.release.deploy.ecs_decisions import Deployment, EcsTask, Observed, judge
from tradai_tasks.release.images.released_image import split_image

OLD, NEW = "sha256:old", "sha256:new"
WANTED = frozenset({NEW})


def deployment(
    number: int, *, primary: bool = True, rollout: str | None = "COMPLETED"
) -> Deployment:
    return Deployment(id=f"d{number}", is_primary=primary, rollout=rollout)


def task(digest: str | None, deployment: str | None = "d1", *, going: bool = False) -> EcsTask:
    return EcsTask(id="t", digests=(digest,), deployment=deployment, is_going=going)


def seen(desired: int, tasks: list[EcsTask], *deployments: Deployment) -> Observed:
    return Observed(desired=desired, deployments=deployments, tasks=tuple(tasks))


@pytest.mark.parametrize(
    ("observed", "mine", "todo", "words"),
    [
        (seen(1, [task(NEW)], deployment(1)), None, "done", "1 task on the release's image"),
        (seen(1, [task(NEW)], deployment(1, rollout=None)), None, "done", "1 task"),
        (seen(1, [task(OLD)], deployment(1)), None, "start", "1 task of 1 on sha256:old"),
        (seen(0, [], deployment(1)), None, "idle", "desired count is 0"),
        (seen(1, []), None, "start", "never deployed"),
        (seen(2, [task(NEW)], deployment(1)), None, "wait", "1 of 2 tasks"),
        (seen(1, [task(None)], deployment(1)), None, "wait", "not known yet"),
        # one that stops is no task of the release any more, and one of the old image still is
        (seen(1, [task(NEW, going=True)], deployment(1)), None, "wait", "0 of 1 tasks"),
        (
            seen(1, [task(NEW), task(OLD, "d0", going=True)], deployment(1)),
            None,
            "wait",
            "1 task still on sha256:old",
        ),
        # scaled in to nothing, but not gone yet
        (seen(0, [task(NEW, going=True)], deployment(1)), None, "done", "0 tasks"),
        # the newest deployment replaces old tasks by itself
        (
            seen(1, [task(OLD, "d0"), task(None)], deployment(1, rollout="IN_PROGRESS")),
            None,
            "wait",
            "IN_PROGRESS",
        ),
        # unless its own tasks are of another image
        (
            seen(1, [task(OLD, "d1")], deployment(1, rollout="IN_PROGRESS")),
            None,
            "start",
            "sha256:old",
        ),
        (seen(1, [task(NEW)], deployment(1, rollout="FAILED")), None, "start", "failed"),
        # followed by its id
        (
            seen(1, [task(OLD, "d0")], deployment(1, rollout="IN_PROGRESS")),
            "d1",
            "wait",
            "still on",
        ),
        (seen(1, [task(OLD, "d1")], deployment(1)), "d1", "failed", "new tasks run sha256:old"),
        (seen(1, [task(NEW)], deployment(1, rollout="FAILED")), "d1", "failed", "its deployment"),
        (
            seen(1, [task(NEW)], deployment(2)),
            "d1",
            "overtaken",
            "another deployment took the place",
        ),
        (
            seen(1, [], deployment(2), deployment(1, primary=False, rollout="FAILED")),
            "d1",
            "failed",
            "its deployment failed",
        ),
    ],
)
def test_verdicts(observed: Observed, mine: str | None, todo: str, words: str) -> None:
    verdict = judge(observed, WANTED, mine=mine)
    assert verdict.todo == todo
    assert words in verdict.note


def test_a_new_deployment_may_not_be_listed_at_once() -> None:
    observed = seen(1, [task(OLD, "d0")], deployment(0))
    assert judge(observed, WANTED, mine="d1", settling=True).todo == "wait"
    assert judge(observed, WANTED, mine="d1").todo == "overtaken"
    gone = seen(0, [])
    assert judge(gone, WANTED, mine="d1").note.startswith("another deployment took the place")


_TASKS = st.lists(
    st.builds(
        EcsTask,
        id=st.just("t"),
        digests=st.lists(st.sampled_from([OLD, NEW, None]), min_size=0, max_size=2).map(tuple),
        deployment=st.sampled_from(["d0", "d1", "d2", None]),
        is_going=st.booleans(),
    ),
    max_size=4,
)
_DEPLOYMENTS = st.lists(
    st.tuples(
        st.sampled_from(["d0", "d1", "d2"]),
        st.sampled_from(["COMPLETED", "IN_PROGRESS", "FAILED", None]),
    ),
    max_size=3,
    unique_by=lambda one: one[0],
).map(
    lambda found: tuple(
        Deployment(id=name, rollout=rollout, is_primary=n == 0)
        for n, (name, rollout) in enumerate(found)
    )
)


@given(st.integers(0, 3), _TASKS, _DEPLOYMENTS, st.sampled_from([None, "d1"]))
def test_done_is_never_said_of_anything_else(
    desired: int, tasks: list[EcsTask], deployments: tuple[Deployment, ...], mine: str | None
) -> None:
    observed = Observed(desired=desired, deployments=deployments, tasks=tuple(tasks))
    verdict = judge(observed, WANTED, mine=mine)
    assert verdict.note
    if verdict.todo == "done":
        assert all(d in (NEW, None) for one in tasks for d in one.digests)
        assert all(one.is_going for one in tasks if None in one.digests)
        assert desired <= sum(one.digests != () and set(one.digests) == {NEW} for one in tasks)
        assert deployments[0].rollout in ("COMPLETED", None)
        assert mine in (None, deployments[0].id)
    if mine is not None:
        # nothing is started twice, but where the very deployment was given up
        assert verdict.todo != "start" or not deployments


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("a/b", ("a/b", "latest", None)),
        ("a/b:v1", ("a/b", "v1", None)),
        ("host:5000/a", ("host:5000/a", "latest", None)),
        ("host:5000/a:v1@sha256:x", ("host:5000/a", "v1", "sha256:x")),
        ("a@sha256:x", ("a", None, "sha256:x")),
        ("", ("", None, None)),
    ],
)
def test_references_of_images(text: str, parts: tuple[str, str | None, str | None]) -> None:
    assert split_image(text) == parts
