"""Work out from workflow files who can start each job, whose code it runs, and its credentials."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from tradai_tasks.workflows.expressions import UNKNOWN, may_hold, value_of
from tradai_tasks.workflows.rendered import Block, jobs_of, read

_CALL = "./.github/workflows/"
_READ = re.compile(r"\b(?:secrets|vars)\.[A-Za-z_]\w*")
_OTHER = "other"  # any branch but the default one
BRANCH_DISPATCH = "dispatch on another branch"


@dataclass(frozen=True, kw_only=True, slots=True)
class Event:
    """An event that starts a workflow, with what rights depend on."""

    name: str  # what the table of rights calls it
    trigger: str  # GitHub's name
    who: str  # who can cause it
    code: str  # what `actions/checkout` takes by itself
    filtered: str = ""  # key below the trigger that must be there: `branches`, `tags`
    ref: str = ""  # GITHUB_REF, with {branch} for the default one
    is_fork: bool = False
    is_open: bool = False  # it runs code that nobody has reviewed


_WRITERS = "whoever may push a branch"
EVENTS = (
    Event(
        name="pull request from a fork",
        trigger="pull_request",
        who="anybody",
        code="the pull request's",
        ref="refs/pull/1/merge",
        is_fork=True,
        is_open=True,
    ),
    Event(
        name="pull request",
        trigger="pull_request",
        who=_WRITERS,
        code="the pull request's",
        ref="refs/pull/1/merge",
        is_open=True,
    ),
    Event(
        name="merge queue",
        trigger="merge_group",
        who="whoever may merge",
        code="the merged pull requests'",
        ref="refs/heads/gh-readonly-queue/{branch}/pr-1",
        is_open=True,
    ),
    Event(
        name="push to the default branch",
        trigger="push",
        who="whoever may merge",
        code="the default branch's",
        filtered="branches",
        ref="refs/heads/{branch}",
    ),
    Event(
        name="push of a tag",
        trigger="push",
        who="whoever may create the tag",
        code="the tagged commit's",
        filtered="tags",
        ref="refs/tags/v1.0.0",
        is_open=True,
    ),
    Event(
        name="schedule",
        trigger="schedule",
        who="nobody: the clock",
        code="the default branch's",
        ref="refs/heads/{branch}",
    ),
    Event(
        name="dispatch on the default branch",
        trigger="workflow_dispatch",
        who="whoever may write",
        code="the default branch's",
        ref="refs/heads/{branch}",
    ),
    Event(
        name=BRANCH_DISPATCH,
        trigger="workflow_dispatch",
        who=_WRITERS,
        code="that branch's",
        ref=f"refs/heads/{_OTHER}",
        is_open=True,
    ),
    Event(
        name="after CI of a pushed tag",
        trigger="workflow_run",
        who="whoever may create the tag",
        code="the default branch's",
        ref="refs/heads/{branch}",
    ),
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Role:
    """An AWS role that a job assumes, and the sessions that act with it."""

    source: str  # where its ARN is kept: `vars.NAME` or `secrets.NAME`
    sessions: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Grant:
    """What a job can access when an event starts it."""

    event: Event
    code: str  # whose code runs
    environments: tuple[str, ...] = ()  # GitHub's environments that it can stand in
    secrets: tuple[str, ...] = ()  # `secrets.X` and `vars.X` that it reads, but for roles
    # by environment; "" for none
    roles: Mapping[str, tuple[Role, ...]] = field(default_factory=dict)
    # of its token, but for reading the contents
    permissions: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_unreviewed(self) -> bool:
        """Whether code runs that nobody has reviewed."""
        return self.event.is_open and self.code == self.event.code


@dataclass(frozen=True, kw_only=True, slots=True)
class Job:
    """One job of a workflow, and what it can access for each event."""

    workflow: str  # file name
    name: str
    grants: tuple[Grant, ...]


@dataclass(frozen=True, kw_only=True)
class _Reader:
    """The rendered workflows."""

    files: Mapping[str, str]  # text by file name
    branch: str  # the default one
    environments: Sequence[str]  # that a release can go to
    branch_environments: Sequence[str]  # that other branches may deploy to

    @cached_property
    def jobs(self) -> Mapping[str, Mapping[str, Mapping[str, Block]]]:
        """The jobs of each workflow, by file name."""
        return {file: jobs_of(text) for file, text in self.files.items()}

    def events(self, file: str) -> list[Event]:
        """Return the events that start a workflow."""
        on = read(self.files[file])["on"].entries()
        if "workflow_call" in on:
            return [
                event
                for caller in self.files
                for name, job in self.jobs[caller].items()
                if job.get("uses", Block(value="")).value.partition(" ")[0] == f"{_CALL}{file}"
                for event in self.events(caller)
                if self.may_start(caller, name, event)
            ]
        return [
            event
            for event in EVENTS
            if event.trigger in on
            and (not event.filtered or event.filtered in on[event.trigger].entries())
        ]

    def may_start(self, file: str, name: str, event: Event) -> bool:
        """Return whether an event can start a job, by its condition and the jobs that it needs."""
        job = self.jobs[file][name]
        condition = job["if"].text if "if" in job else ""
        if condition and not may_hold(condition, self._facts(file, job, event)):
            return False
        if re.search(r"\b(always|cancelled)\(\)", condition):
            return True  # it does not wait for the others to have run
        needed = _needs(job)
        return not self._refused(file, needed, event) and all(
            self.may_start(file, one, event) for one in needed
        )

    def _facts(self, file: str, job: Mapping[str, Block], event: Event) -> dict[str, object]:
        """Return the known values of GitHub's contexts while an event is handled."""
        ref = event.ref.format(branch=self.branch)
        here = "owner/name"
        facts: dict[str, object] = {
            "github.event_name": event.trigger,
            "github.ref": ref,
            "github.ref_type": "tag" if ref.startswith("refs/tags/") else "branch",
            "github.repository": here,
            "github.event.repository.default_branch": self.branch,
            "github.event.pull_request.head.repo.full_name": "fork/name" if event.is_fork else here,
        }
        for one in _needs(job):
            if not self.may_start(file, one, event):
                facts[f"needs.{one}.result"] = "skipped"
            elif self._refused(file, [one], event):
                facts[f"needs.{one}.result"] = "failure"
        return facts

    def _refused(self, file: str, needed: Iterable[str], event: Event) -> bool:
        """Return whether one of the jobs runs `tag` and thereby refuses the event."""
        if event.ref != f"refs/heads/{_OTHER}" or self.branch_environments:
            return False
        return any(
            re.search(r"nox(?: -R)? -s tag\b", line)
            for one in needed
            for line in self.jobs[file][one].get("steps", Block(value="")).lines
        )

    def grant(self, job: Mapping[str, Block], event: Event) -> Grant:
        """Return what a job can access when an event starts it."""
        if event.is_fork:  # GitHub gives it no secrets, whatever the file says
            return Grant(event=event, code=_code(job, event))
        permissions = {
            name: right.value
            for name, right in job["permissions"].entries().items()
            if (name, right.value) != ("contents", "read")
        }
        environments = self._environments(job, event)
        text = "\n".join(block.text for block in job.values())
        signing = _signing(job)
        roles = {
            environment: tuple(_assumed(signing, environment))
            for environment in environments or ("",)
        }
        of_roles = {name for expression in signing for name in _READ.findall(expression)}
        return Grant(
            event=event,
            code=_code(job, event),
            environments=environments,
            secrets=tuple(sorted(set(_READ.findall(text)) - of_roles - {"secrets.GITHUB_TOKEN"})),
            roles={name: found for name, found in roles.items() if found},
            permissions=permissions,
        )

    def _environments(self, job: Mapping[str, Block], event: Event) -> tuple[str, ...]:
        if "environment" not in job:
            return ()
        stated = job["environment"].value
        if not stated.startswith("${{"):
            return (stated,)
        found = self._options("stack") if "inputs.stack" in stated else tuple(self.environments)
        if event.name != BRANCH_DISPATCH:
            return found
        return tuple(one for one in found if one in self.branch_environments)

    def _options(self, name: str) -> tuple[str, ...]:
        for file in self.files:
            dispatch = read(self.files[file])["on"].entries().get("workflow_dispatch")
            inputs = dispatch.entries().get("inputs") if dispatch else None
            given = inputs.entries().get(name) if inputs else None
            if given is not None:
                return tuple(re.findall(r'"([^"]+)"', given.entries()["options"].value))
        return ()


