"""Who reads a file that is no module: code of other packages that names it in a string."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.e2e.affected.test_files_read import changed
from tests.support.affected_shop import FILES, commit, found, repository
from tests.support.real import write


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
