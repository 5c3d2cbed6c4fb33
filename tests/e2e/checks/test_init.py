"""`uvx tradai-tasks init` on a workspace that knows nothing of the library."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import sysconfig
import tomllib
from pathlib import Path

import pytest
from nox.virtualenv import UV

from tests.support.act import clone_of
from tests.support.kinds import KINDS
from tests.support.real import REPOSITORY, clean_env, copy_example, edit, git, need, nox, write
from tradai_tasks.cli import main
from tradai_tasks.errors import SettingsError
from tradai_tasks.extras import carries_pins
from tradai_tasks.sessions.core.registry.catalog import CATALOG
from tradai_tasks.settings.table import RepositoryKind
from tradai_tasks.workflows.adoption.scaffold import justfile
from tradai_tasks.workflows.checkout import look
from tradai_tasks.workflows.repository_traits import RepositoryTraits

_MADE = ("noxfile.py", "justfile")
# the guide's, where a repository of that kind has any use for it
_RECIPES = ["check", "lint", "typecheck", "test", "fmt", "ci", "bump"]


def run(home: Path, *argv: str, status: int = 0, **env: str) -> str:
    done = subprocess.run(
        argv,
        cwd=home,
        env=clean_env(**env),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    assert done.returncode == status, done.stdout + done.stderr
    return done.stdout + done.stderr


def init(home: Path, *options: str, status: int = 0) -> str:
    uvx = [UV, "tool", "run", "--from", str(REPOSITORY)]
    return run(home, *uvx, "tradai-tasks", "init", "--no-checks", *options, status=status)


def just(home: Path, *args: str, status: int = 0) -> str:
    program = Path(sysconfig.get_path("scripts")) / "just"
    need(program.exists(), "just (PyPI rust-just)")
    nox_here = f"{sys.executable} -m nox"
    return run(home, str(program), *args, status=status, NOX=nox_here)


def test_from_nothing_to_checks_that_run(tmp_path: Path) -> None:
    home = copy_example("tradai-uv", tmp_path / "tradai-uv")
    for name in _MADE:
        (home / name).unlink()
    shutil.rmtree(home / ".github")
    git(home, "init", "-q", "-b", "main")
    git(home, "add", "-A")
    git(home, "commit", "-qm", "Before")
    refused = init(home, status=1)
    assert "+++ b/noxfile.py" in refused
    assert "nothing was written; there is nobody to ask, so say: --yes" in refused
    assert git(home, "status", "--short") == ""
    assert "wrote 15 files" in init(home, "--yes")
    changed = git(home, "status", "--short", "--untracked-files=all").splitlines()
    assert {line[2:].strip() for line in changed} == {
        "noxfile.py", "justfile",
        ".github/workflows/_lint.yml",
        ".github/workflows/ci.yml",
        ".github/workflows/deploy-infra.yml",
        ".github/workflows/deploy-lambdas.yml",
        ".github/workflows/devcontainer-ci.yml",
        ".github/workflows/devcontainer-prebuild.yml",
        ".github/workflows/docker-build.yml",
        ".github/workflows/docs-freshness.yml",
        ".github/workflows/docs.yml",
        ".github/workflows/publish-libs.yml",
        "lambdas/candle-gaps/.dockerignore",
        "lambdas/heartbeat/.dockerignore",
        "lambdas/order-alerts/.dockerignore",
    }  # fmt: skip
    assert "nothing to write" in init(home, "--yes")
    # the noxfile's pins are what this very environment holds, so no index is asked
    listed = nox(home, "-l")
    assert listed.status == 0, listed.text
    assert "test(backend)" in listed.out
    recipes = just(home, "--list")
    for recipe in _RECIPES:
        assert re.search(rf"^    {recipe}\b.* # \S", recipes, re.MULTILINE), recipes
    just(home, "lock")
    assert "Session test(tradai-strategy) was successful" in just(home, "test", "tradai-strategy")
    assert "Session workflows was successful" in just(home, "workflows")


def test_a_workspace_with_files_of_its_own(tmp_path: Path) -> None:
    home = write(
        tmp_path / "mine",
        {
            "pyproject.toml": '[project]\nname = "mine"\nversion = "1.0"\n',
            "noxfile.py": "import nox\n",
            ".github/workflows/ci.yml": "name: Mine\n",
        },
    )
    said = init(home, "--yes")
    assert "noxfile.py: there already, and left as it is; add to it: import tradai_tasks" in said
    assert ".github/workflows/ci.yml: there already, and left as it is" in said
    assert (home / "noxfile.py").read_text() == "import nox\n"
    assert (home / ".github/workflows/ci.yml").read_text() == "name: Mine\n"


def test_below_the_top_with_workflows_of_the_user_and_another_branch(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    top = tmp_path / "repository"
    kind = KINDS["libraries"]
    own = "name: Own\non:\n  push:\n    branches: [trunk]\n"
    write(top, {".github/workflows/ci.yaml": own})
    home = write(top / "py", dict(kind.files))
    git(top, "init", "-q", "-b", "trunk")
    assert main(["init", "--no-checks", "--root", str(home), "--yes"]) == 0
    said = capsys.readouterr().out
    assert "  .github/workflows/ci.yaml: there already, and left as it is; yours stays" in said
    assert "for releases: .github/workflows/ci.yaml: releases follow it, and it runs for" in said
    assert "  py/.gitignore: new (5 lines)\n" in said
    made = sorted(path.name for path in (top / ".github/workflows").iterdir())
    assert made == ["ci.yaml", "publish-libs.yml"]  # neither doubled nor an orphan
    settings = tomllib.loads((home / "pyproject.toml").read_text())
    wanted = {"branch": "trunk", "exclude": ["ci.yml"]}
    assert settings["tool"]["tradai-tasks"]["workflows"] == wanted
    git(top, "add", "-A")
    git(top, "commit", "-qm", "Init")
    checked = nox(home, "-s", "workflows", "--", "--check")
    assert checked.status == 0, checked.text
    doctor = nox(home, "-s", "doctor", "--", "--only", "tags")
    assert "it runs for no tag" in " ".join(doctor.text.split())  # as narrow as the terminal
    forced = clone_of(top, tmp_path / "forced")
    (forced / ".github/workflows/ci.yaml").rename(forced / ".github/workflows/ci.yml")
    edit(forced / "py/pyproject.toml", '\nexclude = ["ci.yml"]\n', "\n")
    assert main(["init", "--no-checks", "--root", str(forced / "py"), "--yes", "--force"]) == 0
    capsys.readouterr()
    assert nox(forced / "py", "-s", "workflows", "--", "--check").status == 0
    # without the setting, the remedy is the setting
    edit(home / "pyproject.toml", 'exclude = ["ci.yml"]', "")
    for options in ((), ("--", "--check")):
        red = nox(home, "-s", "workflows", *options)
        assert red.status != 0
        assert 'workflows.exclude = ["ci.yml"]' in red.log
    again = main(["init", "--no-checks", "--root", str(home), "--yes"])
    assert again == 0
    assert 'set in its table `workflows`: exclude = ["ci.yml"]' in capsys.readouterr().out


def test_a_repository_that_ignores_the_folder_is_not_its_own(tmp_path: Path) -> None:
    home = write(tmp_path / "work", {"pyproject.toml": '[project]\nname = "mine"\n'})
    git(tmp_path, "init", "-q", "-b", "main")
    assert look(home, {}).folder == "work/"
    write(tmp_path, {".gitignore": "*\n"})
    found = look(home, {})
    assert (found.folder, found.top) == ("", home)
    write(tmp_path, {".gitignore": ""})
    odd = write(tmp_path / "a: b", {"pyproject.toml": ""})
    with pytest.raises(SettingsError, match="workflow files cannot name such a folder; rename it"):
        look(odd, {})


_EVERY = frozenset(
    [
        "backtest-data",
        "backtest-full",
        "backtest-smoke",
        "codeartifact-login",
        "docs",
        "doctor",
        "mlflow-register",
        "release",
    ]
) | {entry.name for entry in CATALOG}


def test_the_recipes_of_both_kinds(tmp_path: Path) -> None:
    both = "codeartifact-login release doctor"
    kinds: dict[RepositoryKind, str] = {
        "platform": both,
        "strategies": f"backtest-smoke backtest-full mlflow-register {both}",
    }
    for kind, more in kinds.items():
        home = write(
            tmp_path / kind, {"justfile": justfile(RepositoryTraits(kind=kind, sessions=_EVERY))}
        )
        recipes = just(home, "--list")
        for recipe in [*_RECIPES, *more.split()]:
            assert re.search(rf"^    {recipe}\b.* # \S", recipes, re.MULTILINE), (kind, recipe)
    shown = just(home, "-n", "mlflow-register", "momentum", "momentum-v1.0.0")
    assert "-s mlflow-register -- 'momentum-v1.0.0'" in shown
    fault = just(home, "-n", "mlflow-register", "momentum", "other-v1.0.0", status=1)
    assert "other-v1.0.0 is no tag of momentum" in fault
    shown = just(home, "-n", "release", "x; rm -rf /")
    assert "-s release -- 'x; rm -rf /'" in shown


def test_the_justfiles_of_the_examples(tmp_path: Path) -> None:
    kinds: dict[str, RepositoryKind] = {"tradai-uv": "platform", "tradai-strategies": "strategies"}
    for name, kind in kinds.items():
        home = copy_example(name, tmp_path / name)
        pinned = carries_pins((home / "noxfile.py").read_text())
        written = justfile(RepositoryTraits(kind=kind, sessions=_EVERY, pinned_noxfile=pinned))
        assert (home / "justfile").read_text() == written
        recipes = just(home, "--list")
        for recipe in _RECIPES:
            assert re.search(rf"^    {recipe}\b.* # \S", recipes, re.MULTILINE), (name, recipe)