def jobs(
    files: Mapping[str, str],
    *,
    branch: str,
    environments: Sequence[str],
    branch_environments: Sequence[str] = (),
) -> tuple[Job, ...]:
    """Return every job with what it can access."""
    reader = _Reader(
        files={posixpath.basename(path): text for path, text in files.items()},
        branch=branch,
        environments=environments,
        branch_environments=branch_environments,
    )
    return tuple(
        Job(
            workflow=file,
            name=name,
            grants=tuple(
                reader.grant(job, event)
                for event in dict.fromkeys(reader.events(file))
                if reader.may_start(file, name, event)
            ),
        )
        for file, jobs_in in reader.jobs.items()
        for name, job in jobs_in.items()
        if "steps" in job  # one that calls another workflow has its rights from there
    )


def _signing(job: Mapping[str, Block]) -> dict[str, tuple[str, ...]]:
    """Return each expression of a role, with the sessions of steps that get its credentials."""
    steps = [step.entries() for step in job["steps"].items()]
    found = {}
    for step in steps:
        role = step["with"].entries().get("role-to-assume") if "with" in step else None
        if role is not None:
            outputs = f"steps.{step['id'].value}.outputs." if "id" in step else "no step"
            acting = [one for one in steps if "env" in one and outputs in one["env"].text]
            found[role.value] = tuple(
                dict.fromkeys(name for one in acting for name in _sessions(one))
            )
    return found


