"""Who reads a file that is no module: code of other packages that names it in a string."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.e2e.affected.test_files_read import changed, selected
from tests.support.affected_shop import FILES, commit, found, repository
from tests.support.real import edit, write


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """The packages `base`, `app` that needs it, and `alone`."""
    return repository(tmp_path / "shop", FILES)


@pytest.mark.parametrize(
    ("code", "packages"),
    [
        ('open("../base/src/base/rates.json")', {"alone"}),
        ('glob("../base/src/base/*.json")', {"alone"}),
        ('Path("../base").rglob("*.json")', {"alone"}),
        ('ROOT.glob("libs/*/src/*/rates.json")', {"alone"}),
        ('open(HERE + "/../../base/src/base/rates.json")', {"alone"}),
        ('open(f"{HERE}/../../{PKG}/src/{PKG}/rates.json"); PKG = "base"', {"alone"}),
        ('run("cat ../base/src/base/rates.json", shell=True)', {"alone"}),
        ('(HERE / "rates.json").read_text()', set()),
        ('run("cat ../base/src/base/others.json", shell=True)', set()),
    ],
)
def test_data_of_a_package_that_others_name_by_its_path(
    shop: Path, code: str, packages: set[str]
) -> None:
    write(shop, {"libs/alone/tests/test_rates.py": f"def test_it():\n    {code}\n"})
    selection = changed(shop, "libs/base/src/base/rates.json")
    assert set(selection.affected("packages")) == {"app", "base"} | packages


@pytest.mark.parametrize(
    ("path", "code"),
    [
        (".github/CODEOWNERS", 'open(ROOT / ".github" / "CODEOWNERS")'),
        ("CODEOWNERS", 'open(ROOT / "CODEOWNERS")'),
        (".github/workflows/ci.yml", '(ROOT / ".github" / "workflows").glob("*.yml")'),
        (".github/workflows/ci.yml", 'sorted((ROOT / ".github/workflows").iterdir())'),
        (".pre-commit-config.yaml", 'open(ROOT / ".pre-commit-config.yaml")'),
        ("CITATION.cff", 'open(ROOT / "CITATION.cff")'),
        ("libs/alone/.pre-commit-config.yaml", 'open(HERE / ".pre-commit-config.yaml")'),
        ("ruff.toml", 'open(ROOT / "ruff.toml")'),
        ("pyproject.toml", 'open(Path(__file__).parents[3] / "pyproject.toml")'),
    ],
)
def test_what_no_session_reads_affects_a_test_that_reads_it(
    shop: Path, path: str, code: str
) -> None:
    write(shop, {path: FILES.get(path, "")})
    for text, packages in (("pass", set()), (code, {"alone"})):
        write(shop, {"libs/alone/tests/test_files.py": f"def test_it():\n    {text}\n"})
        commit(shop)
        with (shop / path).open("a") as file:
            file.write("[tool.ruff]\nx = 1\n" if path == "pyproject.toml" else "\nx = 1\n")
        selection = found(shop).selection
        assert (selection.everything, set(selection.affected("packages"))) == ((), packages)
        (shop / path).write_text(FILES.get(path, ""))


@pytest.mark.parametrize(
    ("table", "path"),
    [
        ('[tool.hatch.build.hooks.custom]\npath = "tools/hook.py"\n', "libs/base/tools/hook.py"),
        ('[tool.hatch.metadata.hooks.custom]\npath = "tools/meta.py"\n', "libs/base/tools/meta.py"),
        ('[tool.maturin]\nmanifest-path = "../../rust/Cargo.toml"\n', "rust/src/lib.rs"),
    ],
)
def test_code_that_builds_a_package(shop: Path, table: str, path: str) -> None:
    with (shop / "libs/base/pyproject.toml").open("a") as file:
        file.write(table)
    selection = changed(shop, path)
    assert (selection.everything, selection.affected("packages")) == ((), ("app", "base"))


def test_a_backend_in_the_package_itself(shop: Path) -> None:
    line = '[build-system]\nbackend-path = ["backend"]'
    edit(shop / "libs/base/pyproject.toml", "[build-system]", line)
    assert changed(shop, "libs/base/backend/own.py").affected("packages") == ("app", "base")


def test_members_that_are_written_in_another_way_affect_nothing(shop: Path) -> None:
    folders = ["alone", "app", "base"]
    edit(shop / "pyproject.toml", '["libs/*"]', str([f"libs/{one}" for one in folders]))
    assert selected(shop) == set()


def test_a_tools_file_in_a_folder_above_packages_selects_its_session(shop: Path) -> None:
    write(shop, {"libs/ruff.toml": ""})
    commit(shop)
    write(shop, {"libs/ruff.toml": "line-length = 9\n"})
    selection = found(shop).selection
    assert (selection.everything, selection.affected("packages")) == ((), ())
    assert list(selection.sessions) == ["lint"]


@pytest.mark.parametrize("path", ["LICENSES/MIT.txt", "changelog.d/7.misc", "MAINTAINERS"])
@pytest.mark.parametrize("folder", ["", "libs/base/"])
def test_texts_for_people_affect_nothing(shop: Path, path: str, folder: str) -> None:
    selection = changed(shop, f"{folder}{path}")
    assert (selection.everything, selection.affected("packages")) == ((), ())


@pytest.mark.parametrize(
    ("link", "target"),
    [("libs/base/src/base/x.json", "shared/x.json"), ("libs/base/shared", "shared")],
)
def test_data_behind_a_link_affects_whom_the_link_affects(
    shop: Path, link: str, target: str
) -> None:
    (shop / link).symlink_to("../" * link.count("/") + target)
    selection = changed(shop, "shared/x.json")
    assert (selection.everything, selection.affected("packages")) == ((), ("app", "base"))
