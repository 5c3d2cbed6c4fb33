"""Decide whether a run replays results, and whether it keeps its own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import msgspec

from tradai_tasks.affected.revisions.event_payload import (
    LocalChange,
    PullRequestEvent,
    PushEvent,
    parse_event,
)
from tradai_tasks.environment_allowance import REPLAY_SWITCH

_WHOLE = ("push", "merge_group", "schedule", "workflow_dispatch")  # events that run everything


class Policy(msgspec.Struct, frozen=True, kw_only=True):
    """What a run may do with results."""

    replays: bool
    """Whether a green result is taken over instead of running the test file."""
    keeps: bool
    """Whether results are written, where others may read them."""
    compares: bool = False
    """Whether results are held against what happens, and those proven wrong marked."""
    why: str
    """Why it does not replay, or where it does."""

    @property
    def is_on(self) -> bool:
        """Whether results are looked at at all."""
        return self.replays or self.keeps or self.compares


def policy(
    setting: Literal["never", "auto"],
    env: Mapping[str, str],
    payload: bytes | None,
    *,
    fresh: bool,
) -> Policy:
    """Return what a run may do.

    Only a machine of a person's own and a pull request replay: the main branch, tags, schedules and
    all that is released run everything. In CI only a push to the default branch keeps results, so
    that no pull request writes what another branch reads. Where everything is run, and it is no
    pull request, results are held against what happens.

    Args:
        setting: The setting `results.replay`.
        env: The environment.
        payload: Content of the CI event's file; None where there is none.
        fresh: Whether the user asks to run everything.
    """
    if setting == "never":
        return Policy(replays=False, keeps=False, why="results.replay is 'never'")
    if env.get(REPLAY_SWITCH) == "never":
        return Policy(replays=False, keeps=False, why=f"{REPLAY_SWITCH} is 'never'")
    match parse_event(env, payload, ()):
        case LocalChange(in_ci=False):
            why = "-- --fresh" if fresh else "on this machine"
            return Policy(replays=not fresh, keeps=True, compares=True, why=why)
        case PullRequestEvent(is_checked_out=True):
            why = "-- --fresh" if fresh else "on a pull request"
            return Policy(replays=not fresh, keeps=False, why=why)
        case PushEvent(branch=branch, default_branch=default) if branch == default:
            why = f"branch {branch} runs everything"
            return Policy(replays=False, keeps=True, compares=True, why=why)
        case _:
            compares = env.get("GITHUB_EVENT_NAME") in _WHOLE
            why = "this CI event runs everything"
            return Policy(replays=False, keeps=False, compares=compares, why=why)
