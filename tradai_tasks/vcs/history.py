"""What git records about commits and branches: times, parents, where a history ends."""

from __future__ import annotations

from tradai_tasks.vcs.git import Git


def commit_time(git: Git, commit: str) -> int:
    """Return when a commit was made (its committer's date), in seconds since the epoch."""
    line = next(line for line in _header(git, commit) if line.startswith("committer "))
    return int(line.rsplit(" ", 2)[1])


def parents_of(git: Git, commit: str) -> tuple[str, ...]:
    """Return a commit's recorded parents, even if they are missing from a shallow clone."""
    lines = (line.split(" ") for line in _header(git, commit))
    return tuple(line[1] for line in lines if line[0] == "parent")


def _header(git: Git, commit: str) -> list[str]:
    return git.run("cat-file", "commit", commit).text.partition("\n\n")[0].split("\n")


def is_shallow(git: Git) -> bool:
    """Return whether the clone is shallow."""
    return git.run("rev-parse", "--is-shallow-repository").text.strip() == "true"


def current_branch(git: Git) -> str | None:
    """Return the checked-out branch's name; None if HEAD is detached."""
    done = git.run("symbolic-ref", "--quiet", "--short", "HEAD", check=False)
    return done.text.strip() if done.returncode == 0 else None


def symbolic_ref(git: Git, ref: str) -> str | None:
    """Return what a symbolic reference such as `refs/remotes/origin/HEAD` points at."""
    done = git.run("symbolic-ref", "--quiet", ref, check=False)
    return done.text.strip() if done.returncode == 0 else None
