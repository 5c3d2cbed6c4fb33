"""`tag`: which release a CI event asks for, held against the repository, as outputs of the step."""

from __future__ import annotations

import os

import nox

from tradai_tasks.affected.git import Git
from tradai_tasks.errors import BadArgumentsError
from tradai_tasks.release.environment import environment_named, environment_of
from tradai_tasks.release.event import Asked, asked_by, main_branch_of, read_event
from tradai_tasks.release.validate import check, look
from tradai_tasks.report import append_summary, print_table, write_outputs
from tradai_tasks.sessions.arguments import Option, parse
from tradai_tasks.sessions.context import Context
from tradai_tasks.tags import ReleaseTag, parse_tag

__all__ = ["tag"]

_DOC = (
    "Say which release a CI event asks for and where it goes, once it is certain that the tag is "
    "there, is at the checked commit and is on the main branch."
)
_OPTIONS: list[Option] = [
    (("tag",), {"nargs": "?", "help": "the release tag; by default the one that the event names"}),
    (
        ("--environment",),
        {"metavar": "NAME", "help": "where it goes, if not where the settings say; may be empty"},
    ),
]
_COLUMNS = ("tag", "version", "environment", "commit")


def tag(session: nox.Session, context: Context) -> None:
    """Validate the tag, and hand it down."""
    options = parse(session, _OPTIONS, _DOC)
    wanted = options.environment or None  # a workflow's input that was not given is empty
    event = read_event(os.environ)
    asked = asked_by(os.environ, event)
    deploy = context.settings.deploy
    text = options.tag or (asked.tag if asked else None)
    if text is None:
        _without(session, context, wanted)
        return
    named = _parsed(context, text)
    if options.tag and asked and asked.is_workflow_run:
        _refuse_another(context, named, asked)
    git = Git.open(context.root)
    branch = context.settings.release.branch
    found = look(git, named, branch=branch or main_branch_of(event), env=os.environ)
    check(named, found, None, asked=asked, main=branch)
    environment = environment_of(named, deploy, asked=wanted).name
    _hand_down(named.text, named.version, environment, found.commit or "")


def _without(session: nox.Session, context: Context, environment: str | None) -> None:
    """Hand down an environment alone, as a dispatch does that deploys what is checked out."""
    if environment is None:
        raise BadArgumentsError(
            "tag: the CI event names no tag; give one: nox -s tag -- v1.2.0, or say where what is "
            "checked out goes: nox -s tag -- --environment dev"
        )
    found = environment_named(environment, context.settings.deploy)
    session.log("no tag: what is checked out goes to the environment that was asked for")
    _hand_down("", "", found.name, Git.open(context.root).require_commit("HEAD", ""))


def _parsed(context: Context, text: str) -> ReleaseTag:
    return parse_tag(text, [package.slug for package in context.workspace.strategies])


def _refuse_another(context: Context, named: ReleaseTag, asked: Asked) -> None:
    by_event = _parsed(context, asked.tag)
    if by_event != named:
        raise BadArgumentsError(f"tag {named}: the workflow_run event is of tag {by_event}")


def _hand_down(tag_text: str, version: str, environment: str, commit: str) -> None:
    row = (tag_text or "-", version or "-", environment, commit[:12])
    print_table("What is released", _COLUMNS, [row])
    append_summary(_COLUMNS, [row])
    write_outputs(
        {"tag": tag_text, "version": version, "environment": environment, "commit": commit}
    )
