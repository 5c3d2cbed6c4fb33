"""Report what is missing for a release tag, before one is pushed."""

from __future__ import annotations

import re
from collections.abc import Mapping

from tradai_tasks.release.tags.target_environment import is_deployed, unmapped_kinds
from tradai_tasks.settings.backtest import for_strategy
from tradai_tasks.settings.model import Settings
from tradai_tasks.workflows.render import is_ours, name_of
from tradai_tasks.workspace.discovery import Workspace
from tradai_tasks.workspace.published_libraries import library_names

_FOLLOWED = re.compile(r'^    workflows: \["(.*)"\]$', re.MULTILINE)


def tag_faults(workspace: Workspace, settings: Settings) -> list[str]:
    """Return why the workflows of a tag such as `v1.2.0` would fail, each with what to do."""
    if workspace.kind == "strategies":
        return []
    deploy, publish = settings.deploy, settings.publish
    is_published = bool(library_names(workspace, settings.publish))
    own = any(one.codeartifact for one in deploy.environments.values())
    faults = []
    if is_published and publish.codeartifact is None and publish.index is None and not own:
        faults.append(
            "publish: libraries are published, and no index is set; name it by "
            "publish.codeartifact or publish.index"
        )
    releases = is_published or workspace.services or workspace.lambdas
    if not (releases and is_deployed(deploy)):
        return faults
    if "release" in unmapped_kinds(deploy):
        faults.append(
            "deploy.tags: no rule takes a release such as v1.2.0; add one, such as "
            '{ kind = "release", environment = "prod" }'
        )
    if workspace.services and not any(one.cluster for one in deploy.environments.values()):
        faults.append(
            "deploy.environments: none has a cluster, so services are built and deployed nowhere; "
            "name it by deploy.environments.<name>.cluster"
        )
    return faults


def tag_notes(workspace: Workspace, settings: Settings) -> list[str]:
    """Return what a tag does not do although one may expect it."""
    if workspace.kind == "strategies":
        return _candle_notes(workspace, settings)
    if is_deployed(settings.deploy):
        return []
    if not (workspace.services or workspace.lambdas):
        return []
    return ["images are built and pushed, and deployed nowhere: no deploy.environments, no tags"]


def _candle_notes(workspace: Workspace, settings: Settings) -> list[str]:
    """Return that an exchange may refuse runners of GitHub's, which stand in the United States."""
    runner = settings.workflows.runner
    is_hosted = isinstance(runner, str) and runner.startswith(("ubuntu-", "macos-"))
    backtests = (
        for_strategy(settings.backtest, one.settings.backtest) for one in workspace.strategies
    )
    if not is_hosted or not any(one.enabled and one.source == "download" for one in backtests):
        return []
    why = "GitHub's runners stand in the United States, which exchanges such as Binance refuse"
    return [f"candles are downloaded on {runner}: {why}; set backtest.source or workflows.runner"]


def ci_faults(files: Mapping[str, str], folder: str) -> list[str]:
    """Return why the user's own CI would not start what follows it: it does not run for tags."""
    ours = [text for text in files.values() if is_ours(text, folder)]
    followed = {name for text in ours for name in _FOLLOWED.findall(text)}
    return [
        f"{path}: releases follow it, and it runs for no tag; add to its `push:` the tags of "
        f"releases, such as tags: ['v*']"
        for path, text in files.items()
        if not is_ours(text, folder)
        and {name_of(text), path} & followed
        and re.search(r"\bbranches(-ignore)?:", text)
        and not re.search(r"\btags(-ignore)?:", text)
    ]


def branch_fault(branch: str | None, settings: Settings) -> list[str]:
    """Return that the workflows are for another branch than the default one, if they are."""
    wanted = settings.workflows.branch
    if branch in {None, wanted}:
        return []
    return [f'workflows.branch: is {wanted}; set it to the default branch: branch = "{branch}"']
