"""Repositories whose tags CI has checked, for the session `tag`."""

from __future__ import annotations

from typing import Any

from tests.support.inprocess import InProcess, Ran
from tests.support.repos import Repo

NAME = "tradai/tradai-uv"
RULES = '\n[[tool.tradai-tasks.deploy.tags]]\nkind = "release"\nenvironment = "staging"\n'


class Hub:
    """A repository whose tags CI has checked."""

    def __init__(self, run: InProcess) -> None:
        self.run = run
        self.repo = Repo.init(run.home)
        run.files(
            {
                "pyproject.toml": f'[project]\nname = "a"\nversion = "1.0"\n{RULES}',
                "src/a/__init__.py": "",
                ".gitignore": "__pycache__/\n.nox/\n",
            }
        )
        self.repo.commit({"README.md": "A\n"})

    def tag(self, name: str) -> str:
        self.repo.git("tag", name)
        return self.repo.head

    def __call__(self, event: str, payload: Any, *args: str, **variables: str) -> Ran:
        env = self.repo.event(event, payload, **variables)
        self.outputs = self.repo.path.parent / "outputs"
        self.outputs.write_text("")
        env["GITHUB_OUTPUT"] = str(self.outputs)
        return self.run("-s", "tag", *(["--", *args] if args else []), env=env)

    def after_ci(self, branch: str, sha: str, *args: str, **given: Any) -> Ran:
        """What follows a run of CI: everything but the event's own fields says `main`."""
        head = {"head_branch": branch, "head_sha": sha}
        repository = {"full_name": NAME, "default_branch": "main"}
        ended = {"conclusion": "success", "event": "push", "head_repository": repository}
        payload = {"workflow_run": {**ended, **head, **given}, "repository": repository}
        where = {"ref": "refs/heads/main", "ref_name": "main", "repository": NAME}
        return self("workflow_run", payload, *args, **where)

    def dispatched(self, *args: str, ref: str = "refs/heads/main", **given: str) -> Ran:
        """A workflow that somebody has started by hand on a branch."""
        payload = {"repository": {"full_name": NAME, "default_branch": "main"}}
        given = {"ref": ref, "sha": self.repo.sha(ref), **given}
        return self("workflow_dispatch", payload, *args, **given)

    def handed_down(self) -> dict[str, str]:
        lines = self.outputs.read_text().splitlines()
        return dict(line.split("=", 1) for line in lines)


class Strategies(Hub):
    """A repository of strategies, whose tags CI has checked."""

    def __init__(self, run: InProcess) -> None:
        self.run = run
        self.repo = Repo.init(run.home)
        run.files({"strategies/momentum/pyproject.toml": self.project("momentum"),
                   "strategies/momentum/src/momentum/__init__.py": "",
                   ".gitignore": "__pycache__/\n.nox/\n"})  # fmt: skip
        self.repo.commit()

    @staticmethod
    def project(name: str, more: str = "") -> str:
        return f'[project]\nname = "{name}-strategy"\nversion = "1.0.0"\n{more}'


def refused(hub: Hub, tag: str, sha: str, said: str) -> None:
    ran = hub.after_ci(tag, sha)
    assert ran.status != 0
    assert said in ran.log
    assert "Traceback" not in ran.log
    assert hub.handed_down() == {}
