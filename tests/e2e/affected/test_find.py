"""From a real repository to a selection, in this process."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from tests.support.real import clean_env, edit, git, write
from tests.support.trees import project
from tradai_tasks.affected.graph.import_graph import ImportGraph
from tradai_tasks.affected.revisions.commit_range import baseline_commit
from tradai_tasks.affected.selection.change_analysis import ChangeAnalysis, analyse_change
from tradai_tasks.errors import BrokenTomlError, TasksError, UnknownRevisionError
from tradai_tasks.files.file_tree import DiskTree
from tradai_tasks.repository import read_repository

ROOT = """\
[tool.uv.workspace]
members = ["libs/*"]

[dependency-groups]
dev = ["pytest"]
"""
LOCK = """\
version = 1
requires-python = ">=3.11"

[manifest]
members = ["alone", "app", "base"]

[manifest.dependency-groups]
dev = [{ name = "pytest", specifier = "*" }]

[[package]]
name = "alone"
version = "1.0"
source = { editable = "libs/alone" }
dependencies = [{ name = "six" }]

[[package]]
name = "app"
version = "1.0"
source = { editable = "libs/app" }
dependencies = [{ name = "base" }]

[[package]]
name = "base"
version = "1.0"
source = { editable = "libs/base" }

[[package]]
name = "pytest"
version = "9.0"
source = { registry = "https://index.example/simple" }

