from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.trees import MemoryTree, found, project
from tradai_tasks.errors import (
    BrokenTomlError,
    DuplicatePackageError,
    MemberError,
    SettingsError,
    TasksError,
)
from tradai_tasks.files.file_tree import DiskTree, glob_folders, join
from tradai_tasks.settings.model import PackageSettings

ROOT = '[tool.uv.workspace]\nmembers = ["libs/*"]\nexclude = ["libs/old"]\n'


def test_members_come_by_globs_less_excludes_and_the_root_with_a_project() -> None:
    workspace = found(
        {
            "pyproject.toml": f'{ROOT}\n[project]\nname = "The.Root"\n',
            "libs/a/pyproject.toml": project("Lib_A"),
            "libs/old/pyproject.toml": project("old"),
            "libs/unmanaged/pyproject.toml": project("un", "[tool.uv]\nmanaged = false"),
            "libs/cache/__pycache__/x.pyc": "",
            "libs/.hidden/x": "",
        }
    )
    assert [(p.name, p.path, p.project) for p in workspace.packages] == [
        ("the-root", ".", "."),
        ("lib-a", "libs/a", "."),
    ]
    assert workspace.projects == (".",)
    assert workspace.kind == "platform"
    assert workspace.packages[0].slug == "the-root"


def test_a_single_package_is_a_workspace_of_one() -> None:
    workspace = found({"pyproject.toml": project("solo")})
    assert [p.path for p in workspace.packages] == ["."]
    assert workspace.packages[0].is_installed


def test_package_false_and_no_build_system_are_not_installed() -> None:
    off = found({"pyproject.toml": project("x", "[tool.uv]\npackage = false")})
    bare = found({"pyproject.toml": '[project]\nname = "x"\n'})
    assert not off.packages[0].is_installed
    assert not bare.packages[0].is_installed


def test_strategies_are_independent_projects_by_the_name_of_their_folder() -> None:
    workspace = found(
        {
            "strategies/b/pyproject.toml": project("b-strategy"),
            "strategies/a/pyproject.toml": project("a-strategy"),
            "strategies/notes.md": "",
        }
    )
    assert workspace.kind == "strategies"
    assert [p.slug for p in workspace.strategies] == ["a", "b"]
    assert [workspace.session_id(p) for p in workspace.packages] == ["a", "b"]
    assert workspace.projects == ("strategies/a", "strategies/b")
    assert not workspace.is_uv_workspace
    platform = found({"strategies/a/pyproject.toml": project("x")}, kind="platform")
    assert platform.strategies == ()
    assert platform.session_id(platform.packages[0]) == "x"


def test_the_setting_members_names_independent_projects() -> None:
    files = {"tools/a/pyproject.toml": project("a"), "tools/b/pyproject.toml": project("b")}
    workspace = found(files, members=("tools/*", "tools/a"))
    assert workspace.projects == ("tools/a", "tools/b")
    with pytest.raises(
        SettingsError,
        match=r"^pyproject\.toml: tool\.tradai-tasks\.members: 'nope/\*' matches no folder",
    ):
        found(files, members=("nope/*",))


def test_services_lambdas_and_stacks() -> None:
    workspace = found(
        {
            "pyproject.toml": project("x"),
            "services/web/Dockerfile": "",
            "services/none/readme": "",
            "lambdas/base/Dockerfile": "",
            "lambdas/tick/Dockerfile": "",
            "infra/Pulumi.yaml": "",
            "infra/Pulumi.dev.yaml": "",
            "infra/net/Pulumi.prod.yml": "",
            "infra/net/Pulumi.dev.yaml": "",
        }
    )
    assert [u.path for u in workspace.services] == ["services/web"]
    assert [u.name for u in workspace.lambdas] == ["tick"]
    assert [(u.name, u.path) for u in workspace.stacks] == [("dev", "infra"), ("prod", "infra/net")]


