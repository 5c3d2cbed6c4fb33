"""What may be published at all: a trusted event's tag, and nothing beside what twine refuses."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.support.codeartifact import State, codeartifact
from tests.support.inprocess import InProcess, Ran, run
from tests.support.pyprojects import pyproject
from tests.support.real import NOXFILE, edit, git, write

__all__ = ["run"]


def aws() -> Iterator[State]:
    with codeartifact() as state:
        yield state


def small(home: Path, *names: str) -> None:
    """A repository of small libraries that are published to CodeArtifact."""
    libraries = names or ("small",)
    listed = ", ".join(f'"{name}"' for name in libraries)
    files = {
        "noxfile.py": NOXFILE,
        ".gitignore": ".nox/\n__pycache__/\ndist/\nbuild/\n",
        "pyproject.toml": '[tool.uv.workspace]\nmembers = ["libs/*"]\n\n'
        f"[tool.tradai-tasks.publish]\nlibraries = [{listed}]\n"
        '\n[tool.tradai-tasks.publish.codeartifact]\ndomain = "tradai"\nrepository = "py"\n',
    }
    for name in libraries:
        files |= {
            f"libs/{name}/pyproject.toml": pyproject(
                name, version="1.0.0", more='readme = "README.md"\n'
            ),
            f"libs/{name}/README.md": f"# {name}\n",
            f"libs/{name}/src/{name}/__init__.py": "X = 1\n",
        }
    write(home, files)
    git(home, "init", "-q", "-b", "main")
    git(home, "add", "-A")
    git(home, "commit", "-qm", "Begin")


def test_in_a_workflow_run_only_a_trusted_events_tag_is_published(
    run: InProcess, aws: State, tmp_path: Path
) -> None:
    home = run.home = tmp_path / "w"
    small(home)
    commit = git(home, "rev-parse", "HEAD")
    git(home, "tag", "v1.2.0")

    def published(*args: str, **given: Any) -> Ran:
        ended = {
            "conclusion": "success",
            "event": "push",
            "head_repository": {"full_name": "acme/it"},
            "head_branch": "v1.2.0",
            "head_sha": commit,
            **given,
        }
        file = tmp_path / "event.json"
        repository = {"full_name": "acme/it", "default_branch": "main"}
        file.write_text(json.dumps({"repository": repository, "workflow_run": ended}))
        env = {"GITHUB_EVENT_NAME": "workflow_run", "GITHUB_EVENT_PATH": str(file)}
        return run("-s", "publish", "--", *args, env={**aws.env, **env})

    for given, said in (
        ({"conclusion": "failure"}, "its run did not succeed"),
        ({"event": "pull_request"}, "its run was not of a push"),
        ({"head_repository": {"full_name": "evil/it"}}, "its run was of another repository"),
        ({"head_branch": "main"}, "no release tag"),
        ({"head_sha": "0" * 40}, "the tag was moved, or the event is of a branch"),
    ):
        refused = published(**given)
        assert refused.status == 1
        assert said in refused.log
        assert "Traceback" not in refused.log
    assert "the workflow_run event is of tag v1.2.0" in published("v1.1.0").log
    assert aws.log == []
    done = published()
    assert done.status == 0, done.log
    assert aws.stored == ["small-1.0.0-py3-none-any.whl"]


def test_nothing_is_published_beside_what_twine_refuses(run: InProcess, aws: State) -> None:
    home = run.home
    small(home, "small", "other")
    write(home, {"libs/other/README.rst": "Title\n===\n\n.. nope::\n"})
    edit(home / "libs/other/pyproject.toml", "README.md", "README.rst")
    git(home, "add", "-A")
    git(home, "commit", "-qm", "A readme that does not render")
    refused = run("-s", "publish", env=aws.env)
    assert refused.status == 1
    assert "other 1.0.0: twine check --strict refuses it" in refused.log
    assert aws.count("upload") == 0
