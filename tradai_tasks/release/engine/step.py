"""Interfaces of a release: stages made of steps that look before they act.

A step does only what is missing; so a release that was cut at any point is finished by running it
again, and a second full run changes nothing. What is there but *different* is an error that names
both sides.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol, runtime_checkable

from tradai_tasks.errors import TasksError
from tradai_tasks.workspace.tags import ReleaseTag

# done: all is as the tag says. todo: something is missing. left: not done, on purpose (`latest`
# that must not move). skipped: cannot be done, and need not be.
State = Literal["done", "todo", "left", "skipped"]

# What the steps of earlier stages found or made: stage -> step -> record.
Known = Mapping[str, Mapping[str, Mapping[str, Any]]]


@dataclass(frozen=True, kw_only=True, slots=True)
class Release:
    """What is released: a tag, and the commit that it names."""

    tag: ReleaseTag
    commit: str  # 40 hexadecimal digits
    time: int  # time of the commit, in seconds since the epoch
    root: Path  # the workspace root, whose work tree is that commit's
    source: str | None = None  # address of the repository, without credentials
    has_tag: bool = True  # False in a plan for a tag that does not exist: HEAD is taken for it


@dataclass(frozen=True, kw_only=True, slots=True)
class Look:
    """What a step found or made."""

    state: State
    note: str  # one line: what is there, what is missing, or why nothing is done
    record: Mapping[str, Any] = field(default_factory=dict)  # JSON values, never a secret
    obstacle: str = ""  # why what is to do would fail, where that is known before


class Step(Protocol):
    """One thing that a release makes true, such as an image being pushed."""

    @property
    def name(self) -> str:
        """Its name in the plan, unique in its stage: `backend`, `latest`."""

    def look(self, known: Known) -> Look:
        """Ask what is there, without a change; results of earlier stages may still be missing.

        Raises:
            ConflictError: Something is there, but different.
            TasksError: It cannot be determined.
        """

    def act(self, known: Known) -> Look:
        """Do what is missing, and return what is there then; raise TasksError if it failed."""


@runtime_checkable
class Preparing(Step, Protocol):
    """A step with work that can be done while gates still run, such as building an image.

    It changes nothing outside this machine. `act` uses its result, and must also work without it:
    after a crash, or with `--from`.
    """

    def prepare(self, known: Known) -> None:
        """Do that work, for a step that has something to do; raise TasksError if it failed."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Unopened:
    """The step of a stage that cannot be opened, for a plan that shows all that is in the way."""

    fault: TasksError
    name: str = "setup"

    def look(self, known: Known) -> Look:
        """Raise the fault."""
        del known
        raise self.fault

    act = look


@dataclass(frozen=True, kw_only=True, slots=True)
class Stage:
    """Steps that may run in parallel, after those of every earlier stage.

    With `parallel = 1` they run in the order given, and each gets the records of those before it.
    Gates all run in parallel, before any other stage acts.
    """

    name: str  # its name for `--from` and `--only`: `image`, `mlflow`
    steps: tuple[Step, ...]
    parallel: int = 1  # steps that run at once, at most
    is_gate: bool = False  # a gate: it judges, and changes nothing outside this machine
