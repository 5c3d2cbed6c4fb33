"""What files that are no modules affect: documents, data, settings, files that no session reads."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.support.affected_shop import (
    FILES,
    LOCK,
    ROOT,
    commit,
    found,
    release,
    repository,
    touch,
)
from tests.support.real import REPOSITORY, edit, git, write
from tests.support.trees import project
from tradai_tasks.affected.selection.harmless_files import HARMLESS
from tradai_tasks.affected.selection.selection import Selection

_DEPENDENT = 'version = "1.0"\ndependencies = ["base"]'


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """The packages `base`, `app` that needs it, and `alone`, with a workflow that runs nox."""
    files = {
        **FILES,
        "noxfile.py": "import tradai_tasks\n\ntradai_tasks.register()\n",
        ".github/workflows/ci.yml": "run: nox -s changes\nuses: ./.github/actions/setup\n",
        ".github/workflows/pages.yml": "run: mkdocs build\nuses: ./.github/actions/pages\n",
        ".github/actions/setup/action.yml": "run: scripts/setup.sh\n",
        ".github/actions/pages/action.yml": "",
        "libs/app/tests/test_app.py": "import app\n",
        "libs/alone/tests/test_alone.py": "import alone\n",
    }
    return repository(tmp_path / "shop", files)


def selected(home: Path) -> set[str]:
    selection = found(home).selection
    assert selection.everything == ()
    return set(selection.affected("packages"))


def changed(home: Path, *paths: str) -> Selection:
    """What changes of files affect, which are committed first."""
    write(home, {path: "x = 1\n" for path in paths if not (home / path).exists()})
    commit(home)
    for path in paths:
        touch(path)(home)
    return found(home).selection


@pytest.mark.parametrize(
    "path",
    [
        ".editorconfig",
        ".gitattributes",
        "libs/base/.gitignore",
        "CODEOWNERS",
        ".github/CODEOWNERS",
        ".github/ISSUE_TEMPLATE/bug.yml",
        ".github/pull_request_template.md",
        ".github/dependabot.yml",
        ".github/workflows/pages.yml",
        ".github/actions/pages/action.yml",
        ".vscode/settings.json",
        ".idea/x.xml",
        ".pre-commit-config.yaml",
        ".mailmap",
        "renovate.json",
        ".agents/skills/x/SKILL.md",
        ".changeset/blue-ants.md",
        "pyrightconfig.json",
        ".devcontainer/devcontainer.json",
        ".coderabbit.yaml",
        "release-please-config.json",
        "libs/base/cliff.toml",
        "README.md",
        "notes/deep/plan.md",
        "libs/base/README.md",
        "libs/base/CHANGELOG.md",
        "libs/base/LICENSE",
        "libs/base/docs/guide/picture.svg",
    ],
)
def test_what_only_people_editors_and_the_forge_read_affects_nothing(shop: Path, path: str) -> None:
    selection = changed(shop, path)
    assert selection.everything == ()
    assert selection.affected("packages") == ()
    assert selection.affected("lambdas") == ()


def test_the_documentation_lists_what_affects_nothing() -> None:
    text = (REPOSITORY / "docs/affected.md").read_text(encoding="utf-8")
    assert [glob for glob in HARMLESS if f"`{glob}`" not in text] == []


@pytest.mark.parametrize(
    ("file", "text", "run"),
    [
        ("x.txt", "", "python noxfile.py -s changes"),
        ("x.txt", "", "uvx nox"),
        ("Justfile", "check:\n  uvx nox\n", "just check"),
        ("package.json", '{"scripts": {"check": "uvx nox"}}', "pnpm check"),
        (".pre-commit-config.yaml", "entry: uvx nox\n", "prek run"),
        ("x.txt", "", "echo\nuses: acme/ci/.github/workflows/check.yml@v1"),
    ],
)
def test_a_workflow_that_may_run_the_sessions(shop: Path, file: str, text: str, run: str) -> None:
    path = ".github/workflows/other.yml"
    write(shop, {file: text, path: f"run: {run}\n"})
    assert changed(shop, path).everything == (f"{path}: part of the CI itself",)


def test_scripts_of_a_workflow_that_leaves_the_rest_to_another_repository(shop: Path) -> None:
    text = "run: .github/scripts/labels.py\nuses: acme/ci/.github/workflows/check.yml@v1\n"
    script, named = ".github/scripts/labels.py", ".github/workflows/pages.yml"
    write(shop, {".github/workflows/other.yml": text, script: f"PAGES = '{named}'\n"})
    assert changed(shop, script, named).everything == ()


@pytest.mark.parametrize(
    ("link", "packages"),
    [
        ("libs/app/README.md", set()),
        (".claude/notes.md", set()),
        ("libs/app/src/app/notes.md", {"app"}),
        ("libs/app/data/notes.txt", {"app"}),
    ],
)
def test_a_link_to_a_document_counts_as_what_it_is(
    shop: Path, link: str, packages: set[str]
) -> None:
    (shop / link).parent.mkdir(parents=True, exist_ok=True)
    (shop / link).symlink_to("../" * link.count("/") + "docs/notes.md")
    assert set(changed(shop, "docs/notes.md").affected("packages")) == packages


def test_settings_of_tools_that_lint_runs_besides_select_it(shop: Path) -> None:
    more = '[tool.tradai-tasks.lint]\ncommands = [["flake8"]]\n'
    write(shop, {"setup.cfg": "[flake8]\nx = 1\n"})
    for table, sessions in (("", []), (more, ["lint"])):
        write(shop, {"pyproject.toml": f"{ROOT}{table}[tool.isort]\nline_length = 9\n"})
        assert list(changed(shop, ".flake8", "libs/app/.pylintrc").sessions) == sessions
        commit(shop)
        for path in ("setup.cfg", "pyproject.toml"):
            with (shop / path).open("a") as file:
                file.write(f"y{len(sessions)} = 2\n")
            selection = found(shop).selection
            assert (list(selection.sessions), selection.affected("packages")) == (sessions, ())
            commit(shop)


@pytest.mark.parametrize("path", [".github/workflows/ci.yml", ".github/actions/setup/action.yml"])
def test_what_runs_the_sessions_in_ci_affects_everything(shop: Path, path: str) -> None:
    assert changed(shop, path).everything == (f"{path}: part of the CI itself",)


def test_a_reason_that_nothing_is_known_names_the_setting(shop: Path) -> None:
    why = "strange.cfg: belongs to nothing known; if it affects nothing, add it to affected.ignore"
    assert changed(shop, "strange.cfg").everything == (why,)


def test_a_folder_outside_all_packages_affects_what_names_it(shop: Path) -> None:
    test, path = "libs/alone/tests/test_charts.py", "charts/shop/values.yaml"
    assert changed(shop, path).affected("packages") == ()
    for files, packages in (
        ({test: 'CHARTS = ROOT / "charts"\n'}, {"alone"}),
        (
            {test: 'run(["make", "-C", "tools"])\n', "tools/Makefile": "all:\n\tx ../charts\n"},
            set(),
        ),
        ({test: 'run("make -C tools")\n'}, {"alone"}),
        ({test: "", "libs/base/src/base/where.toml": 'charts = "../../charts"\n'}, {"base", "app"}),
        ({"libs/base/src/base/where.toml": ""}, set()),
    ):
        write(shop, files)
        selection = changed(shop, path)
        assert (selection.everything, set(selection.affected("packages"))) == ((), packages), files
    write(shop, {"justfile": "lint:\n  helm lint charts\n"})
    why = f"{path} (named by justfile); if it affects nothing, add it to affected.ignore"
    assert changed(shop, path).everything == (why,)


@pytest.mark.parametrize(
    ("path", "packages"),
    [
        ("libs/base/data/rates.json", {"base", "app"}),
        ("libs/base/src/base/rates.json", {"base", "app"}),
        ("libs/base/src/base/guide.md", {"base", "app"}),
        ("libs/base/src/base/templates/{{name}}/mod.py", {"base", "app"}),
        ("libs/alone/data/rates.json", {"alone"}),
        ("libs/app/.env", {"app"}),
    ],
)
def test_data_affects_the_package_and_its_dependents(
    shop: Path, path: str, packages: set[str]
) -> None:
    selection = changed(shop, path)
    assert (selection.everything, set(selection.affected("packages"))) == ((), packages)


def test_a_template_of_a_module_is_no_module(shop: Path) -> None:
    write(shop, {"libs/base/src/base/{{name}}/mod.py": "import {{name}}\n"})
    commit(shop)
    touch("libs/alone/src/alone/__init__.py")(shop)
    result = found(shop)
    assert result.graph is not None
    assert not result.graph.dynamic
    assert result.selection.affected("packages") == ("alone",)


@pytest.mark.parametrize(
    "code",
    [
        'text = (ROOT / "README.md").read_text()',
        "NAMES = sorted(HERE.glob('*.md'))",
        'for name in ("README",):\n    (ROOT / f"{name}.md").read_text()',
        'README = next(ROOT.glob("READ*"))',
        "PAGES = [p for p in HERE.parents[1].iterdir() if p.suffix]",
        "import doctest\ndoctest.testfile(name)",
        'PAGES = HERE.parent / "pages"\ntext = (PAGES / page).read_text()',
        'text = (HERE.parent / f"pages/{page}").read_text()',
    ],
)
def test_a_document_that_tests_name_affects_their_package(shop: Path, code: str) -> None:
    path = f"libs/alone/{'pages/' if 'pages' in code else ''}README.md"
    write(shop, {"libs/alone/tests/test_readme.py": code, path: ""})
    reader = f"{path} <- libs/alone/tests/test_readme.py"
    selection = changed(shop, path)
    assert selection.affected("packages") == ("alone",)
    (reason,) = selection.packages[0].reasons
    assert reason.startswith(reader)


def test_documents_whose_examples_are_run_are_tests(shop: Path) -> None:
    with (shop / "libs/alone/pyproject.toml").open("a") as file:
        file.write('[tool.pytest.ini_options]\naddopts = "--doctest-glob=*.md"\n')
    assert changed(shop, "libs/alone/README.md").affected("packages") == ("alone",)


def test_a_document_outside_all_packages_is_named_by_its_outermost_folder(shop: Path) -> None:
    files = {
        "libs/alone/tests/test_a.py": 'DOCS = ROOT / "docs"\n(DOCS / page).read_text()\n',
        "libs/app/tests/test_app.py": 'TYPES = {"text/markdown": ".md", "guide": "docs"}\n',
    }
    write(shop, files)
    assert changed(shop, "docs/guide/start.md").affected("packages") == ("alone",)


def test_a_document_of_another_package_that_code_names_affects_the_reader(shop: Path) -> None:
    write(shop, {"libs/alone/tests/test_a.py": 'TEXT = (ROOT / "base" / name / "NEWS.md")\n'})
    assert changed(shop, "libs/base/docs/NEWS.md").affected("packages") == ("alone",)


def test_a_file_of_a_dependency_that_is_read_by_a_computed_path(shop: Path) -> None:
    files = {
        "libs/app/src/app/paths.py": "ROOT = Path(__file__).resolve().parents[4]\n",
        "libs/app/tests/test_app.py": "from app.paths import ROOT\n"
        '(ROOT / "libs/base/src/base/order.json").read_text()\n',
        "libs/base/src/base/order.json": "{}",
    }
    write(shop, files)
    assert set(changed(shop, "libs/base/src/base/order.json").affected("packages")) == {
        "app",
        "base",
    }


@pytest.mark.parametrize(
    ("table", "path"),
    [
        ('license = {{ file = "{}" }}', "LICENSE"),
        ('license-files = ["{}"]', "LEGAL.txt"),
        ('readme = "{}"', "README.md"),
        ('readme = {{ file = "{}", content-type = "text/markdown" }}', "pages/about.rst"),
    ],
)
def test_a_text_outside_that_a_build_names(shop: Path, table: str, path: str) -> None:
    line = 'version = "1.0"\n' + table.format(f"../../{path}")
    edit(shop / "libs/base/pyproject.toml", 'version = "1.0"', line)
    assert changed(shop, path).affected("packages") == ("base",)  # it is shown to readers
    commit(shop)
    shutil.move(shop / path, shop / f"{path}.old")  # the build fails, for dependents too
    selection = found(shop).selection
    assert {"app", "base"} <= set(selection.affected("packages"))
    app = next(item for item in selection.packages if item.name == "app")
    assert app.reasons[0].startswith(f"{path} (named by libs/base/pyproject.toml) <- app depends")


@pytest.mark.parametrize(
    "table",
    [
        '[tool.hatch.build.targets.wheel.force-include]\n"../../shared/data" = "base/data"\n',
        '[tool.setuptools.data-files]\nshare = ["../../shared/data/*.json"]\n',
        '[tool.setuptools.dynamic]\nversion = { file = "../../shared/data/x.json" }\n',
        '[tool.uv.build-backend.data]\ndata = "../../shared/data"\n',
    ],
)
def test_data_outside_that_a_build_names_belongs_to_the_build(shop: Path, table: str) -> None:
    with (shop / "libs/base/pyproject.toml").open("a") as file:
        file.write(table)
    selection = changed(shop, "shared/data/x.json")
    assert (selection.everything, selection.affected("packages")) == ((), ("app", "base"))


def test_a_comment_or_prose_in_a_project_file_affects_nothing(shop: Path) -> None:
    touch("libs/base/pyproject.toml")(shop)
    assert selected(shop) == set()
    edit(shop / "libs/base/pyproject.toml", '"1.0"', '"1.0"\ndescription = "new"')
    assert selected(shop) == set()
    release("base")(shop)
    assert selected(shop) == {"app", "base"}


def test_a_tools_table_of_a_package_selects_its_own_sessions(shop: Path) -> None:
    with (shop / "libs/base/pyproject.toml").open("a") as file:
        file.write("[tool.pytest.ini_options]\nx = 1\n[tool.mypy]\nstrict = true\n")
    selection = found(shop).selection
    assert selection.affected("packages") == ("base",)
    base = next(item for item in selection.packages if item.name == "base")
    assert sorted(base.sessions) == ["test", "typecheck"]


@pytest.mark.parametrize(
    ("path", "session"),
    [("ruff.toml", "lint"), ("mypy.ini", "typecheck"), ("setup.cfg", "typecheck")],
)
def test_a_tools_file_at_the_root_selects_its_session(shop: Path, path: str, session: str) -> None:
    write(shop, {path: "" if path == "ruff.toml" else "[mypy]\n"})
    commit(shop)
    touch(path)(shop)
    assert found(shop).selection.sessions == {}
    (shop / path).write_text("line-length = 9" if path == "ruff.toml" else "[mypy]\na = 1\n")
    selection = found(shop).selection
    assert (selection.everything, selection.affected("packages")) == ((), ())
    assert list(selection.sessions) == [session]


def test_settings_of_pytest_at_the_root_select_the_packages_with_tests(shop: Path) -> None:
    write(shop, {"pytest.ini": "[pytest]\naddopts = -x\n"})
    commit(shop)
    write(shop, {"pytest.ini": "[pytest]\naddopts = -v\n"})
    assert selected(shop) == {"alone", "app"}


def test_a_project_that_the_workspace_excludes_affects_only_what_reads_it(shop: Path) -> None:
    files = {
        "pyproject.toml": ROOT.replace('"libs/*"]', '"libs/*"]\nexclude = ["libs/old"]'),
        "libs/old/pyproject.toml": project("old"),
        "libs/old/src/old/__init__.py": "",
        "libs/old/data.json": "{}",
    }
    write(shop, files)
    for path in ("libs/old/src/old/__init__.py", "libs/old/data.json", "libs/old/pyproject.toml"):
        selection = changed(shop, path)
        assert (selection.everything, selection.affected("packages")) == ((), ())
    write(shop, {"libs/alone/tests/test_old.py": '(ROOT / "old" / "data.json").read_text()\n'})
    assert changed(shop, "libs/old/data.json").affected("packages") == ("alone",)


def test_files_outside_the_folder_of_the_noxfile(tmp_path: Path) -> None:
    inner = {f"python/{path}": text for path, text in FILES.items()}
    outside = {"README.md": "", "dotnet/x.cs": "", "shared/order.json": "", "python/noxfile.py": ""}
    home = repository(tmp_path / "mono", {**inner, **outside})
    for path in outside.keys() - {"python/noxfile.py"}:
        touch(path)(home)
    assert selected(home / "python") == set()
    reader = '(ROOT.parent / "shared" / "order.json").read_text()\n'
    write(home, {"python/libs/alone/tests/test_a.py": reader})
    commit(home)
    touch("shared/order.json")(home)
    assert selected(home / "python") == {"alone"}


def test_another_worktree_inside_the_tree_affects_nothing(shop: Path) -> None:
    git(shop, "worktree", "add", "-q", ".trees/other", "-b", "other")
    assert selected(shop) == set()
    git(shop, "worktree", "add", "-q", "libs/base/other", "-b", "another")
    assert selected(shop) == set()


def test_a_new_member_affects_itself_alone(shop: Path) -> None:
    write(shop, {"libs/new/pyproject.toml": project("new"), "libs/new/src/new/__init__.py": ""})
    entry = '[[package]]\nname = "new"\nversion = "1.0"\nsource = { editable = "libs/new" }\n\n'
    lock = LOCK.replace('"base"]', '"base", "new"]').replace(
        "[[package]]", f"{entry}[[package]]", 1
    )
    write(shop, {"uv.lock": lock})
    assert selected(shop) == {"new"}
    commit(shop)
    shutil.rmtree(shop / "libs/new")
    write(shop, {"uv.lock": LOCK})
    assert selected(shop) == set()
