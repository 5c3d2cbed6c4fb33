"""What the choice of workflows and of the nox command depends on."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.support.project import DictTree, found, pyproject
from tradai_tasks import process
from tradai_tasks.errors import CommandFailedError
from tradai_tasks.extras import carries_pins
from tradai_tasks.repository import read_repository
from tradai_tasks.sessions.core.registry.catalog import fitting_names
from tradai_tasks.settings.load import load_settings
from tradai_tasks.settings.model import Settings
from tradai_tasks.settings.workflows import WorkflowsSettings
from tradai_tasks.workflows import repository_traits as module
from tradai_tasks.workflows.drift import Change, diff_of, plan
from tradai_tasks.workflows.render import Values, header_of, is_ours, render
from tradai_tasks.workflows.repository_traits import RepositoryTraits, committed_locks, gather
from tradai_tasks.workflows.rights.required_secrets import RequiredSecret, needed
from tradai_tasks.workflows.selection import nox_command, values_for, workflows

HEADER = header_of()
PINNED = (
    '# /// script\n# dependencies = ["nox", "Tradai_Tasks[release]==0.1.0"]\n# ///\n'
    "import tradai_tasks\n"
)
SESSIONS = frozenset({"changes", "lint", "typecheck", "test", "security", "gate", "lock"})


@pytest.mark.parametrize(
    ("noxfile", "carries"),
    [
        (PINNED, True),
        ("import tradai_tasks\n", False),
        ('# /// script\n# dependencies = ["nox"]\n# ///\n', False),
        ('# /// script\n# requires-python = ">=3.11"\n# ///\n', False),
        ('# /// script\n# dependencies = ["tradai-tasks"\n# ///\n', False),
        ('# /// script\n# dependencies = ["tradai-tasks ="]\n# ///\n', False),
        ('# /// script\n#\n# dependencies = ["tradai-tasks"]\n# ///\n', True),
    ],
)
def test_a_noxfile_that_carries_its_own_pins(noxfile: str, carries: bool) -> None:
    assert carries_pins(noxfile) is carries


def repository(**given: object) -> RepositoryTraits:
    return RepositoryTraits(**{"kind": "platform", "sessions": SESSIONS, **given})  # type: ignore[arg-type]  # any field


@pytest.mark.parametrize(
    ("given", "command", "before"),
    [
        ({"locked": True}, "uv run --locked nox", ""),
        ({}, "uv run nox", ""),  # uv makes the lock
        ({"one_lock": False}, "uv run nox", "lock"),
        ({"pinned_noxfile": True}, "uvx nox", "lock"),
        ({"pinned_noxfile": True, "locked": True}, "uvx nox", ""),
        ({"one_lock": False, "sessions": SESSIONS - {"lock"}}, "uv run nox", ""),
        ({"locked": True, "private_index": True}, "uv run --locked nox", ""),
        (
            {"locked": True, "run_options": ("--group", "ci")},
            "uv run --locked --group ci nox",
            "",
        ),
        ({"pinned_noxfile": True, "locked": True, "run_options": ("--group", "ci")}, "uvx nox", ""),
        (
            {"private_index": True, "sessions": SESSIONS | {"codeartifact-login"}, "locked": True},
            "uv run --locked nox",
            "",  # it has steps of its own
        ),
    ],
)
def test_how_nox_is_called_and_what_runs_before(
    given: dict[str, object], command: str, before: str
) -> None:
    one = repository(**given)
    assert nox_command(one) == command
    assert values_for(one, WorkflowsSettings()).text["before"] == before


def test_a_setting_says_what_runs_before() -> None:
    one = repository(pinned_noxfile=True)
    assert values_for(one, WorkflowsSettings(before=())).text["before"] == ""
    assert values_for(one, WorkflowsSettings(before=("a", "b"))).text["before"] == "a,b"


def gathered(files: dict[str, str], locks: tuple[str, ...] = ()) -> RepositoryTraits:
    tree = DictTree(files)
    settings = load_settings(tree).settings
    named = ["test-3.11(a)", "test-3.12(a)", "lint", "backtest-smoke(x)"]
    fitting = {"perf", "contract", "integration"} & fitting_names(read_repository(Path("/"), tree))
    return gather(
        tree,
        found(tree),
        settings,
        sessions=[*named, *fitting],
        noxfile="",
        locks=locks,
    )


def test_what_is_gathered_of_a_bare_project() -> None:
    one = gathered({"pyproject.toml": pyproject("a")})
    assert one == RepositoryTraits(
        kind="platform",
        sessions=frozenset({"test", "lint", "backtest-smoke"}),
        environments=("release",),  # nothing is deployed
        cached_results=True,
    )


def test_where_the_library_is_declared_is_gathered() -> None:
    group = '[dependency-groups]\nci = ["tradai-tasks>=0.1"]\n'
    one = gathered({"pyproject.toml": pyproject("a", group)})
    assert nox_command(one) == "uv run --group ci nox"


def test_what_is_gathered_of_a_platform() -> None:
    one = gathered(
        {
            "pyproject.toml": '[tool.uv.workspace]\nmembers = ["libs/*"]\n',
            "libs/a/pyproject.toml": pyproject("a"),
            "libs/a/tests/test_speed.py": "def test_speed(benchmark):\n    pass\n",
            "tests/test_whole.py": "@pytest.mark.integration\ndef test_it(): pass\n",
            "tests/test_say.py": "'contract' # a word is no marker\n",
            "services/web/Dockerfile": "",
            "lambdas/beat/Dockerfile": "",
            "infra/Pulumi.dev.yaml": "",
            "mkdocs.yml": "",
            ".devcontainer/devcontainer.json": "",
        },
        locks=("uv.lock",),
    )
    assert {"perf", "integration", "contract"} & one.sessions == {"perf", "integration"}
    assert (one.services, one.lambdas, one.docs, one.devcontainer) == (True, True, True, True)
    assert one.stacks == ("dev",)
    assert one.locked


def test_where_libraries_are_published() -> None:
    library = {"pyproject.toml": pyproject("tradai-strategy")}
    assert gathered(library).libraries
    assert gathered(library).publishes_to_aws
    table = "[tool.tradai-tasks.publish]\nlibraries = ['a']\n"
    index = "index = { upload-url = 'https://index.example', simple-url = 'https://index.example', "
    index += "username-env = 'WHO', password-env = 'HOW' }\n"
    one = gathered({"pyproject.toml": pyproject("a", table + index)})
    assert one.libraries
    assert not one.publishes_to_aws
    assert one.publish_secrets == ("WHO", "HOW")
    more = SESSIONS | {"tag", "build", "publish"}
    given = {"libraries": True, "publishes_to_aws": False, "publish_secrets": ("WHO", "HOW")}
    text = workflows(repository(sessions=more, **given), WorkflowsSettings())[
        ".github/workflows/publish-libs.yml"
    ]
    assert "          HOW: ${{ secrets.HOW }}\n" in text
    assert "id-token" not in text


def test_strategies_take_packages_from_codeartifact() -> None:
    settings = "[publish.codeartifact]\ndomain = 'd'\nrepository = 'r'\n"
    files = {"strategies/fast/pyproject.toml": pyproject("fast")}
    assert gathered({**files, "tradai-tasks.toml": settings}).private_index
    assert not gathered(files).private_index


def test_a_setting_says_whether_lock_files_are_committed() -> None:
    settings = "[tool.tradai-tasks.workflows]\nlocked = false\n"
    assert not gathered({"pyproject.toml": pyproject("a", settings)}, ("uv.lock",)).locked


def answer(
    monkeypatch: pytest.MonkeyPatch, status: int, out: bytes = b"", err: bytes = b""
) -> list[tuple[str, ...]]:
    asked: list[tuple[str, ...]] = []

    def run(_: Path, *args: str, check: bool) -> process.Completed:
        asked.append(args)
        return process.Completed(argv=args, returncode=status, stdout=out, stderr=err)

    monkeypatch.setattr(module, "run_git", run)
    return asked


def test_which_lock_files_are_committed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    answer(monkeypatch, 0, b"uv.lock\0strategies/a/uv.lock\0")
    assert committed_locks(tmp_path, [".", "strategies/a"]) == ("strategies/a/uv.lock", "uv.lock")
    answer(monkeypatch, 0)
    assert committed_locks(tmp_path, ["."]) == ()
    asked = answer(monkeypatch, 0)
    assert committed_locks(tmp_path, ["."], tracked=True) == ()
    assert asked == [("ls-files", "-z", "--cached", "--", "uv.lock")]
    assert committed_locks(tmp_path, []) == ()
    assert len(asked) == 1


def test_outside_git_a_lock_file_that_is_there_counts(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    answer(monkeypatch, 128, err=b"fatal: not a git repository")
    assert committed_locks(tmp_path, ["."]) == ()
    (tmp_path / "uv.lock").touch()
    assert committed_locks(tmp_path, ["."]) == ("uv.lock",)


def test_git_that_fails_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    answer(monkeypatch, 1, err=b"fatal: index is broken")
    with pytest.raises(CommandFailedError, match="git ls-files: exit status 1: fatal: index"):
        committed_locks(tmp_path, ["."])


def test_no_process_is_started_by_the_choice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subprocess, "run", None)
    assert list(workflows(repository(), WorkflowsSettings())) == [
        ".github/workflows/ci.yml",
        ".github/workflows/_lint.yml",
    ]


def test_secrets_are_handed_to_a_reusable_workflow_by_name() -> None:
    settings = WorkflowsSettings(aws="keys", before=("codeartifact-login",))
    files = workflows(repository(), settings)
    names = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION")
    for name in names:
        assert f"      {name}: {{ required: true }}\n" in files[".github/workflows/_lint.yml"]
        assert f"      {name}: ${{{{ secrets.{name} }}}}\n" in files[".github/workflows/ci.yml"]


def values(template: str, **conditions: bool) -> Values:
    parts = {"part": "a\n\nb\n", "x.yml": template}
    return Values(text={"nox": "nox"}, conditions=conditions, parts=parts)


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("#% if nope\n#% end\n", KeyError),
        ("@{nope}\n", KeyError),
        ("a@b\n", ValueError),
        ("#% if yes\n", ValueError),
        ("#% end\n", ValueError),
        ("#% else\n", ValueError),
        ("#% what\n", ValueError),
        ("#% if\n", ValueError),
        ("#% include nope\n", FileNotFoundError),
    ],
)
def test_templates_are_strict(text: str, error: type[Exception]) -> None:
    with pytest.raises(error):
        render("x.yml", values(text, yes=True), header="")


def test_templates() -> None:
    text = (
        "#% if no\nnever\n#% include part\n#% if yes\nnever\n#% end\n#% else\nrun: @{nox}\n#% end\n"
        "list:\n  #% include part\nmail@@host ${{ github.x }}\n"
    )
    made = render("x.yml", values(text, yes=True, no=False), header="# h")
    assert made == "# h\nrun: nox\nlist:\n  a\n\n  b\nmail@host ${{ github.x }}\n"


def test_what_there_is_to_do_about_files() -> None:
    changes = plan(
        {"new": "n", "same": f"{HEADER}\n", "drifted": f"{HEADER}\nb\n", "foreign": "f"},
        {
            "same": f"{HEADER}\n",
            "drifted": f"{HEADER}\na",
            "foreign": "theirs",
            "stale": f"{HEADER}\n",
            "other": "theirs",
        },
    )
    assert {change.path: change.state for change in changes} == {
        "new": "new",
        "same": "same",
        "drifted": "drifted",
        "foreign": "foreign",
        "stale": "stale",
    }
    assert diff_of([c for c in changes if c.path == "drifted"]) == (
        f"--- a/drifted\n+++ b/drifted\n@@ -1,2 +1,2 @@\n {HEADER}\n-a\n+b\n"
    )
    assert diff_of([Change(path="x", state="stale", old="a\n", new=None)]).startswith(
        "--- a/x\n+++ /dev/null\n"
    )
    assert is_ours(f"{HEADER}\n")
    assert not is_ours("name: CI\n")


def test_secrets_and_variables_are_read_from_the_files() -> None:
    files = {
        "a/ci.yml": "x: ${{ secrets.B }} ${{ vars['a'] || SECRETS.c }}\n# ${{ secrets.COMMENT }}\n",
        "a/cd.yml": "x: ${{ secrets.B }} # ${{ secrets.LATE }}\ny: ${{ secrets.GITHUB_TOKEN }}\n"
        "z: secrets.NOT_READ\n",
    }
    assert needed(files) == (
        RequiredSecret(kind="secret", name="B", files=("cd.yml", "ci.yml")),
        RequiredSecret(kind="secret", name="C", files=("ci.yml",)),
        RequiredSecret(kind="variable", name="A", files=("ci.yml",)),
    )


def test_settings_cannot_break_out_of_the_yaml() -> None:
    from tradai_tasks.errors import SettingsError

    bad = {
        "runner": '"x\\ny: z"',
        "branch": '"main]"',
        "schedule": '"* * * * *\\"\\nx: y"',
        "mlflow-uri": '"github.token"',
        "before": '["a b"]',
        "env": '["A=${{ github.token }}"]',
    }
    for key, value in bad.items():
        text = f"[project]\nname = 'a'\n[tool.tradai-tasks.workflows]\n{key} = {value}\n"
        with pytest.raises(SettingsError, match=rf"workflows\.{key}"):
            load_settings(DictTree({"pyproject.toml": text}))
    assert Settings().workflows.runner == "ubuntu-24.04"
