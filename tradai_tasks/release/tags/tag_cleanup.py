"""Delete a test tag in the clone and at the remote, so that its name can be used again.

Images, wheels and services of a test stay as they are until the next test.
"""

from __future__ import annotations

from dataclasses import dataclass

from tradai_tasks.errors import GitError, ReleaseRefusedError
from tradai_tasks.vcs.git import Git
from tradai_tasks.vcs.git_environment import run_git
from tradai_tasks.vcs.git_records import is_object_id
from tradai_tasks.vcs.remotes import ask_remote, remote_of
from tradai_tasks.workspace.tags import ReleaseTag


@dataclass(frozen=True, kw_only=True, slots=True)
class Tagged:
    """Places that have a tag, with the ids of the objects that it points to."""

    ref: str  # refs/tags/<name>
    here: str | None  # in the clone; None where it is not
    remote: str | None  # the remote's name; None for a clone that has none
    there: str | None  # at the remote; None where it is not

    def rows(self) -> list[tuple[str, str, str]]:
        """Return table rows: place, what it has, what will be done."""
        places = [("here", self.here)]
        places += [(self.remote, self.there)] if self.remote else []
        return [
            (where, found[:12] if found else "-", "delete" if found else "gone already")
            for where, found in places
        ]


def look_for(git: Git, tag: ReleaseTag) -> Tagged:
    """Look for a test tag in the clone and at the remote; raise ReleaseRefusedError for others.

    Raises:
        GitError: The remote cannot be asked.
    """
    if not tag.is_test:
        raise ReleaseRefusedError(
            f"tag {tag}: --cleanup deletes test tags alone, such as v0.0.0-test; what is released "
            f"keeps its tag"
        )
    ref = f"refs/tags/{tag}"
    argv = ["show-ref", "--verify", "--quiet", "--hash", ref]
    known = git.run(*argv, check=False).returncode == 0
    argv = ["rev-parse", "--verify", "--quiet", ref]
    here = run_git(git.folder, *argv, env=git.env).text.strip() if known else None
    remote = remote_of(git)
    return Tagged(ref=ref, here=here, remote=remote, there=remote and _remote_id(git, remote, ref))


def _remote_id(git: Git, remote: str, ref: str) -> str | None:
    asked = ask_remote(git, "ls-remote", "--quiet", "--", remote, ref)
    if isinstance(asked, str):
        raise GitError(f"{ref}: remote {remote} cannot be asked: {asked}")
    for line in asked.text.splitlines():
        found, _, name = line.partition("\t")
        if name == ref and is_object_id(found):
            return found
    return None


def remove_at_remote(git: Git, tagged: Tagged) -> None:
    """Delete the tag at the remote; raise GitError if it has been moved since `look_for`."""
    lease = f"--force-with-lease={tagged.ref}:{tagged.there}"
    done = ask_remote(git, "push", "--quiet", lease, str(tagged.remote), f":{tagged.ref}")
    if isinstance(done, str):
        raise GitError(
            f"{tagged.ref}: remote {tagged.remote} did not delete it: {done}; fix that and run "
            f"the same again"
        )


def remove_here(git: Git, tagged: Tagged) -> None:
    """Delete the tag in the clone; raise GitError if it has been moved since `look_for`."""
    done = git.run("update-ref", "-d", tagged.ref, str(tagged.here), check=False)
    if done.returncode != 0:
        raise GitError(f"{tagged.ref}: not deleted: {done.last_error}; run the same again")