def _sessions(step: Mapping[str, Block]) -> list[str]:
    """Return the sessions that a step calls, without their packages."""
    stated = step["env"].entries().get("NOXSESSION") if "env" in step else None
    names = stated.value.strip('"').split(",") if stated else []
    script = step["run"].text if "run" in step else ""
    called = re.findall(r" -s ([a-z][a-z-]*)", script)
    names += ["images"] if called and " --images-only" in script else called
    return [name.partition("(")[0] for name in names if name]


def _needs(job: Mapping[str, Block]) -> list[str]:
    return re.findall(r"[\w-]+", job["needs"].value) if "needs" in job else []


def _code(job: Mapping[str, Block], event: Event) -> str:
    """Return whose code runs, from what is checked out."""
    for step in job["steps"].items():
        entries = step.entries()
        if not entries.get("uses", Block(value="")).value.startswith("actions/checkout@"):
            continue
        ref = entries["with"].entries().get("ref")
        if ref is None:
            return event.code
        if re.search(r"needs\.\w+\.outputs\.commit", ref.value):
            return "the proven commit's" if event.trigger == "workflow_run" else event.code
        if "default_branch" in ref.value:
            return "the default branch's"
        return event.code if "github.sha" in ref.value else ref.value
    return "none of the repository's"


def _assumed(signing: Mapping[str, tuple[str, ...]], environment: str) -> Iterator[Role]:
    """Yield the roles that a job assumes in an environment."""
    for expression, sessions in signing.items():
        facts: dict[str, object] = {
            **{name: name for name in _READ.findall(expression)},
            "needs.version.outputs.environment": environment,
            "inputs.stack": environment,
        }
        found = value_of(expression, facts)
        sources = _READ.findall(expression) if found is UNKNOWN else [found] if found else []
        for source in sources:
            yield Role(source=str(source), sessions=sessions)
