"""Eight kinds of repository: what `init` writes is clean, and a tag runs from push to end."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from lint_workflows import checkers
from tests.support.hub import ROLES, Hub
from tests.support.kinds import KINDS, OTHERS, Kind
from tests.support.real import git, write
from tradai_tasks.cli import main


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Each kind as a git repository, with what `init` writes committed."""
    homes = {}
    others = {name: Kind(files=files, jobs={}) for name, files in OTHERS.items()}
    for name, kind in {**KINDS, **others}.items():
        home = homes[name] = tmp_path_factory.mktemp(name)
        write(home / kind.folder, dict(kind.files))
        git(home, "init", "-q", "-b", kind.branch)
        git(home, "remote", "add", "origin", "https://github.com/acme/repository.git")
        assert main(["init", "--no-checks", "--root", str(home / kind.folder), "--yes"]) == 0
        git(home, "add", "-A")
        git(home, "commit", "-qm", "A repository")
    return homes


def files_of(home: Path) -> list[str]:
    found = sorted((home / ".github" / "workflows").iterdir())
    assert found
    return [str(file.relative_to(home)) for file in found]


def test_every_kind_is_clean_under_every_checker(made: dict[str, Path]) -> None:
    """One run of each checker for all."""
    root = next(iter(made.values())).parent
    every = [
        f"{home.relative_to(root)}/{file}" for home in made.values() for file in files_of(home)
    ]
    for argv in checkers(every):
        done = subprocess.run(argv, cwd=root, capture_output=True, text=True, check=False)
        assert done.returncode == 0, (argv[0], done.stdout + done.stderr)


@pytest.mark.parametrize("name", KINDS)
def test_a_tag_runs_from_push_to_end(name: str, made: dict[str, Path], tmp_path: Path) -> None:
    kind = KINDS[name]
    hub = hub_of(kind, made[name], tmp_path)
    git(hub.home, "tag", kind.tag)
    ci = hub.push(f"refs/tags/{kind.tag}", "0" * 40)
    assert ci.status == 0, ci.log
    assert ci.jobs["gate"] == ["success"], ci.log
    if "without" in name:
        assert "smoke" not in ci.jobs
    for workflow, every in kind.jobs.items():
        after = hub.after_ci(kind.tag, hub.main, workflow)
        assert after.status == 0, after.log
        assert after.jobs == {job: ["success"] * every.count(job) for job in every}, after.log


def hub_of(kind: Kind, home: Path, tmp_path: Path) -> Hub:
    hub = Hub(home, tmp_path / "act", "acme/repository", kind.branch)
    hub.act.variables.update(ROLES)
    hub.act.secrets.update(dict.fromkeys(kind.secrets, "stand-in"))
    return hub