@pytest.mark.parametrize(
    ("files", "error", "said"),
    [
        ({}, MemberError, "this folder: no project found"),
        ({"pyproject.toml": "[tool.x]\n"}, MemberError, "pyproject.toml: no project found"),
        ({"pyproject.toml": "x = ["}, BrokenTomlError, "pyproject.toml: broken TOML"),
        (
            {"pyproject.toml": ROOT, "libs/a/x.py": ""},
            MemberError,
            r"libs/a: a workspace member \(by 'libs/\*'",
        ),
        (
            {"pyproject.toml": ROOT, "libs/a/pyproject.toml": ""},
            MemberError,
            r"libs/a/pyproject.toml: no \[project\] table",
        ),
        (
            {"pyproject.toml": "dependency-groups = 'x'\n" + ROOT},
            MemberError,
            "pyproject.toml: dependency-groups: expected a table, got 'x'",
        ),
        (
            {"strategies/a,b/pyproject.toml": "[project]\nname = 'a'"},
            MemberError,
            "strategies/a,b: a comma in a strategy's folder",
        ),
        (
            {"pyproject.toml": "x = " + "[" * 3000},
            BrokenTomlError,
            "pyproject.toml: broken TOML: nested too deeply",
        ),
        (
            {"pyproject.toml": ROOT, "libs/a/pyproject.toml": "[project]\nname = 3"},
            MemberError,
            "project.name: expected the package's name",
        ),
        (
            {"pyproject.toml": ROOT, "libs/a/pyproject.toml": "[project]\nname = 'a (b)'"},
            MemberError,
            r"libs/a/pyproject.toml: project.name: 'a \(b\)' is no name of a package; letters,",
        ),
        (
            {"pyproject.toml": "project = 3"},
            MemberError,
            "pyproject.toml: project: expected a table",
        ),
        (
            {"pyproject.toml": "[tool.uv.workspace]\nmembers = 3"},
            MemberError,
            "tool.uv.workspace.members: expected a list of globs",
        ),
        (
            {
                "pyproject.toml": ROOT,
                "libs/a/pyproject.toml": project("Same_Name"),
                "libs/b/pyproject.toml": project("same.name"),
            },
            DuplicatePackageError,
            "libs/b/pyproject.toml: the name 'same-name' is taken by libs/a/pyproject.toml",
        ),
        (
            {
                "pyproject.toml": ROOT,
                "libs/a/pyproject.toml": project("a", "[tool.tradai-tasks]\nflor = 1"),
            },
            SettingsError,
            "libs/a/pyproject.toml: tool.tradai-tasks.flor: unknown key; did you mean 'floor'",
        ),
    ],
)
def test_what_is_wrong_is_named_with_its_file(
    files: dict[str, str], error: type[TasksError], said: str
) -> None:
    with pytest.raises(error, match=said):
        found(files)


def test_settings_of_a_package_are_laid_over_its_own() -> None:
    own = "[tool.tradai-tasks]\nfloor = 70\ngroups = ['qa']"
    files = {"pyproject.toml": ROOT, "libs/a/pyproject.toml": project("a_b", own)}
    (package,) = found(files, packages={"A.B": PackageSettings(floor=90.0)}).packages
    assert (package.settings.floor, package.settings.groups) == (90.0, ("qa",))
    with pytest.raises(SettingsError, match=r"packages\.ab: no package of that name; did you mean"):
        found(files, packages={"ab": PackageSettings()})
    with pytest.raises(SettingsError, match=r"packages\.zzz: no package of that name$"):
        found(files, packages={"zzz": PackageSettings()})
    strategy = {"strategies/momentum/pyproject.toml": project("momentum-strategy")}
    (package,) = found(strategy, packages={"momentum": PackageSettings(floor=1.0)}).packages
    assert package.settings.floor == 1.0


def test_globs_as_uv_has_them(tmp_path: Path) -> None:
    for name in ("a/x", "a/y/z", ".h/x", "b"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "file").touch()
    tree = DiskTree(tmp_path)
    assert glob_folders(tree, "a/*") == ("a/x", "a/y")
    assert glob_folders(tree, "**") == (".", "a", "a/x", "a/y", "a/y/z", "b")
    assert glob_folders(tree, "./a/[xy]/") == ("a/x", "a/y")
    assert glob_folders(tree, "*/x") == ("a/x",)
    assert glob_folders(tree, ".h/*") == (".h/x",)
    assert glob_folders(tree, ".*") == (".h",)
    assert glob_folders(tree, "nope/*") == ()
    assert glob_folders(tree, "a/../b") == ("b",)
    assert tree.files(".") == ("file",)
    assert tree.is_file("file")
    assert tree.files("file") == ()
    assert tree.read("file") == b""
    with pytest.raises(FileNotFoundError):
        tree.read("nope")


@given(st.lists(st.sampled_from(["a", "b", ".", "..", ""]), max_size=6))
def test_join_is_posix_normalisation(parts: list[str]) -> None:
    import posixpath

    path = "/".join(parts)
    assert join("base", path) == posixpath.normpath(f"base/{path}")


def test_the_memory_tree_lists_as_the_disk_does(tmp_path: Path) -> None:
    files = {"a/b/c.py": "", "a/d.py": "", "e": ""}
    for name in files:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    memory, disk = MemoryTree(files), DiskTree(tmp_path)
    for folder in (".", "a", "a/b", "nope"):
        assert memory.files(folder) == disk.files(folder)
        assert memory.folders(folder) == disk.folders(folder)


def test_a_circle_of_links_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "circle").symlink_to("circle")
    (tmp_path / "nowhere").symlink_to("absent")
    (tmp_path / "inside").mkdir()
    (tmp_path / "link").symlink_to("inside")
    tree = DiskTree(tmp_path)
    assert tree.folders(".") == ("inside", "link")
    assert tree.files(".") == ("circle", "nowhere")