[[package]]
name = "six"
version = "1.16"
source = { registry = "https://index.example/simple" }
"""
_NEEDS_BASE = 'version = "1.0"\ndependencies = ["base"]'


def needing_base(name: str) -> str:
    return project(name).replace('version = "1.0"', _NEEDS_BASE)


FILES = {
    "pyproject.toml": ROOT,
    "uv.lock": LOCK,
    ".gitignore": ".cache/\n",
    "libs/base/pyproject.toml": project("base"),
    "libs/base/src/base/__init__.py": "",
    "libs/base/src/base/used.py": "X = 1\n",
    "libs/base/rust/lib.rs": "",
    "libs/base/setup.py": "",
    "libs/base/notes.txt": "",
    "libs/app/pyproject.toml": needing_base("app"),
    "libs/app/src/app/__init__.py": "from base.used import X\n",
    "libs/alone/pyproject.toml": project("alone")
    + '[project.scripts]\nalone = "alone:main"\n[project.entry-points.things]\nx = "alone:x"\n',
    "libs/alone/src/alone/__init__.py": "",
    "lambdas/tick/Dockerfile": "",
    "lambdas/tick/handler.py": "import base.used\n",
    "services/web/Dockerfile": "",
    "docs/index.md": "",
}


def repository(home: Path, files: dict[str, str]) -> Path:
    write(home, files)
    git(home, "init", "-q", "-b", "main")
    commit(home)
    return home


def commit(home: Path) -> str:
    git(home, "add", "-A")
    git(home, "commit", "-q", "--allow-empty", "-m", "A commit")
    return git(home, "rev-parse", "HEAD")


def found(
    home: Path,
    *,
    base: str | None = "HEAD",
    head: str | None = None,
    with_graph: bool = False,
    env: Mapping[str, str] | None = None,
) -> ChangeAnalysis:
    return analyse_change(
        read_repository(home, DiskTree(home)),
        {**clean_env(TRADAI_TASKS_CACHE=str(home / ".cache")), **(env or {})},
        base=base,
        head=head,
        with_graph=with_graph,
    )


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    return repository(tmp_path / "shop", FILES)


def upgrade(dist: str) -> Callable[[Path], None]:
    return lambda home: edit(
        home / "uv.lock", f'name = "{dist}"\nversion = "', f'name = "{dist}"\nversion = "9'
    )


def touch(file: str) -> Callable[[Path], None]:
    def change(home: Path) -> None:
        with (home / file).open("a") as opened:
            opened.write("\n# changed\n")

    return change


def release(name: str) -> Callable[[Path], None]:
    return lambda home: edit(home / f"libs/{name}/pyproject.toml", '"1.0"', '"1.1"')


@pytest.mark.parametrize(
    ("change", "packages", "lambdas"),
    [
        (touch("libs/base/src/base/used.py"), {"base", "app"}, {"tick"}),
        (touch("libs/base/src/base/__init__.py"), {"base", "app"}, {"tick"}),
        (touch("libs/base/pyproject.toml"), set(), set()),
        (release("base"), {"base", "app"}, {"tick"}),
        (release("alone"), {"alone"}, set()),
        (touch("libs/base/rust/lib.rs"), {"base", "app"}, {"tick"}),
        (touch("libs/base/setup.py"), {"base", "app"}, {"tick"}),
        (touch("libs/base/notes.txt"), {"base", "app"}, {"tick"}),
        (touch("libs/alone/src/alone/__init__.py"), {"alone"}, set()),
        (touch("lambdas/tick/handler.py"), set(), {"tick"}),
        (touch("docs/index.md"), set(), set()),
        (upgrade("six"), {"alone"}, set()),
        (upgrade("pytest"), {"alone", "app", "base"}, {"tick"}),
    ],
)
def test_what_a_change_affects(
    shop: Path, change: Callable[[Path], None], packages: set[str], lambdas: set[str]
) -> None:
    change(shop)
    for _ in range(2):  # cold, and from the cache
        selection = found(shop).selection
        assert set(selection.affected("packages")) == packages
        if lambdas != {"tick"} or packages != {"alone", "app", "base"}:
            assert set(selection.affected("lambdas")) == lambdas


def test_an_ignored_file_does_not_stand_before_another_that_counts(shop: Path) -> None:
    files = {
        "pyproject.toml": ROOT
        + '[tool.tradai-tasks.affected]\nignore = ["libs/base/src/base/data.json"]\n',
        "libs/base/src/base/data.json": "{}",
        "libs/base/src/base/__init__.py": "from base.used import X\n",
        "libs/base/src/base/used.py": "from base.deep import X\n",
        "libs/base/src/base/deep.py": "X = 1\n",
    }
    write(shop, files)
    commit(shop)
    touch("libs/base/src/base/data.json")(shop)
    assert found(shop).selection.affected("packages") == ()
    touch("libs/base/src/base/deep.py")(shop)
    assert set(found(shop).selection.affected("packages")) == {"base", "app"}


def test_moved_and_deleted_files_count_at_both_ends(shop: Path) -> None:
    git(shop, "mv", "libs/base/src/base/used.py", "libs/alone/src/alone/used.py")
    assert set(found(shop).selection.affected("packages")) == {"base", "app", "alone"}


def test_a_project_that_is_installed_by_its_path_is_a_link_of_the_chain(shop: Path) -> None:
    source = '\n[tool.uv.sources]\nlegacy = {{ path = "../{}", editable = true }}\n'
    files = {
        "pyproject.toml": ROOT.replace('"libs/*"]', '"libs/*"]\nexclude = ["libs/leg*"]'),
        "libs/alone/pyproject.toml": project("alone").replace(
            'version = "1.0"', 'version = "1.0"\ndependencies = ["legacy"]'
        )
        + source.format("legacy"),
        "libs/alone/src/alone/__init__.py": "import legacy\n",
        "libs/legacy/pyproject.toml": project("legacy").replace(
            'version = "1.0"', 'version = "1.0"\ndependencies = ["legacy-core"]'
        )
        + source.replace("legacy =", "legacy-core =").format("legcore"),
        "libs/legacy/src/legacy/__init__.py": "from legacy_core.one import Y\n",
        "libs/legcore/pyproject.toml": needing_base("legacy-core"),
        "libs/legcore/src/legacy_core/__init__.py": "",
        "libs/legcore/src/legacy_core/one.py": "from base.used import X as Y\n",
    }
    write(shop, files)
    commit(shop)
    for _ in range(2):  # cold, and from the cache
        touch("libs/base/src/base/used.py")(shop)
        selection = found(shop).selection
        assert set(selection.affected("packages")) == {"base", "app", "alone"}
        (alone,) = (item for item in selection.packages if item.name == "alone")
        (reason,) = alone.reasons
        assert reason.split(" <- ") == [
            "libs/base/src/base/used.py",
            "libs/legcore/src/legacy_core/one.py:1 (import)",
            "libs/legacy/src/legacy/__init__.py:1 (import)",
            "libs/alone/src/alone/__init__.py:1 (import)",
        ]
    git(shop, "checkout", "-q", ".")
    touch("libs/legcore/src/legacy_core/one.py")(shop)
    selection = found(shop).selection
    assert (selection.affected("packages"), selection.everything) == (("alone",), ())
    touch("libs/legcore/pyproject.toml")(shop)
    assert found(shop).selection.everything


def test_a_member_that_git_does_not_show_is_affected_and_all_that_use_it(
    shop: Path, tmp_path: Path
) -> None:
    outside = write(
        tmp_path / "elsewhere",
        {"pyproject.toml": project("linked"), "src/linked/__init__.py": ""},
    )
    (shop / "libs/linked").symlink_to(outside)
    hidden = {"libs/hidden/pyproject.toml": needing_base("hidden"), "libs/hidden/hidden.py": ""}
    user = project("user").replace('version = "1.0"', 'version = "1.0"\ndependencies = ["hidden"]')
    write(
        shop, {**hidden, ".gitignore": ".cache/\nlibs/hidden/\n", "libs/user/pyproject.toml": user}
    )
    commit(shop)
    selection = found(shop).selection
    assert set(selection.affected("packages")) == {"hidden", "linked", "user"}
    reason = "libs/hidden: git does not show its files, so any of them may have changed"
    reasons = {item.name: item.reasons for item in selection.packages}
    assert reasons["hidden"] == (reason,)
    assert reasons["user"] == (f"{reason} <- user depends on hidden",)


def test_a_member_in_a_submodule_is_affected_by_what_it_may_import(
    shop: Path, tmp_path: Path
) -> None:
    library = repository(
        tmp_path / "library",
        {"pyproject.toml": needing_base("inner"), "src/inner/__init__.py": "import base.used\n"},
    )
    allow = ("-c", "protocol.file.allow=always")
    git(shop, *allow, "submodule", "--quiet", "add", f"file://{library}", "libs/inner")
    commit(shop)
    assert found(shop).selection.affected("packages") == ()
    touch("libs/alone/src/alone/__init__.py")(shop)
    assert found(shop).selection.affected("packages") == ("alone",)
    touch("libs/base/src/base/used.py")(shop)
    selection = found(shop).selection
    assert set(selection.affected("packages")) == {"alone", "app", "base", "inner"}
    (inner,) = (item for item in selection.packages if item.name == "inner")
    (reason,) = inner.reasons
    assert reason == (
        "libs/base/src/base/used.py <- libs/inner (a repository of its own, whose imports are "
        "not read)"
    )
    touch("libs/inner/src/inner/__init__.py")(shop)
    assert found(shop).selection.everything


def test_a_package_at_the_root_owns_its_code_and_its_tests_and_no_more(shop: Path) -> None:
    files = {
        "pyproject.toml": f"{needing_base('top')}\n{ROOT}",
        "src/top/__init__.py": "",
        "src/top/data.json": "{}",
        "tests/test_top.py": "import top\n",
        "tests/data/x.json": "{}",
        "scripts/run.py": "",
        "libs/app/src/app/__init__.py": "import top\n",
    }
    write(shop, files)
    commit(shop)
    for path, packages in {
        "src/top/__init__.py": {"top", "app"},
        "src/top/data.json": {"top", "app"},
        "tests/test_top.py": {"top"},
        "tests/data/x.json": {"top"},
        "libs/base/src/base/used.py": {"base"},
    }.items():
        touch(path)(shop)
        selection = found(shop).selection
        assert set(selection.affected("packages")) == packages, path
        assert selection.everything == ()
        git(shop, "checkout", "-q", ".")
    touch("scripts/run.py")(shop)  # of the root, and installed with nothing
    selection = found(shop).selection
    assert (selection.everything, selection.affected("packages")) == ((), ("top",))
    write(shop, {"run.cfg": ""})
    assert found(shop).selection.everything


@pytest.mark.parametrize("first", ["#!/usr/bin/env python3", "#!/usr/bin/env -S uv run --script"])
def test_a_script_whose_name_does_not_say_so_imports_too(shop: Path, first: str) -> None:
    files = {
        "libs/alone/bin/tool": f"{first}\nfrom base import used\n",
        "libs/alone/bin/other": "import base.used\n",
        "libs/alone/Dockerfile": "",
    }
    write(shop, files)
    commit(shop)
    touch("libs/base/src/base/used.py")(shop)
    for _ in range(2):  # cold, and from the cache
        selection = found(shop).selection
        assert set(selection.affected("packages")) == {"alone", "base", "app"}
    item = next(item for item in selection.packages if item.name == "alone")
    assert item.reasons == ("libs/base/src/base/used.py <- libs/alone/bin/tool:2 (text, guessed)",)
    write(shop, {"libs/alone/bin/tool": "import base.used\n"})
    commit(shop)
    touch("libs/base/src/base/used.py")(shop)
    assert set(found(shop).selection.affected("packages")) == {"base", "app"}


def test_stacks_are_affected_by_what_their_code_imports(shop: Path) -> None:
    files = {
        "infra/Pulumi.dev.yaml": "",
        "infra/network/Pulumi.prod.yaml": "",
        "infra/__main__.py": "",
        "infra/network/__main__.py": "import parts\n",
        "infra/parts.py": "from base.used import X\n",
    }
    write(shop, files)
    commit(shop)
    changes = [
        (
            touch("libs/base/src/base/used.py"),
            "libs/base/src/base/used.py <- infra/parts.py:1 (import)",
        ),
        (release("base"), "libs/base/pyproject.toml: project.version changed <- infra/parts.py"),
    ]
    for change, reason in changes:
        change(shop)
        selection = found(shop).selection
        assert selection.affected("stacks") == ("dev", "prod")
        assert set(selection.affected("packages")) == {"base", "app"}
        assert selection.stacks[0].reasons == (reason,)
        git(shop, "checkout", "-q", ".")
    touch("libs/alone/src/alone/__init__.py")(shop)
    assert found(shop).selection.affected("stacks") == ()
    touch("infra/network/Pulumi.prod.yaml")(shop)
    assert found(shop).selection.affected("stacks") == ("prod",)


def test_a_dockerfile_of_no_package_is_affected_by_what_it_copies(shop: Path) -> None:
    write(shop, {"services/web/Dockerfile": "FROM x\nCOPY libs/base/notes.txt libs/alone /app/\n"})
    commit(shop)
    touch("libs/base/notes.txt")(shop)
    selection = found(shop).selection
    assert selection.affected("services") == ("web",)
    reason = "libs/base/notes.txt (copied by services/web/Dockerfile)"
    assert selection.services[0].reasons == (reason,)
    write(shop, {"services/web/Dockerfile": "FROM x\n"})
    commit(shop)
    assert found(shop, base="HEAD~1").selection.affected("services") == ("web",)
    touch("libs/base/src/base/used.py")(shop)
    assert found(shop).selection.affected("services") == ()


@pytest.mark.parametrize(
    "name", ["README.md", "LICENSE", "mkdocs.yml", "compose.yaml", "docker-compose.yml", "NEWS.rst"]
)
def test_a_document_at_the_root_affects_who_reads_it(shop: Path, name: str) -> None:
    files = {
        name: "",
        "libs/app/tests/test_app.py": f"ROOT = 1\n(ROOT / '{name}').read_text()\n",
        "libs/alone/README.md": "",
        "libs/alone/NEWS.rst": "",
        "libs/alone/LICENSE": "",
        "libs/alone/tests/test_a.py": "".join(
            f'(HERE / "{other}").read_text()\n' for other in ("README.md", "NEWS.rst", "LICENSE")
        ),
        "libs/alone/notes.txt": f"'{name}'",
    }
    write(shop, files)
    commit(shop)
    touch(name)(shop)
    selection = found(shop).selection
    assert selection.affected("packages") == ("app",)
    head = commit(shop)
    result = found(shop, base="HEAD~1", head=head)
    assert result.selection.affected("packages") == ("app",)
    item = next(item for item in selection.packages if item.name == "app")
    assert item.reasons == (f"{name} <- libs/app/tests/test_app.py:2 (path, guessed)",)


def test_only_warnings_that_bear_on_the_change_are_shown(shop: Path) -> None:
    undeclared = "libs/alone/src/alone/other.py imports base, which its package does not declare"
    dynamic = "import importlib\nimportlib.import_module(WHICH)\n"
    write(
        shop,
        {
            "libs/alone/src/alone/other.py": "import base.used\n",
            "libs/app/src/app/dyn.py": dynamic,
            "libs/app/tests/test_dyn.py": "import app.dyn\n",
        },
    )
    commit(shop)
    (shop / "libs/alone/notes.txt").write_text("")
    assert found(shop).warnings == ()
    assert undeclared in whole_graph(shop).warnings()
    touch("libs/alone/src/alone/other.py")(shop)
    assert found(shop).warnings == (undeclared,)
    git(shop, "checkout", "-q", ".")
    git(shop, "clean", "-qfd")
    touch("libs/base/src/base/used.py")(shop)
    assert found(shop).warnings == (undeclared,)
    git(shop, "checkout", "-q", ".")
    touch("libs/base/src/base/unused.py")(shop)  # which app may load, for all that can be told
    (warning,) = found(shop).warnings
    assert warning.startswith("app is affected by all that it can import: libs/app/src/app/dyn.py:")


def whole_graph(home: Path) -> ImportGraph:
    graph = found(home, with_graph=True).graph
    assert graph is not None
    return graph


def test_documentation_that_is_made_from_code_is_affected_by_it(shop: Path) -> None:
    touch("libs/base/src/base/used.py")(shop)
    assert found(shop).selection.docs == ()
    write(shop, {"mkdocs.yml": "plugins: [mkdocstrings]\n"})
    commit(shop)
    touch("libs/base/src/base/used.py")(shop)
    assert found(shop).selection.docs == ("libs/base/src/base/used.py",)
    git(shop, "checkout", "-q", ".")
    touch("libs/base/notes.txt")(shop)
    assert found(shop).selection.docs == ()


def test_settings_of_tools_and_of_the_root(shop: Path) -> None:
    write(shop, {"libs/alone/checks/a.py": ""})
    commit(shop)
    touch("pyproject.toml")(shop)
    assert found(shop).selection.affected("packages") == ()
    with (shop / "pyproject.toml").open("a") as file:
        file.write("[tool.ruff]\nline-length = 99\n")
    selection = found(shop).selection
    assert selection.affected("packages") == ()
    assert list(selection.sessions) == ["lint"]
    with (shop / "pyproject.toml").open("a") as file:
        file.write("[tool.pytest.ini_options]\n")
    assert found(shop).selection.affected("packages") == ("alone",)  # that has tests
    (shop / "noxfile.py").write_text("")
    selection = found(shop).selection
    assert "noxfile.py changed" in selection.everything


def test_a_base_that_cannot_be_read_selects_everything(shop: Path) -> None:
    (shop / "pyproject.toml").write_text("broken = [")
    base = commit(shop)
    (shop / "pyproject.toml").write_text(ROOT)
    selection = found(shop, base=base).selection
    assert any("the repository at the base cannot be read" in r for r in selection.everything)


def test_another_head_is_read_from_git(shop: Path) -> None:
    before = git(shop, "rev-parse", "HEAD")
    write(
        shop, {"libs/new/pyproject.toml": needing_base("new"), "libs/new/src/new/__init__.py": ""}
    )
    after = commit(shop)
    git(shop, "checkout", "-q", before)
    result = found(shop, base=before, head=after)
    assert [item.name for item in result.selection.packages] == ["alone", "app", "base", "new"]
    assert "new" in result.selection.affected("packages")
    assert ("app", "base") in result.edges


def test_faults_at_the_head_are_errors(shop: Path) -> None:
    with pytest.raises(UnknownRevisionError, match="nope"):
        found(shop, base="nope")
    (shop / "uv.lock").write_text("version = [")
    with pytest.raises(BrokenTomlError, match=r"uv\.lock: broken TOML"):
        found(shop)


def test_files_of_another_form_are_told_at_the_head_and_affect_everything_at_the_base(
    shop: Path,
) -> None:
    for path, text, said in (
        ("libs/base/pyproject.toml", "project.dependencies = 3\n", "expected a list, got 3"),
        ("uv.lock", "version = 1\npackage = 3\n", "not a lock file as uv writes it"),
        ("uv.lock", f"version = 1\nx = {'[' * 3000}\n", "nested too deeply"),
    ):
        good = (shop / path).read_text()
        (shop / path).write_text(text + "project.name = 'base'\n" * path.endswith("project.toml"))
        with pytest.raises(TasksError, match=said):
            found(shop)
        base = commit(shop)
        (shop / path).write_text(good)
        assert any(said in reason for reason in found(shop, base=base).selection.everything)
        commit(shop)


def test_without_a_commit_everything_is_selected(tmp_path: Path) -> None:
    write(tmp_path, FILES)
    git(tmp_path, "init", "-q", "-b", "main")
    selection = found(tmp_path, base=None).selection
    assert "the branch has no commit yet" in selection.everything[0]


def test_an_event_without_a_range_selects_everything(shop: Path) -> None:
    result = found(shop, base=None, env={"GITHUB_EVENT_NAME": "schedule"})
    assert len(result.selection.affected("packages")) == 3
    assert result.graph is None


def test_a_strategys_tag_and_a_strategys_own_lock(tmp_path: Path) -> None:
    lock = 'version = 1\n[[package]]\nname = "{0}"\nversion = "1"\nsource = {{ virtual = "." }}\n'
    lock += 'dependencies = [{{ name = "six" }}]\n[[package]]\nname = "six"\nversion = "1"\n'
    lock += 'source = {{ registry = "https://index.example/simple" }}\n'
    files = {"pyproject.toml": '[project]\nname = "{0}"\n', "uv.lock": lock}
    strategies = {
        f"strategies/{name}/{file}": text.format(name)
        for name in ("fast", "slow")
        for file, text in files.items()
    }
    home = repository(tmp_path / "s", {".gitignore": ".cache/", **strategies})
    event = tmp_path / "event.json"
    event.write_text(json.dumps({"ref": "refs/tags/fast-v1.0.0", "after": "0" * 40}))
    tagged = {
        "GITHUB_EVENT_NAME": "push",
        "GITHUB_EVENT_PATH": str(event),
        "GITHUB_REF": "refs/tags/fast-v1.0.0",
        "GITHUB_REF_NAME": "fast-v1.0.0",
        "GITHUB_REF_TYPE": "tag",
    }
    assert found(home, base=None, env=tagged).selection.affected("strategies") == ("fast",)
    edit(home / "strategies/slow/uv.lock", '"six"\nversion = "1"', '"six"\nversion = "2"')
    assert found(home).selection.affected("strategies") == ("slow",)
    (home / "strategies/slow/uv.lock").unlink()
    assert found(home).selection.affected("strategies") == ("slow",)


def test_a_missing_pytest_in_the_root_leaves_nobody_out(shop: Path) -> None:
    text = LOCK.replace('dev = [{ name = "pytest", specifier = "*" }]', 'dev = [{ name = "six" }]')
    (shop / "uv.lock").write_text(text)
    commit(shop)
    upgrade("six")(shop)
    assert found(shop).selection.affected("packages") == ("alone", "app", "base")


def test_the_baseline_of_a_benchmark(shop: Path) -> None:
    tip = git(shop, "rev-parse", "HEAD")
    env = {**os.environ, **clean_env()}
    assert baseline_commit(shop, "HEAD", env)[0] == tip
    commit_, why = baseline_commit(shop, None, {**env, "GITHUB_EVENT_NAME": "schedule"})
    assert commit_ is None
    assert why.startswith("not compared: ")
    git(shop, "checkout", "-q", "-b", "feature")
    event = shop / ".cache" / "event.json"
    event.parent.mkdir()
    event.write_text(json.dumps({"ref": "refs/heads/feature", "before": tip, "after": tip}))
    push = {**env, "GITHUB_EVENT_NAME": "push", "GITHUB_EVENT_PATH": str(event), "CI": "true"}
    assert baseline_commit(shop, None, push)[0] is None
