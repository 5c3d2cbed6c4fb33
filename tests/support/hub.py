"""An example on the stand-in for GitHub: what happens to it, and what workflows that starts."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.support.act import Act, Run
from tests.support.real import copy_example, edit, git, nox, write

__all__ = ["ROLES", "Hub", "prepared"]

# where the workflows look for the roles that their jobs assume
ROLES = {
    f"AWS_{purpose.upper()}_ROLE_ARN": f"arn:aws:iam::123456789012:role/{purpose}"
    for purpose in ("read", "preview", "publish", "deploy")
}
_NAMES = {"tradai-uv": "tradai/tradai-uv", "tradai-strategies": "tradai/tradai-strategies"}


def prepared(name: str, home: Path) -> Path:
    """An example whose lock files are committed, as most repositories have them."""
    copy_example(name, home)
    edit(home / ".gitignore", "uv.lock\n", "")
    git(home, "init", "-q", "-b", "main")
    git(home, "remote", "add", "origin", f"https://github.com/{_NAMES[name]}.git")
    for session in ("lock", "workflows"):
        result = nox(home, "-s", session)
        assert result.status == 0, result.text
    git(home, "add", "-A")
    git(home, "commit", "-qm", "An example")
    return home


class Hub:
    """A repository on the stand-in for GitHub, and what happens to it."""

    def __init__(self, home: Path, scratch: Path, name: str, branch: str = "main") -> None:
        self.home = home
        self.name = name
        self.branch = branch  # the default one
        self.main = git(home, "rev-parse", branch)
        self.act = Act(home=home, scratch=scratch)

    def settle(self, message: str) -> None:
        """Commit what changed on main."""
        git(self.home, "add", "-A")
        git(self.home, "commit", "-qm", message)
        self.settle_head()

    def settle_head(self) -> None:
        """Take what is checked out for main."""
        self.main = git(self.home, "rev-parse", "HEAD")

    def commit(self, branch: str, files: Mapping[str, str]) -> str:
        """Add text to files on a branch, a new one where there is none; return the commit."""
        git(self.home, "checkout", "-q", "-B", branch)
        for file, text in files.items():
            path = self.home / file
            write(self.home, {file: (path.read_text() if path.exists() else "") + text})
        git(self.home, "add", "-A")
        git(self.home, "commit", "-qm", f"A change on {branch}")
        return git(self.home, "rev-parse", "HEAD")

    def pull_request(self, change: Mapping[str, str], /, **given: Any) -> Run:
        """Open one, and run what that starts on its merge commit."""
        head = self.commit("feature", change)
        git(self.home, "checkout", "-q", "--detach", self.branch)
        git(self.home, "merge", "-q", "--no-ff", "-m", "Merge feature", "feature")
        repository = self._repository
        payload = {
            "number": 7,
            "repository": repository,
            "pull_request": {
                "number": 7,
                "base": {"ref": self.branch, "sha": self.main, "repo": repository},
                "head": {"ref": "feature", "sha": head, "repo": repository},
            },
        }
        return self.act("pull_request", payload, **{"workflow": self._ci, **given})

    @property
    def _repository(self) -> dict[str, str]:
        return {"full_name": self.name, "default_branch": self.branch}

    @property
    def ci_name(self) -> str:
        """What the workflow is called whose runs others follow."""
        return "CI" if self._ci else "Strategy CI/CD"

    @property
    def _ci(self) -> str | None:
        """The one workflow to run: act heeds neither `paths` nor `branches`."""
        return "ci.yml" if (self.home / ".github/workflows/ci.yml").exists() else None

    def after_ci(
        self,
        branch: str,
        sha: str,
        workflow: str,
        *,
        real: str = "tag",
        timeout: float = 900,
        **given: Any,
    ) -> Run:
        """Run one workflow that follows CI; `given` lies over the finished run's fields."""
        repository = self._repository
        ended = {"name": self.ci_name, "conclusion": "success", "event": "push"}
        head = {"head_branch": branch, "head_sha": sha, "head_repository": repository}
        git(self.home, "checkout", "-q", self.branch)
        payload = {
            "action": "completed",
            "workflow_run": {**ended, **head, **given},
            "repository": repository,
        }
        left = {
            "build": ["dist/tradai_strategy-1.0.0-py3-none-any.whl"],
            "release": [f"build/release/{branch}/lint.json"],
        }
        how: dict[str, Any] = {"real": real, "timeout": timeout, "files": left}
        return self.act("workflow_run", payload, workflow=workflow, **how)

    def dispatch(self, **given: Any) -> Run:
        """Start a workflow by hand on the branch that is checked out."""
        payload = {
            "ref": f"refs/heads/{git(self.home, 'branch', '--show-current')}",
            "inputs": given.pop("inputs", {}),
            "repository": self._repository,
        }
        return self.act("workflow_dispatch", payload, **given)

    def push(self, ref: str, before: str, **given: Any) -> Run:
        """Run what a push of the commit that is checked out starts."""
        after = git(self.home, "rev-parse", "HEAD")
        payload = {
            "ref": ref,
            "before": before,
            "after": after,
            "created": set(before) == {"0"},
            "deleted": False,
            "repository": self._repository,
        }
        return self.act("push", payload, **{"workflow": self._ci, **given})
