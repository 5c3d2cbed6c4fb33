"""Real git repositories for tests, apart from the user's configuration and with fixed dates."""

from __future__ import annotations

import itertools
import json
import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ZEROS = "0" * 40

_DROPPED = ("GIT_", "GITHUB_", "CI")
_seconds = itertools.count(1_700_000_000)


def git_env(**more: str) -> dict[str, str]:
    """The environment of git: no user or system configuration, a fixed identity."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(_DROPPED)}
    identity = {
        f"GIT_{role}_{what}": value
        for role in ("AUTHOR", "COMMITTER")
        for what, value in (("NAME", "Tester"), ("EMAIL", "tester@example.com"))
    }
    return {
        **kept,
        **identity,
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_TERMINAL_PROMPT": "0",
        **more,
    }


@dataclass
class Repo:
    """A git repository with a work tree."""

    path: Path
    env: dict[str, str] = field(default_factory=git_env)

    @classmethod
    def init(cls, path: Path, *, branch: str = "main", object_format: str = "sha1") -> Repo:
        path.mkdir(parents=True, exist_ok=True)
        repo = cls(path)
        repo.git(
            "init", "--quiet", f"--initial-branch={branch}", f"--object-format={object_format}"
        )
        return repo

    @property
    def url(self) -> str:
        """A URL rather than a path: only so does git take --depth in earnest."""
        return f"file://{self.path}"

    @property
    def head(self) -> str:
        return self.sha("HEAD")

    def git(self, *args: str, stdin: str | None = None) -> str:
        """Run git; its standard output, stripped."""
        date = f"{next(_seconds)} +0000"
        done = subprocess.run(
            ["git", *args],
            cwd=self.path,
            env={**self.env, "GIT_AUTHOR_DATE": date, "GIT_COMMITTER_DATE": date},
            input=stdin,
            capture_output=True,
            text=True,
            errors="surrogateescape",
            check=False,
        )
        assert done.returncode == 0, f"git {' '.join(args)}: {done.stderr}"
        return done.stdout.strip()

    def sha(self, revision: str) -> str:
        return self.git("rev-parse", "--verify", f"{revision}^{{commit}}")

    def write(self, files: Mapping[str, str | bytes | None]) -> None:
        """Write files by path from the top; None deletes one."""
        for name, content in files.items():
            file = self.path / name
            if content is None:
                file.unlink()
                continue
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content.encode() if isinstance(content, str) else content)

    def commit(
        self, files: Mapping[str, str | bytes | None] | None = None, message: str = ""
    ) -> str:
        """Write files, if any, and commit all that differs, or an empty commit."""
        self.write(files or {})
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "-m", message or "change")
        return self.head

    def switch(self, branch: str, at: str | None = None) -> None:
        """Check out a branch, a new one where `at` is given."""
        self.git("checkout", "--quiet", *(["-B", branch, at] if at else [branch]))

    def merge_ref(self, number: int, head: str, base: str) -> str:
        """Make what GitHub makes of a pull request: refs/pull/N/merge, base first."""
        self.git("checkout", "--quiet", "--detach", base)
        self.git("merge", "--quiet", "--no-ff", "-m", f"Merge {head} into {base}", head)
        merged = self.head
        self.git("update-ref", f"refs/pull/{number}/merge", merged)
        self.git("update-ref", f"refs/pull/{number}/head", self.sha(head))
        self.git("checkout", "--quiet", "-")
        return merged

    def clone(self, path: Path, *args: str) -> Repo:
        subprocess.run(
            ["git", "clone", "--quiet", *args, self.url, str(path)],
            env=self.env,
            check=True,
            capture_output=True,
        )
        return Repo(path, dict(self.env))

    def checkout_action(self, path: Path, commit: str, ref: str, *, depth: int = 1) -> Repo:
        """Clone as actions/checkout does: one commit, to one reference; depth 0 is everything."""
        clone = Repo.init(path)
        clone.git("remote", "add", "origin", self.url)
        if depth:
            short = ref.removeprefix("refs/")
            local = f"refs/remotes/{short}" if short.startswith("pull/") else None
            local = local or ref.replace("refs/heads/", "refs/remotes/origin/")
            how = ["--no-tags", f"--depth={depth}"]
            clone.git("fetch", "--quiet", *how, "origin", f"+{commit}:{local}")
        else:
            wanted = ["+refs/heads/*:refs/remotes/origin/*", "+refs/tags/*:refs/tags/*"]
            clone.git("fetch", "--quiet", "origin", *wanted, commit)
        clone.git("checkout", "--quiet", "--detach", commit)
        return clone

    def event(self, name: str, payload: Any, **variables: str) -> dict[str, str]:
        """The environment of an event, its file written beside the repository."""
        file = self.path.parent / f"{self.path.name}-event.json"
        file.write_text(json.dumps(payload), encoding="utf-8")
        given = {f"GITHUB_{key.upper()}": value for key, value in variables.items()}
        return {
            **self.env,
            "CI": "true",
            "GITHUB_EVENT_NAME": name,
            "GITHUB_EVENT_PATH": str(file),
            **given,
        }
