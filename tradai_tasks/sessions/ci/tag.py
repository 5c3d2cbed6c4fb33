"""`tag`: prove the release tag that a CI event asks for and write it to the step's outputs."""

from __future__ import annotations

import os

import nox

from tradai_tasks.errors import BadArgumentsError, UnknownRevisionError
from tradai_tasks.release.tags.ci_event import (
    TagRequest,
    dispatched_commit,
    main_branch_of,
    read_event,
    tag_request,
)
from tradai_tasks.release.tags.tag_proof import Proof, prove
from tradai_tasks.release.tags.target_environment import (
    environment_named,
    environment_of,
    is_deployed,
)
from tradai_tasks.report import append_summary, print_table, write_outputs
from tradai_tasks.repository import Repository
from tradai_tasks.sessions.core.arguments import option, parse
from tradai_tasks.sessions.core.context import Context
from tradai_tasks.sessions.core.dispatched import refuse_dispatch
from tradai_tasks.vcs.git import Git
from tradai_tasks.workspace.tags import tag_text

_DOC = (
    "Report which release a CI event asks for and where it goes, once it is proved that the tag is "
    "there, is at the checked commit, is on the main branch and has the package's version."
)
_OPTIONS = [
    option("tag", "the release tag; by default the one that the event names", nargs="?"),
    option(
        "--environment",
        "where it goes, if not where the settings say; may be empty",
        metavar="NAME",
    ),
    option(
        "--dispatch",
        "only refuse a workflow_dispatch on a branch that may not deploy there",
        metavar="ENVIRONMENT",
    ),
]
_COLUMNS = ("tag", "version", "environment", "commit")


def tag(session: nox.Session, context: Context) -> None:
    """Prove the tag, and write it to the step's outputs."""
    repository = context.repository
    options = parse(session, _OPTIONS, _DOC)
    event = read_event(os.environ)
    if options.dispatch is not None:
        if not options.dispatch:
            raise BadArgumentsError("tag: --dispatch: is empty; name what would be deployed to")
        refuse_dispatch(repository, options.dispatch)
        session.log(f"{options.dispatch}: nothing speaks against a deployment by this event")
        return
    wanted = options.environment or None  # an absent input of a workflow is an empty string
    request = tag_request(os.environ, event)
    text = options.tag or (request.tag if request else None)
    if text is None:
        _write_dispatch(session, repository, wanted)
        return
    if options.tag and request and request.is_workflow_run:
        _refuse_another(text, request)
    proof = prove(
        Git.open(repository.root),
        text,
        workspace=repository.workspace,
        settings=repository.settings,
        file=repository.settings_file,
        request=request,
        main=repository.settings.release.branch or main_branch_of(event),
    )
    environment = _environment(repository, proof, wanted)
    refuse_dispatch(repository, environment)
    found, strategy = proof.tag, {}
    if found.slug is not None:
        strategy = {"strategy": found.slug, "backtested": str(proof.backtested).lower()}
    _hand_down(
        tag=found.text,
        version=found.version,
        environment=environment,
        commit=proof.commit,
        **strategy,
    )


def _environment(repository: Repository, proof: Proof, wanted: str | None) -> str:
    """Return the environment of a tag; all go to the same one where nothing is deployed."""
    deploys = proof.tag.kind == "platform" and is_deployed(repository.settings.deploy)
    if not deploys and (wanted is None or proof.tag.kind == "strategy"):
        return wanted or repository.settings.workflows.release_environment
    return environment_of(proof.tag, repository.settings.deploy, override=wanted).name


def _write_dispatch(session: nox.Session, repository: Repository, environment: str | None) -> None:
    """Write only an environment to the outputs, for a dispatch that deploys its own commit."""
    if environment is None:
        raise BadArgumentsError(
            "tag: the CI event names no tag; give one: nox -s tag -- v1.2.0, or say where what is "
            "checked out goes: nox -s tag -- --environment dev"
        )
    found = environment_named(environment, repository.settings.deploy)
    refuse_dispatch(repository, found.name)
    git = Git.open(repository.root)
    # the work tree is the default branch's, whichever branch was dispatched
    dispatched = dispatched_commit(os.environ)
    commit = git.commit(dispatched) if dispatched else git.require_commit("HEAD", "")
    if commit is None:
        raise UnknownRevisionError(
            f"commit {dispatched}: is not in this clone, though the dispatch is of it; fetch it "
            f"(in CI: fetch-depth: 0)"
        )
    session.log("no tag: this commit goes to the environment that was asked for")
    _hand_down(tag="", version="", environment=found.name, commit=commit)


def _refuse_another(text: str, request: TagRequest) -> None:
    named, by_event = tag_text(text), tag_text(request.tag)
    if by_event != named:
        raise BadArgumentsError(f"tag {named}: the workflow_run event is of tag {by_event}")


def _hand_down(**found: str) -> None:
    row = tuple(found[name] or "-" for name in _COLUMNS[:-1])
    row = (*row, found["commit"][:12])
    print_table("What is released", _COLUMNS, [row])
    append_summary(_COLUMNS, [row])
    write_outputs(found)
