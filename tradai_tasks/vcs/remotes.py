"""Ask a git remote for branches and commits, without prompting for a password."""

from __future__ import annotations

import re
from collections.abc import Iterable

from tradai_tasks.errors import CommandFailedError
from tradai_tasks.process import Completed
from tradai_tasks.vcs.git_command import GitCommand
from tradai_tasks.vcs.git_environment import run_git
from tradai_tasks.vcs.git_records import is_object_id

_FETCH_SECONDS = 300.0
# What git, ssh and curl print when a remote cannot be used, and what it means.
_FAULTS = (
    ("not our ref|unadvertised object|find remote ref", "it has no such commit"),
    (r"not appear to be a git repository|\bnot found", "there is no repository at its address"),
    ("Could not resolve host", "its host has no address here"),
    ("onnection refused|onnect to|timed out|unreachable", "it does not answer"),
    ("transport '.*' not allowed", "git's settings do not allow its protocol"),
    (r"ermission denied|uthentication failed|could not read \w+ for|error: 40[13]|Host key verif",
     "it refuses access; sign git in to it"),
)  # fmt: skip


def remote_of(git: GitCommand) -> str | None:
    """Return the remote to use: `origin`, else the only one."""
    names = git.run("remote").text.split()
    if "origin" in names:
        return "origin"
    return names[0] if len(names) == 1 else None


def remote_tip(git: GitCommand, remote: str, branch: str) -> str | None:
    """Ask a remote for a branch's commit; None if it does not answer."""
    ref = f"refs/heads/{branch}"
    done = ask_remote(git, "ls-remote", "--quiet", "--", remote, ref)
    for line in done.text.splitlines() if isinstance(done, Completed) else ():
        commit, _, name = line.partition("\t")
        if name == ref and is_object_id(commit):
            return commit
    return None


def fetch_commits(git: GitCommand, remote: str, commits: Iterable[str], *how: str) -> str | None:
    """Fetch commits by full id, without changing references; return why it failed.

    `how` is `--deepen=N`, `--depth=1` or `--unshallow`, in a shallow clone only; `--filter=...` in
    a partial one.
    """
    argv = ["fetch", "--quiet", "--no-tags", "--no-recurse-submodules", "--no-prune"]
    argv += ["--no-write-fetch-head", "--no-auto-maintenance", "--refmap=", *how, "--", remote]
    done = ask_remote(git, *argv, *commits)
    return None if isinstance(done, Completed) else done


def ask_remote(git: GitCommand, *args: str) -> Completed | str:
    """Run a command that contacts a remote; return a failure as one line."""
    env = dict(git.env)
    if not {"GIT_SSH", "GIT_SSH_COMMAND"} & set(env) and git.config("core.sshCommand") is None:
        env["GIT_SSH_COMMAND"] = "ssh -o BatchMode=yes"  # ssh must not prompt for a password either
    try:
        done = run_git(git.folder, *args, env=env, check=False, timeout=_FETCH_SECONDS)
    except CommandFailedError as slow:
        return str(slow)
    return done if done.returncode == 0 else _fault(done)


def _fault(done: Completed) -> str:
    """Return why a remote could not be used, in a few words."""
    for pattern, meaning in _FAULTS:
        if re.search(pattern, done.error_text):
            return meaning
    return f"git says: {done.last_error}"
