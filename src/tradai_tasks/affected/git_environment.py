"""The environment in which git runs, whatever the user's configuration and environment say."""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["git_environment"]

# From `git rev-parse --local-env-vars`, without those that hand in configuration.
_MISLEADING = frozenset(
    {
        "GIT_ALTERNATE_OBJECT_DIRECTORIES",
        "GIT_COMMON_DIR",
        "GIT_DIFF_OPTS",
        "GIT_DIR",
        "GIT_EXTERNAL_DIFF",
        "GIT_GLOB_PATHSPECS",
        "GIT_GRAFT_FILE",
        "GIT_ICASE_PATHSPECS",
        "GIT_IMPLICIT_WORK_TREE",
        "GIT_INDEX_FILE",
        "GIT_LITERAL_PATHSPECS",
        "GIT_NAMESPACE",
        "GIT_NOGLOB_PATHSPECS",
        "GIT_OBJECT_DIRECTORY",
        "GIT_PREFIX",
        "GIT_REPLACE_REF_BASE",
        "GIT_SHALLOW_FILE",
        "GIT_WORK_TREE",
    }
)
_CONFIG = {
    "core.fsmonitor": "false",  # a monitor that missed an event would hide a change
    "core.untrackedCache": "false",
    "core.trustCtime": "true",  # a file of the same size and time may have another content
    "core.checkStat": "default",
    "core.quotePath": "false",
    "diff.ignoreSubmodules": "none",
    "diff.renames": "false",
    "diff.relative": "false",
    "status.showUntrackedFiles": "all",
    "status.renames": "false",
    "protocol.version": "2",  # lets a commit be fetched by its id
    "fetch.recurseSubmodules": "false",
    "fetch.prune": "false",
}


def git_environment(given: Mapping[str, str]) -> dict[str, str]:
    """Return the environment for git: nothing in it points elsewhere, asks or hides a change."""
    env = {key: value for key, value in given.items() if key not in _MISLEADING}
    env |= {"GIT_TERMINAL_PROMPT": "0", "GIT_OPTIONAL_LOCKS": "0", "LC_ALL": "C"}
    # Configuration handed in by the caller's environment stays; ours comes after and wins.
    count = env.get("GIT_CONFIG_COUNT", "")
    first = int(count) if count.isascii() and count.isdigit() else 0
    for position, (key, value) in enumerate(_CONFIG.items(), start=first):
        env[f"GIT_CONFIG_KEY_{position}"] = key
        env[f"GIT_CONFIG_VALUE_{position}"] = value
    env["GIT_CONFIG_COUNT"] = str(first + len(_CONFIG))
    return env
