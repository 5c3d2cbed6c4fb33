"""Run git commands in a repository, with errors that say what is wrong.

The user's configuration and environment can change what git prints. So each call names what it
wants by flags, and variables that point git elsewhere are dropped.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path

import msgspec

from tradai_tasks.errors import GitError
from tradai_tasks.process import Completed
from tradai_tasks.vcs.git_environment import run_git

# What git says of objects or an index that are not whole.
_DAMAGED = re.compile(
    r"bad (?:index|object|signature|tree)|corrupt|index file|(?:loose|missing) \w+ \w+|"
    r"unable to read|unable to (?:unpack|parse)|could not (?:read|parse)"
)


class GitCommand(msgspec.Struct, frozen=True, kw_only=True):
    """The git command in one repository."""

    folder: Path  # the workspace root
    top: Path  # the top of the work tree
    env: Mapping[str, str]

    def __repr__(self) -> str:
        """Return it without the environment, which may hold secrets."""
        return f"{type(self).__name__}(folder={self.folder!r})"

    def run(self, *args: str, check: bool = True, stdin: bytes | None = None) -> Completed:
        """Run a git command in the folder; paths among the arguments are taken literally.

        Raises:
            GitError: It fails, and `check` is on.
        """
        argv = ["--literal-pathspecs", *args]
        done = run_git(self.folder, *argv, env=self.env, check=False, stdin=stdin)
        return self.checked(done, args) if check else done

    def checked(self, done: Completed, args: Iterable[str]) -> Completed:
        """Return a finished command; raise GitError if its exit status is not 0."""
        if done.returncode == 0:
            return done
        if _DAMAGED.search(done.error_text):
            said = done.last_error.removeprefix("fatal: ").rstrip(".")
            raise GitError(
                f"{self.top}: git cannot read this clone, which is incomplete or damaged ({said}); "
                f"see git fsck, or clone it again"
            )
        command = " ".join(list(args)[:3])
        raise GitError(f"git {command}: exit status {done.returncode}: {done.last_error}")

    def config(self, key: str) -> str | None:
        """Return a configured value."""
        done = self.run("config", "--get", key, check=False)
        return done.text.removesuffix("\n") if done.returncode == 0 else None
