"""Run git in a controlled environment, in which the repository can execute nothing."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from tradai_tasks.process import Completed, run

# From `git rev-parse --local-env-vars`, without those that pass configuration.
_MISLEADING = frozenset(
    {
        "GIT_ALTERNATE_OBJECT_DIRECTORIES", "GIT_COMMON_DIR", "GIT_DIFF_OPTS", "GIT_DIR",
        "GIT_EXTERNAL_DIFF", "GIT_GLOB_PATHSPECS", "GIT_GRAFT_FILE", "GIT_ICASE_PATHSPECS",
        "GIT_IMPLICIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_LITERAL_PATHSPECS", "GIT_NAMESPACE",
        "GIT_NOGLOB_PATHSPECS", "GIT_OBJECT_DIRECTORY", "GIT_PREFIX", "GIT_REPLACE_REF_BASE",
        "GIT_SHALLOW_FILE", "GIT_WORK_TREE",
    }
)  # fmt: skip
_NO_HOOKS = {"core.hooksPath": os.devnull}
_CONFIG = {
    "core.fsmonitor": "false",  # runs a program, which could hide a change
    "log.showSignature": "false",  # would start gpg.program
    "protocol.ext.allow": "never",  # a URL that is a command
    "core.untrackedCache": "false",
    "core.trustCtime": "true",  # a file of the same size and time may have another content
    "core.checkStat": "default",
    "core.quotePath": "false",
    "diff.ignoreSubmodules": "none",
    "diff.renames": "false",
    "diff.relative": "false",
    "status.showUntrackedFiles": "all",
    "status.renames": "false",
    "protocol.version": "2",  # allows fetching a commit by its id
    "fetch.recurseSubmodules": "false",
    "fetch.prune": "false",
}


def git_environment(given: Mapping[str, str], *, hooks: bool = False) -> dict[str, str]:
    """Return an environment in which git uses this repository, does not prompt or hide a change.

    The configuration of `given` is kept; ours wins. `hooks` is whether the repository's hooks run,
    as for a commit that the user requests.
    """
    env = {key: value for key, value in given.items() if key not in _MISLEADING}
    env |= {"GIT_TERMINAL_PROMPT": "0", "GIT_OPTIONAL_LOCKS": "0", "LC_ALL": "C"}
    env["GIT_FLUSH"] = "0"  # else it writes the attributes of each path by themselves
    # a commit is what its id says: neither refs/replace/ nor .git/info/grafts make it another
    env |= {"GIT_NO_REPLACE_OBJECTS": "1", "GIT_GRAFT_FILE": f"{os.devnull}/none"}
    config = _CONFIG if hooks else _CONFIG | _NO_HOOKS
    count = env.get("GIT_CONFIG_COUNT", "")
    first = int(count) if count.isascii() and count.isdigit() else 0
    for position, (key, value) in enumerate(config.items(), start=first):
        env[f"GIT_CONFIG_KEY_{position}"] = key
        env[f"GIT_CONFIG_VALUE_{position}"] = value
    env["GIT_CONFIG_COUNT"] = str(first + len(config))
    if "GIT_CONFIG_PARAMETERS" in env:  # from `git -c` of a calling git, which is read last
        ours = " ".join(f"'{key}={value}'" for key, value in config.items())
        env["GIT_CONFIG_PARAMETERS"] += f" {ours}"
    return env


def run_git(
    folder: Path,
    *args: str,
    env: Mapping[str, str] | None = None,
    check: bool = True,
    stdin: bytes | None = None,
    timeout: float | None = None,
) -> Completed:
    """Run git in a folder, for at most `timeout` seconds; `env` is from `git_environment`.

    Raises:
        ToolMissingError: git is not on PATH.
        CommandFailedError: With `check`, it ended with another status than 0; or it took too long.
    """
    env = git_environment(os.environ) if env is None else env
    return run(["git", *args], cwd=folder, env=env, check=check, stdin=stdin, timeout=timeout)
