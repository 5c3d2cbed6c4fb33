"""`init`: what it would write, what it leaves alone, and that it asks."""

from __future__ import annotations

import builtins
import re
import runpy
import sys
import tomllib
from pathlib import Path

import pytest

from tests.support.project import DictTree, checkout_of, found, project, pyproject
from tradai_tasks import cli
from tradai_tasks.errors import SettingsError
from tradai_tasks.extras import carries_pins
from tradai_tasks.settings.load import load_settings
from tradai_tasks.workflows.adoption.scaffold import Piece, justfile, pieces
from tradai_tasks.workflows.checkout import Checkout, present
from tradai_tasks.workflows.drift import diff_of
from tradai_tasks.workflows.repository_traits import RepositoryTraits

SESSIONS = ["changes", "lint", "typecheck", "test", "security", "gate", "lock", "workflows", "bump"]
VERSIONS = {"nox": "2026.1", "tradai-tasks": "0.1"}
PLATFORM = {
    "pyproject.toml": '[tool.uv.workspace] # mine\nmembers = ["libs/*"]',
    "libs/a/pyproject.toml": pyproject("a"),
}
STRATEGIES = {"strategies/fast/pyproject.toml": pyproject("fast")}


def made(files: dict[str, str]) -> dict[str, Piece]:
    tree = DictTree(files)
    every = pieces(
        tree,
        found(tree),
        load_settings(tree).settings,
        sessions=SESSIONS,
        locks=(),
        versions=VERSIONS,
        checkout=checkout_of(tree),
    )
    return {piece.path: piece for piece in every}


def test_a_platform() -> None:
    by_path = made(PLATFORM)
    assert list(by_path) == [
        "noxfile.py",
        "pyproject.toml",
        "justfile",
        ".github/workflows/ci.yml",
        ".github/workflows/_lint.yml",
    ]
    noxfile = by_path["noxfile.py"]
    assert noxfile.state == "new"
    assert '"nox[uv]==2026.1", "tradai-tasks[release]==0.1"' in noxfile.new
    assert carries_pins(noxfile.new)
    compile(noxfile.new, "noxfile.py", "exec")
    assert by_path["pyproject.toml"].state == "added to"
    # what was there stays, comments and all
    assert by_path["pyproject.toml"].new == (
        f'{PLATFORM["pyproject.toml"]}\n\n[tool.tradai-tasks]\nkind = "platform"\n'
    )
    assert "run: uvx nox -s gate" in by_path[".github/workflows/ci.yml"].new


def test_strategies() -> None:
    by_path = made(STRATEGIES)
    assert tomllib.loads(by_path["tradai-tasks.toml"].new) == {"kind": "strategies"}
    assert "tradai-tasks[backtest,release]==0.1" in by_path["noxfile.py"].new
    assert ".github/workflows/strategy-ci.yml" in by_path


def test_each_folder_that_images_are_built_from_gets_an_ignore_file_unless_it_has_one() -> None:
    files = {
        **PLATFORM,
        "services/web/Dockerfile": "FROM x\n",
        "lambdas/beat/Dockerfile": "FROM x\n",
        "lambdas/gaps/Dockerfile": "FROM x\n",
        "lambdas/gaps/.dockerignore": "mine\n",
    }
    made_of = {path: one for path, one in made(files).items() if path.endswith(".dockerignore")}
    assert sorted(made_of) == [".dockerignore", "lambdas/beat/.dockerignore"]
    for piece in made_of.values():
        assert piece.state == "new"
        assert {"**/.git", "**/.env", "**/.nox", "**/__pycache__"} <= set(piece.new.splitlines())
    assert not [path for path in made(PLATFORM) if "dockerignore" in path]


def test_a_project_that_declares_the_library_needs_no_pins_in_its_noxfile() -> None:
    group = '\n[dependency-groups]\ndev = [{include-group = "x"}, "Tradai_Tasks[release]>=0.1"]\n'
    by_path = made({**PLATFORM, "pyproject.toml": PLATFORM["pyproject.toml"] + group})
    assert not carries_pins(by_path["noxfile.py"].new)
    assert "run: uv run nox -s gate" in by_path[".github/workflows/ci.yml"].new


def test_what_was_written_is_not_written_again() -> None:
    files = dict(PLATFORM)
    for path, piece in made(files).items():
        files[path] = piece.new
    again = made(files)
    assert {piece.state for piece in again.values()} == {"same"}
    assert diff_of(again.values()) == ""


