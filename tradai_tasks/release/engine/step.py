"""Interfaces of a release: stages made of steps that look before they act.

A step asks the index, the registry, the cluster or the model registry what is there, and does only
what is missing; so a release that was cut at any point is finished by running it again, and a
second full run changes nothing. What is there but *different* is an error that names both sides.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol, runtime_checkable

from tradai_tasks.workspace.tags import ReleaseTag

__all__ = ["Known", "Look", "Preparing", "Release", "Stage", "State", "Step"]

# done: the world is as the tag says. todo: something is missing. left: nothing is done, on purpose
# (`latest` that must not move). skipped: nothing can be done, and that is allowed here.
State = Literal["done", "todo", "left", "skipped"]

# What the steps of earlier stages found or made: stage -> step -> record.
Known = Mapping[str, Mapping[str, Mapping[str, Any]]]


@dataclass(frozen=True, kw_only=True, slots=True)
class Release:
    """What is released: a tag, and the commit that it names."""

    tag: ReleaseTag
    commit: str  # 40 hexadecimal digits
    time: int  # of the commit, in seconds since the epoch
    root: Path  # the workspace root, whose work tree is that commit's
    source: str | None = None  # address of the repository, without credentials


@dataclass(frozen=True, kw_only=True, slots=True)
class Look:
    """What a step found, or made."""

    state: State
    note: str  # one line: what is there, what lacks, or why nothing is done
    record: Mapping[str, Any] = field(default_factory=dict)  # JSON values to keep; never a secret


class Step(Protocol):
    """One thing that must be so once the release is done."""

    @property
    def name(self) -> str:
        """What it is called in the plan, once in its stage: `backend`, `latest`."""

    def look(self, known: Known) -> Look:
        """Ask the world, and change nothing; what an earlier stage has not made yet may lack.

        Raises:
            ConflictError: It is there, but different.
            TasksError: It cannot be determined.
        """

    def act(self, known: Known) -> Look:
        """Make it so, and return what is there then.

        Raises:
            TasksError: It could not be done; the message says how to finish.
        """


@runtime_checkable
class Preparing(Step, Protocol):
    """A step with work that may be done before every gate is passed, such as building an image.

    It runs beside the gates, so it changes nothing outside this machine: nothing is pushed,
    published or registered. Its result is found again by `act`, which must do without it too:
    after a crash, or with `--from`, nothing was prepared.
    """

    def prepare(self, known: Known) -> None:
        """Do the work; it is only called for a step that is to do.

        Raises:
            TasksError: It could not be done, so the release cannot be finished either.
        """


@dataclass(frozen=True, kw_only=True, slots=True)
class Stage:
    """Steps that may run in parallel, after those of every earlier stage.

    With `parallel = 1` they run in the order given, and each is told what those before it made.
    Stages that are gates all run in parallel, and before any other stage acts.
    """

    name: str  # what `--from` and the session call it: `image`, `mlflow`
    steps: tuple[Step, ...]
    parallel: int = 1  # most steps at once
    is_gate: bool = False  # it judges, and changes nothing outside this machine
