"""From a real repository to the packages that a change affects, in this process."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.affected_shop import (
    FILES,
    ROOT,
    commit,
    found,
    needing_base,
    release,
    repository,
    touch,
    upgrade,
)
from tests.support.real import git, write
from tests.support.trees import project


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    return repository(tmp_path / "shop", FILES)


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