def test_files_of_the_users_are_kept() -> None:
    mine = {
        "noxfile.py": "import nox\n",
        "justfile": "mine:\n",
        ".github/workflows/ci.yml": "name: Mine\n",
        "pyproject.toml": f"{PLATFORM['pyproject.toml']}\n[tool.tradai-tasks]\n",
    }
    by_path = made({**PLATFORM, **mine})
    kept = {path for path, piece in by_path.items() if piece.state == "kept"}
    assert kept == set(mine) - {"pyproject.toml"}
    # what is not written would be missing to the check of workflows, and what it calls an orphan
    assert by_path["pyproject.toml"].new == (
        f'{mine["pyproject.toml"]}\n[tool.tradai-tasks.workflows]\nexclude = ["ci.yml"]\n'
    )
    assert ".github/workflows/_lint.yml" not in by_path
    hint = by_path["noxfile.py"].hint
    adding = "add to it: import tradai_tasks; tradai_tasks.register()"
    declaring = 'add the library to the project: uv add --dev "tradai-tasks[release]"'
    assert hint == f"{adding}; {declaring}"
    group = "\n[dependency-groups]\nx = ['tradai-tasks']\n"
    for declared in (
        {"pyproject.toml": f"{mine['pyproject.toml']}{group}"},
        {"noxfile.py": '# /// script\n# dependencies = ["tradai-tasks==1"]\n# ///\nimport nox\n'},
    ):
        assert made({**PLATFORM, **mine, **declared})["noxfile.py"].hint == adding


def test_settings_of_strategies_are_kept() -> None:
    assert "tradai-tasks.toml" not in made({**STRATEGIES, "tradai-tasks.toml": "# mine\n"})


def test_a_noxfile_that_registers_is_left_as_it_is() -> None:
    by_path = made({**PLATFORM, "noxfile.py": "import tradai_tasks\ntradai_tasks.register()\n"})
    assert by_path["noxfile.py"].state == "same"


def test_settings_have_the_line_ends_of_the_file() -> None:
    text = '[project]\r\nname = "a"\r\nversion = "1"\r\n'
    new = made({"pyproject.toml": text})["pyproject.toml"].new
    assert new == f'{text}\r\n[tool.tradai-tasks]\r\nkind = "platform"\r\n'


def test_a_table_in_one_line_cannot_be_added_to() -> None:
    text = 'tool = {}\n[project]\nname = "a"\nversion = "1"\n'
    with pytest.raises(SettingsError, match=r"^pyproject\.toml: .*nothing was written") as caught:
        made({"pyproject.toml": text})
    assert str(caught.value) == (
        "pyproject.toml: [tool.tradai-tasks] cannot be added, since `tool` is a table in one line; "
        "write its entries as [tool.NAME]; nothing was written"
    )


@pytest.mark.parametrize("kind", ["platform", "strategies"])
def test_a_recipe_comes_with_its_session(kind: str) -> None:
    some = justfile(RepositoryTraits(kind=kind, sessions=frozenset(SESSIONS)))  # type: ignore[arg-type]  # of the parameters
    every = justfile(
        RepositoryTraits(kind=kind, sessions=frozenset([*SESSIONS, "release", "doctor"]))  # type: ignore[arg-type]  # as above
    )
    assert "release tag" not in some
    assert "\nrelease tag *options:\n" in every
    assert "\ndoctor *options:\n" in every


class Repo:
    """A repository on disk, and the command line on it."""

    def __init__(self, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.home = project(home, PLATFORM)
        self.monkeypatch = monkeypatch
        monkeypatch.setattr(cli, "committed_locks", lambda *_, **_given: ())
        monkeypatch.setattr(cli, "look", lambda root, _: Checkout(top=root, files=present(root)))
        monkeypatch.chdir(home)

    def init(self, *args: str, answer: str | None = None) -> int:
        tty = answer is not None
        self.monkeypatch.setattr(sys.stdin, "isatty", lambda: tty, raising=False)
        self.monkeypatch.setattr(builtins, "input", lambda _: answer)
        return cli.main(["init", "--no-checks", *args])

    def written(self) -> bool:
        return (self.home / "noxfile.py").exists()


@pytest.fixture
def repo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Repo:
    return Repo(tmp_path, monkeypatch)


def test_it_shows_asks_and_writes(repo: Repo, capsys: pytest.CaptureFixture[str]) -> None:
    assert repo.init(answer="y") == 0
    out = capsys.readouterr().out
    assert "+++ b/noxfile.py\n" in out
    assert "--- a/pyproject.toml\n" in out
    assert "a platform repository, 1 package\n" in out
    assert "  pyproject.toml: added to (3 lines)\n" in out
    assert "wrote 5 files; see what there is now with: uvx nox -l\n" in out
    assert (
        "no lock file is there yet; make it, and have CI use it: uvx nox -s lock workflows" in out
    )
    assert repo.written()
    assert repo.init() == 0
    assert "nothing to write" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("files", "command", "in_ci"),
    [
        ({}, "uvx nox", "uvx nox"),
        (
            {"pyproject.toml": "[dependency-groups]\nci = ['tradai-tasks']\n"},
            "uv run --group ci nox",
            "uv run --locked --group ci nox",
        ),
        (
            {"pyproject.toml": "[dependency-groups]\ndev = ['tradai-tasks']\n"},
            "uv run nox",
            "uv run --locked nox",
        ),
        (
            {"noxfile.py": "import nox\n"},
            'uvx --with "tradai-tasks[release]" nox',
            "uv run --locked nox",
        ),
    ],
)
def test_it_ends_with_the_command_that_works_here(
    repo: Repo, capsys: pytest.CaptureFixture[str], files: dict[str, str], command: str, in_ci: str
) -> None:
    root = PLATFORM["pyproject.toml"]
    more = files.get("pyproject.toml", "")
    project(repo.home, {**files, "pyproject.toml": f"{root}\n{more}", "uv.lock": ""})
    repo.monkeypatch.setattr(cli, "committed_locks", lambda *_, **_given: ("uv.lock",))
    assert repo.init("--yes") == 0
    out = capsys.readouterr().out
    assert out.endswith(f"; see what there is now with: {command} -l\n")
    jobs = (repo.home / ".github/workflows/ci.yml").read_text()
    calls = set(re.findall(r"run: (.*nox)\b", jobs))
    assert calls == {in_ci}
    assert f'nox := env("NOX", "{in_ci}")' in (repo.home / "justfile").read_text()


@pytest.mark.parametrize("option", [["--version"], ["--help"]])
def test_what_ends_well(option: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        cli.main(option)
    assert not stopped.value.code
    assert "tradai-tasks" in capsys.readouterr().out


@pytest.mark.parametrize("argv", [[], ["nope"], ["init", "--nope"], ["init", "--root"]])
def test_bad_arguments_are_one_line(argv: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(argv) == 2
    said = capsys.readouterr().err
    assert said.startswith("tradai-tasks: ")
    assert said.endswith("--help\n")
    assert said.count("\n") == 1


@pytest.mark.parametrize("answer", ["n", "", "what"])
def test_no_is_no(repo: Repo, answer: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert repo.init(answer=answer) == 1
    assert capsys.readouterr().err == "tradai-tasks: init: nothing was written, as you chose\n"
    assert not repo.written()


def test_with_nobody_to_ask(repo: Repo, capsys: pytest.CaptureFixture[str]) -> None:
    assert repo.init() == 1
    assert "nothing was written; there is nobody to ask, so say: --yes" in capsys.readouterr().err
    assert not repo.written()
    assert repo.init("--yes") == 0
    assert repo.written()


def test_a_dry_run(repo: Repo, capsys: pytest.CaptureFixture[str]) -> None:
    assert repo.init("--dry-run") == 0
    assert "nothing was written: this is a dry run" in capsys.readouterr().out
    assert not repo.written()


def test_only_force_overwrites(repo: Repo, capsys: pytest.CaptureFixture[str]) -> None:
    project(repo.home, {"justfile": "mine:\n"})
    assert repo.init("--yes") == 0
    out = capsys.readouterr().out
    assert "  justfile: there already, and left as it is; overwrite it with: --force\n" in out
    assert (repo.home / "justfile").read_text() == "mine:\n"
    assert repo.init("--yes", "--force") == 0
    out = capsys.readouterr().out
    assert "-mine:\n" in out
    assert "  justfile: overwritten (" in out
    assert (repo.home / "justfile").read_text() != "mine:\n"


def test_a_folder_that_is_no_workspace(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert cli.main(["init", "--yes"]) == 2
    err = capsys.readouterr().err
    assert err.startswith("tradai-tasks: this folder: no project found; add")
    assert cli.main(["init", "--root", "nope"]) == 2
    assert "nope: no such folder" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_as_a_module(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "argv", ["tradai-tasks"])
    with pytest.raises(SystemExit) as stopped:
        runpy.run_module("tradai_tasks", run_name="__main__")
    assert stopped.value.code == 2
    said = capsys.readouterr().err
    assert said.startswith("tradai-tasks: the following arguments are required: COMMAND; see: ")
    assert said.count("\n") == 1


@pytest.mark.parametrize("path", [".github", ".github/workflows", ".github/workflows/ci.yml"])
@pytest.mark.parametrize("link", [False, True])
def test_what_is_in_the_way_of_a_file_is_named_before_anything_is_written(
    repo: Repo, path: str, link: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    way = repo.home / path
    way.parent.mkdir(parents=True, exist_ok=True)
    if link:
        way.symlink_to(repo.home / "nowhere")
    elif path.endswith(".yml"):
        way.mkdir()
    else:
        way.write_text("mine\n")
    what = "file" if path.endswith(".yml") else "folder"
    assert repo.init("--yes", "--force") == 1
    err = capsys.readouterr().err
    assert err == (
        f"tradai-tasks: {path}: there, and no {what}; nothing was written; move it away first\n"
    )
    assert not repo.written()
    assert way.is_symlink() == link


def test_a_disk_that_refuses_is_reported_without_a_traceback(
    repo: Repo, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("tradai_tasks.workflows.file_writer.write_whole", refuse)
    assert repo.init("--yes") == 1
    assert capsys.readouterr().err == (
        "tradai-tasks: noxfile.py: cannot be written: Permission denied; "
        "fix that and run it again\n"
    )
